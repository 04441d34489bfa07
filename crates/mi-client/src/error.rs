//! What can go wrong with a call.

use std::io;
use std::time::Duration;

use mi_core::problem::Problem;

/// The code of an answer that is no success and no problem of ours, such as a proxy's page.
const CODE_UNKNOWN: &str = "unknown";

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered, and said no.
    #[error("{}", problem.error)]
    Problem { status: u16, problem: Box<Problem>, retry_after: Option<Duration> },
    /// No answer came.
    #[error("the server at {endpoint} can't be reached")]
    Unreachable {
        endpoint: String,
        #[source]
        cause: reqwest::Error,
    },
    /// An answer came that isn't what the contract says.
    #[error("the answer of the server can't be read: {what}")]
    Decode { what: String },
    /// The request could not be made.
    #[error("the request can't be sent: {what}")]
    Request { what: String },
    /// A file on this side.
    #[error("{what}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },
}

impl ClientError {
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        ClientError::Io { what: what.into(), source }
    }

    pub(crate) fn refused(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let problem = serde_json::from_slice(body).unwrap_or_else(|_| Problem {
            error: format!("the server answered with status {status}"),
            code: CODE_UNKNOWN.to_owned(),
            hint: None,
            request_id: String::new(),
            must_stop: None,
            server_time: None,
        });
        ClientError::Problem { status, problem: Box::new(problem), retry_after }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            ClientError::Problem { status, .. } => Some(*status),
            ClientError::Unreachable { .. }
            | ClientError::Decode { .. }
            | ClientError::Request { .. }
            | ClientError::Io { .. } => None,
        }
    }

    /// The contract's code, when the server said no.
    pub fn code(&self) -> Option<&str> {
        match self {
            ClientError::Problem { problem, .. } => Some(&problem.code),
            ClientError::Unreachable { .. }
            | ClientError::Decode { .. }
            | ClientError::Request { .. }
            | ClientError::Io { .. } => None,
        }
    }

    /// The caller's claim is gone; it must stop working on the task.
    pub fn must_stop(&self) -> bool {
        matches!(self, ClientError::Problem { problem, .. } if problem.must_stop == Some(true))
    }

    /// No answer came because the server's certificate is not trusted here.
    pub fn is_untrusted(&self) -> bool {
        let ClientError::Unreachable { cause, .. } = self else { return false };
        let mut next: Option<&dyn std::error::Error> = Some(cause);
        while let Some(fault) = next {
            // As the TLS library says it; its own type is hidden in one of IO.
            if fault.to_string().contains("invalid peer certificate") {
                return true;
            }
            next = fault.source();
        }
        false
    }

    pub fn is_unreachable(&self) -> bool {
        matches!(self, ClientError::Unreachable { .. })
    }
}
