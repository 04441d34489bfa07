//! Walls and limits, found out by raising a tiny pod that looks around from inside.

use std::path::PathBuf;

use mi_cli::World;
use mi_pods::{
    Backend, Driver, FindingKind, FindingState, LocalConfig, LocalDriver, ProcessConfig, ProcessDriver, Readiness,
    Strictness,
};
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
            let bwrap = world.variable("MI_BWRAP").map(PathBuf::from);
            LocalDriver::new(LocalConfig { runtime_dir, enter_program, enter_args, backend, bwrap }).readiness()
        }
        PodsKind::Process => {
            let search_path = world.variable("PATH").unwrap_or(PATH_DEFAULT).to_owned();
            ProcessDriver::new(ProcessConfig { runtime_dir, enter_program, enter_args, search_path }).readiness()
        }
    };
    Ok(findings(&readiness, config.strict_limits()?))
}

fn findings(found: &Readiness, strict: Strictness) -> Vec<Finding> {
    found.findings.iter().map(|finding| told(finding, found.backend, strict)).collect()
}

fn told(found: &mi_pods::Finding, backend: Backend, strict: Strictness) -> Finding {
    let (name, fix) = (found.name.clone(), found.fix.clone());
    let (section, why) = match found.kind {
        FindingKind::Wall => (Section::Walls, format!("{} (by {backend})", found.why)),
        FindingKind::Limit => (Section::Limits, found.why.clone()),
    };
    match (found.kind, found.state) {
        (_, FindingState::Raised) => Finding::ok(section, name, why),
        (FindingKind::Wall, FindingState::Missing) => Finding::wrong(section, name, found.why.clone(), fix),
        (FindingKind::Limit, _) if strict == Strictness::Required => Finding::wrong(section, name, why, fix),
        _ => Finding::less(section, name, found.why.clone(), fix),
    }
}
