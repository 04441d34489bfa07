//! What `mi up` would run with, and where the command line looks.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mi_cli::World;
use mi_cli::config::Config as CliConfig;
use mi_server::infra::config::{Config, Origin};

use super::finding::{Finding, Section};

const SECTION: Section = Section::Configuration;
const OTHERS_BITS: u32 = 0o077;

pub fn look(config: &Config, world: &World) -> Vec<Finding> {
    let mut out = vec![settings(config)];
    out.extend(command_line(world));
    out
}

/// Only what somebody set; `mi config show` has the rest.
fn settings(config: &Config) -> Finding {
    let default = Origin::Default.to_string();
    let set: Vec<String> = config
        .show()
        .iter()
        .filter(|row| row.origin != default)
        .filter_map(|row| Some(format!("{} = {} ({})", row.name, row.value.as_deref()?, row.origin)))
        .collect();
    let detail = if set.is_empty() { "all defaults".to_owned() } else { set.join(", ") };
    Finding::ok(SECTION, "settings", detail)
}

fn command_line(world: &World) -> Option<Finding> {
    let name = "command line";
    let Some(home) = world.home() else {
        let fix = "set MI_HOME or HOME";
        return Some(Finding::less(SECTION, name, "there is no home folder to keep a key in", fix));
    };
    let path = CliConfig::path(&home);
    let mode = match fs::metadata(&path) {
        Ok(facts) => facts.permissions().mode(),
        Err(_) => return Some(Finding::ok(SECTION, name, format!("{} is not there yet", path.display()))),
    };
    if let Err(fault) = CliConfig::load(&home) {
        return Some(Finding::wrong(SECTION, name, fault.to_string(), "mend or remove the file, then mi login"));
    }
    if mode & OTHERS_BITS != 0 {
        let detail = format!("others on this machine may read {}", path.display());
        return Some(Finding::wrong(SECTION, name, detail, format!("chmod 600 {}", path.display())));
    }
    Some(Finding::ok(SECTION, name, path.display().to_string()))
}
