//! What a command finds around it: variables and streams, handed in from outside.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use mi_core::time::Time;

use crate::machine::Machine;
use crate::window::Window;
use crate::{page, variables};

/// Between two looks at something that is being followed.
const POLL_MILLIS: u64 = 1_000;
const CONFIG_FOLDER: &str = ".mi";

pub struct World {
    pub variables: BTreeMap<String, String>,
    pub stdin: Box<dyn Read + Send>,
    pub stdout: Box<dyn Write + Send>,
    pub stderr: Box<dyn Write + Send>,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// How long to wait between two looks at something that is being followed.
    pub pace: Duration,
    pub now: fn() -> Time,
    pub window: Window,
    pub machine: Machine,
    /// Opens a page in a browser; false where there is none.
    pub open_page: fn(&str) -> bool,
}

impl World {
    /// The real one.
    pub fn of_process() -> Self {
        // A variable that is no text can't be one of ours.
        let variables = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            variables,
            stdin: Box::new(std::io::stdin()),
            stdout: Box::new(std::io::stdout()),
            stderr: Box::new(std::io::stderr()),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            pace: Duration::from_millis(POLL_MILLIS),
            now: wall_clock,
            window: Window::OF_PROCESS,
            machine: Machine::of_process(),
            open_page: page::open,
        }
    }

    /// A variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The folder of `config.json`; `None` where there is no home.
    pub fn home(&self) -> Option<PathBuf> {
        if let Some(home) = self.variable(variables::MI_HOME) {
            return Some(PathBuf::from(home));
        }
        Some(PathBuf::from(self.variable(variables::HOME)?).join(CONFIG_FOLDER))
    }
}

/// A clock before 1970 shows 1970.
fn wall_clock() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
