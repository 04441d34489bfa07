//! What went wrong, in the voice of the command line: a sentence, then the next step.

use std::io;

use mi_client::{BadEndpoint, ClientError};

use crate::config::ConfigFault;
use crate::exit::Exit;

const HINT_LOG_IN: &str = "`mi login` gets a key by a yes in the browser, `mi login --key -` stores one from elsewhere";

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Client(#[from] ClientError),
    #[error("{0}")]
    Config(#[from] ConfigFault),
    /// Said by us, with an exit code and a next step.
    #[error("{message}")]
    Said { exit: Exit, message: String, hint: Option<String> },
    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },
    /// A program that ran elsewhere ended with this code, and has said why itself.
    #[error("it ended with {0}")]
    Passed(u8),
    /// Whoever read our output has gone; there is nobody to tell.
    #[error("the reader of the output has gone")]
    HungUp,
}

impl Fault {
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Fault::Said { exit: Exit::Usage, message: message.into(), hint: Some(hint.into()) }
    }

    pub fn not_found(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Fault::Said { exit: Exit::NotFound, message: message.into(), hint: Some(hint.into()) }
    }

    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Fault::Said { exit: Exit::Failed, message: message.into(), hint: Some(hint.into()) }
    }

    pub fn not_logged_in() -> Self {
        let message = "you are not logged in".to_owned();
        Fault::Said { exit: Exit::Denied, message, hint: Some(HINT_LOG_IN.to_owned()) }
    }

    pub fn no_such_agent_here(named: &str) -> Self {
        let named = mi_core::ids::excerpt(named);
        Fault::not_found(
            format!("no agent {named} joined from this machine"),
            "`mi agent join CODE -n NAME` lets one join; MI_HOME names the folder where they are kept",
        )
    }

    pub fn endpoint(bad: BadEndpoint) -> Self {
        Fault::usage(bad.to_string(), "set it with --endpoint, MI_ENDPOINT or `mi login --endpoint URL --key KEY`")
    }

    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        Fault::Io { what: what.into(), source }
    }

    /// Of writing to stdout or stderr.
    pub fn of_output(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::BrokenPipe => Fault::HungUp,
            _ => Fault::io("the output can't be written", source),
        }
    }

    /// What the process ends with.
    pub fn code(&self) -> u8 {
        match self {
            Fault::Passed(code) => *code,
            fault => fault.exit().code(),
        }
    }

    pub fn exit(&self) -> Exit {
        match self {
            Fault::Passed(_) => Exit::Failed,
            Fault::Client(ClientError::Problem { status, .. }) => Exit::of_status(*status),
            Fault::Client(ClientError::Unreachable { .. }) => Exit::Unreachable,
            Fault::Client(ClientError::Request { .. }) => Exit::Usage,
            Fault::Client(ClientError::Decode { .. } | ClientError::Io { .. }) => Exit::Failed,
            Fault::Config(_) | Fault::Io { .. } => Exit::Failed,
            Fault::Said { exit, .. } => *exit,
            Fault::HungUp => Exit::Done,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Fault::Client(fault) => hint_of_call(fault),
            Fault::Config(ConfigFault::Invalid { .. }) => Some("mend or remove the file, then `mi login`".to_owned()),
            Fault::Config(ConfigFault::Read { source, .. } | ConfigFault::Write { source, .. }) => {
                Some(format!("{source}; MI_HOME names another folder"))
            }
            Fault::Said { hint, .. } => hint.clone(),
            Fault::Io { .. } | Fault::Passed(_) | Fault::HungUp => None,
        }
    }
}

fn hint_of_call(fault: &ClientError) -> Option<String> {
    match fault {
        ClientError::Problem { problem, status, .. } => {
            problem.hint.clone().or_else(|| hint_of_refusal(&problem.code, *status))
        }
        ClientError::Unreachable { .. } if fault.is_untrusted() => Some(
            "its certificate is not trusted here: --ca-cert FILE trusts it, or the authority that made it".to_owned(),
        ),
        ClientError::Unreachable { cause, .. } => Some(format!(
            "{}`mi up` starts a server here; --endpoint or MI_ENDPOINT names another",
            if cause.is_timeout() { "it did not answer in time; " } else { "" }
        )),
        ClientError::Decode { .. } => {
            Some("is this the address of a Mitosis server, of about this version?".to_owned())
        }
        ClientError::Request { .. } => None,
        ClientError::Io { source, .. } => Some(source.to_string()),
    }
}

/// For refusals that bring no hint of their own.
fn hint_of_refusal(code: &str, status: u16) -> Option<String> {
    let hint = match (code, status) {
        ("no_such_office", _) => "`mi colonies list` shows your colonies",
        ("no_such_agent", _) => "`mi agents list` shows who works there",
        ("no_such_task", _) => "`mi tasks list` shows what there is",
        ("no_such_file", _) => "`mi files list` shows what is on the drive",
        ("agent_exists", _) => "choose another name, or `mi agents fire` the agent that has it",
        ("stale_claim", _) => "somebody else has the task now, or it is over: stop working on it",
        (_, 401) => HINT_LOG_IN,
        (_, 402) => "`mi credits add --amount 100` tops the office up",
        (_, 403) => "`mi whoami` shows who you are",
        (_, 429) => "wait a little, then try again",
        (_, 500..) => "the log of the server says more",
        _ => return None,
    };
    Some(hint.to_owned())
}
