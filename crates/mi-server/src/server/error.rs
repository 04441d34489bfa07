//! Why a server doesn't start, each with the next step.

use std::io;

use crate::egress::BadPrivate;
use crate::gateway::prices::BadPrices;
use crate::gateway::providers::BadProvider;
use crate::infra::db::DbError;
use crate::infra::fault::Fault;
use crate::infra::http::certificate::BadTls;
use crate::infra::keys::KeyError;
use crate::infra::outbound::BadUpstream;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("another mi is running on this data directory{}", .pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Locked { pid: Option<u32> },
    #[error("the data directory {path} can't be used: {source}")]
    DataDir { path: String, source: io::Error },
    #[error("{path} must be a folder of this user alone, and isn't")]
    RuntimeDir { path: String },
    #[error("{0}")]
    Tls(#[from] BadTls),
    #[error("{0}")]
    Keys(#[from] KeyError),
    #[error("the store can't be opened: {0}")]
    Store(DbError),
    #[error("{address} is in use by another program")]
    InUse { address: String },
    #[error("can't listen on {address}: {source}")]
    Listen { address: String, source: io::Error },
    #[error("no sandbox can be raised on this machine: {detail}")]
    NoSandbox { detail: String, fix: String },
    #[error("{0}")]
    Prices(#[from] BadPrices),
    #[error("{0}")]
    Provider(String),
    #[error("{0}")]
    Setting(String),
    #[error("{sentence}: {cause}")]
    Act { sentence: String, cause: String },
    #[error("the start broke off: {0}")]
    Broke(String),
}

impl StartError {
    pub(super) fn listen(address: &str, source: io::Error) -> Self {
        let address = address.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address },
            _ => Self::Listen { address, source },
        }
    }

    /// What to do about it; `None` where the message says it all.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Locked { .. } => Some("stop it first, or give this one another --data-dir".to_owned()),
            Self::InUse { .. } => {
                Some("stop that program, or choose another port: --listen 127.0.0.1:0 takes a free one".to_owned())
            }
            Self::Listen { .. } => Some("--listen takes ADDRESS:PORT, such as 127.0.0.1:7700".to_owned()),
            Self::Tls(bad) => Some(bad.hint().to_owned()),
            Self::NoSandbox { fix, .. } => Some(fix.clone()),
            Self::DataDir { .. } => Some("--data-dir DIR names another place".to_owned()),
            Self::RuntimeDir { .. } => Some("remove it, or choose a --data-dir with a shorter path".to_owned()),
            Self::Store(DbError::Full(_)) => Some("free some space on the disk".to_owned()),
            Self::Keys(_)
            | Self::Store(_)
            | Self::Provider(_)
            | Self::Setting(_)
            | Self::Act { .. }
            | Self::Broke(_)
            | Self::Prices(_) => None,
        }
    }
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Act { sentence: fault.sentence, cause: fault.cause.unwrap_or_default() }
    }
}

impl From<BadProvider> for StartError {
    fn from(bad: BadProvider) -> Self {
        Self::Provider(bad.to_string())
    }
}

impl From<BadPrivate> for StartError {
    fn from(bad: BadPrivate) -> Self {
        Self::Setting(bad.to_string())
    }
}

impl From<BadUpstream> for StartError {
    fn from(bad: BadUpstream) -> Self {
        Self::Setting(bad.to_string())
    }
}
