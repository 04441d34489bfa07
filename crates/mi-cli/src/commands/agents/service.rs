//! The service that keeps an agent of this machine online.

use std::path::PathBuf;

use super::daemon::ENDED_FOR_GOOD;
use crate::agent_file::AgentFile;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::machine::{Kept, Service};
use crate::variables;

/// So much of an office's id tells services apart.
const OFFICE_CHARS: usize = 8;

/// Where a person's services stand.
pub struct Places {
    home: PathBuf,
    config: PathBuf,
}

impl Places {
    pub fn find(desk: &Desk) -> Result<Self, Fault> {
        let folder = |name: &str| desk.variable(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        let nowhere = || Fault::usage("HOME is not set: no service can be kept", "set HOME, or --no-service");
        let home = folder(variables::HOME).ok_or_else(nowhere)?;
        let config = folder(variables::XDG_CONFIG_HOME).unwrap_or_else(|| home.join(".config"));
        Ok(Self { home, config })
    }
}

fn name(file: &AgentFile) -> String {
    let office: String = file.office.to_string().chars().take(OFFICE_CHARS).collect();
    format!("mi-heartbeat-{office}-{}", file.agent)
}

pub fn keep(desk: &Desk, file: &AgentFile, places: &Places) -> Result<Kept, Fault> {
    let kept = std::path::absolute(desk.home()?)
        .map_err(|fault| Fault::io("the configuration's folder has no path", fault))?;
    let service = Service {
        name: name(file),
        about: format!("Mitosis: {} is there", file.agent),
        arguments: ["agent", "heartbeat-daemon", "--as-agent", &file.title()].map(str::to_owned).into(),
        variables: vec![(variables::MI_HOME, kept.to_string_lossy().into_owned())],
        ends_with: vec![ENDED_FOR_GOOD.code()],
    };
    desk.machine.keep(&service, &places.home, &places.config)
}

/// Gives where it stood, if there was one.
pub fn release(desk: &Desk, file: &AgentFile, places: &Places) -> Result<Option<PathBuf>, Fault> {
    desk.machine.release(&name(file), &places.home, &places.config)
}
