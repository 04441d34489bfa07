//! What went wrong with a program of this binary, in the command line's voice.

use mi_cli::exit::Exit;
use mi_client::ClientError;
use mi_runner::{ControlError, RunnerError};
use mi_server::infra::config::ConfigError;
use mi_server::server::StartError;

use crate::voice;

#[derive(Debug)]
pub struct Failure {
    sentence: String,
    hint: Option<String>,
    exit: Exit,
}

impl Failure {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), hint: None, exit: Exit::Failed }
    }

    pub fn usage(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(sentence) }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What to do about a credential that is not good any more.
    pub fn hint_if_denied(self, hint: &str) -> Self {
        if self.exit == Exit::Denied { self.hint(hint) } else { self }
    }

    pub fn exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// Names the act that the system refused.
    pub fn io(act: &str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::new(format!("can't {act}: {error}"))
    }
}

/// Says how it ended and gives the exit code.
pub fn told(result: Result<Exit, Failure>) -> u8 {
    match result {
        Ok(exit) => exit.code(),
        Err(failure) => {
            voice::say(&format!("error: {}", failure.sentence));
            if let Some(hint) = &failure.hint {
                voice::say(&format!("hint: {hint}"));
            }
            failure.exit.code()
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self { sentence: error.to_string(), hint: error.hint(), exit: Exit::Failed }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string()).hint("mi config show tells every value and where it comes from")
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let hint = match &error {
            ClientError::Problem { problem, .. } => problem.hint.clone(),
            ClientError::Unreachable { .. }
            | ClientError::Decode { .. }
            | ClientError::Request { .. }
            | ClientError::Io { .. } => None,
        };
        let exit = if error.is_unreachable() {
            Exit::Unreachable
        } else {
            error.status().map_or(Exit::Failed, Exit::of_status)
        };
        Self { sentence: error.to_string(), hint, exit }
    }
}

impl From<RunnerError> for Failure {
    fn from(error: RunnerError) -> Self {
        let exit = match &error {
            RunnerError::Unauthenticated(_) => Exit::Denied,
            RunnerError::Refused(ControlError::Refused { status, .. }) => Exit::of_status(*status),
            RunnerError::Unreachable { .. } | RunnerError::Refused(ControlError::Unreachable(_)) => Exit::Unreachable,
            RunnerError::NotSet { .. } | RunnerError::NotUsable { .. } => Exit::Usage,
            RunnerError::Io { .. } | RunnerError::Client(_) => Exit::Failed,
        };
        Self { exit, ..Self::new(error.to_string()) }
    }
}
