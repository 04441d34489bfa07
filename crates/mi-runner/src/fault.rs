//! Why a runner can't go on.

use std::io;

use crate::control::ControlError;

#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    #[error(
        "{name} is not set; a runner is started by the server, or with the variables that `mi runner --help` lists"
    )]
    NotSet { name: &'static str },
    #[error("{name} is not usable: {reason}")]
    NotUsable { name: &'static str, reason: String },
    #[error("can't {act}: {source}")]
    Io { act: &'static str, source: io::Error },
    #[error("the server doesn't know this runner any more: {0}")]
    Unauthenticated(ControlError),
    #[error("the server refuses this runner: {0}")]
    Refused(ControlError),
    #[error("the server could not be reached for {seconds} s: {last}")]
    Unreachable { seconds: u64, last: ControlError },
    #[error("no client for the server: {0}")]
    Client(String),
}

impl RunnerError {
    pub(crate) fn io(act: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { act, source }
    }
}
