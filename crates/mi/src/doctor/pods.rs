//! Walls and limits, found out by raising a tiny pod that looks around from inside.

use mi_cli::World;
use mi_pods::{Backend, Check, Driver, LocalConfig, LocalDriver, ProcessConfig, ProcessDriver, Readiness, Strictness};
use mi_server::infra::config::{Config, PodsKind};

use super::finding::{Finding, Section};
use crate::failure::Failure;
use crate::settings;

/// The argument by which this program becomes a pod.
const ENTER: &str = "pod-enter";
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

pub fn look(config: &Config, world: &World) -> Result<Vec<Finding>, Failure> {
    // Not the server's own folder: nothing there is touched.
    let scratch =
        tempfile::Builder::new().prefix("mi-doctor-").tempdir().map_err(Failure::io("make a scratch folder"))?;
    let (runtime_dir, enter_args) = (scratch.path().to_owned(), vec![ENTER.to_owned()]);
    let enter_program = settings::program()?;
    let readiness = match config.pods()? {
        PodsKind::Local => {
            let backend = world.variable("MI_POD_BACKEND").map(str::parse::<Backend>).transpose();
            let backend = backend.map_err(|error| Failure::usage(format!("MI_POD_BACKEND: {error}")))?;
            LocalDriver::new(LocalConfig { runtime_dir, enter_program, enter_args, backend }).readiness()
        }
        PodsKind::Process => {
            let search_path = world.variable("PATH").unwrap_or(PATH_DEFAULT).to_owned();
            ProcessDriver::new(ProcessConfig { runtime_dir, enter_program, enter_args, search_path }).readiness()
        }
    };
    Ok(findings(&readiness, config.strict_limits()?))
}

fn findings(found: &Readiness, strict: Strictness) -> Vec<Finding> {
    let walls = found.walls.iter().map(|wall| of_wall(wall, found.backend));
    let limits = found.limits.iter().map(|limit| of_limit(limit, strict));
    walls.chain(limits).collect()
}

fn of_wall(wall: &Check, backend: Backend) -> Finding {
    match (wall.ok, wall.fix.is_empty()) {
        (true, true) => Finding::ok(Section::Walls, wall.name.clone(), format!("{} (by {backend})", wall.detail)),
        // A driver without walls, by choice.
        (true, false) => Finding::less(Section::Walls, wall.name.clone(), wall.detail.clone(), wall.fix.clone()),
        (false, _) => Finding::wrong(Section::Walls, wall.name.clone(), wall.detail.clone(), wall.fix.clone()),
    }
}

fn of_limit(limit: &Check, strict: Strictness) -> Finding {
    let (name, detail, fix) = (limit.name.clone(), limit.detail.clone(), limit.fix.clone());
    match (limit.ok, strict) {
        (true, _) => Finding::ok(Section::Limits, name, detail),
        (false, Strictness::BestEffort) => Finding::less(Section::Limits, name, detail, fix),
        (false, Strictness::Required) => Finding::wrong(Section::Limits, name, detail, fix),
    }
}
