//! Why a pod didn't start, each with the next step.

use std::io;

/// How to get the walls, and how to go without; said wherever a wall can't be raised.
pub(crate) const WALL_REMEDY: &str = "install bubblewrap (Debian and Ubuntu: apt-get install bubblewrap) or allow \
    unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also \
    kernel.apparmor_restrict_unprivileged_userns=0); or run without a sandbox with `--pods process`, which means that \
    agents can read and change whatever the server's user can";

pub(crate) const LIMIT_REMEDY: &str = "run the server as root or in a cgroup delegated to its user (systemd: \
    Delegate=yes), or start without this limit or without --strict-limits";

pub(crate) const DISK_REMEDY: &str = "make room, then start the agent again";

#[derive(Debug, thiserror::Error)]
pub enum PodError {
    #[error("the pod's {wall} wall can't be raised: {detail}")]
    Wall { wall: String, detail: String },
    #[error("the pod's {limit} limit can't be held: {detail}")]
    Limit { limit: String, detail: String },
    #[error("{detail}")]
    Disk { detail: String },
    #[error("the pod can't be started as asked: {detail}")]
    Spec { detail: String },
    #[error("the pod's program didn't start: {detail}")]
    Start { detail: String },
    #[error("{act}")]
    Io {
        act: String,
        #[source]
        source: io::Error,
    },
}

impl PodError {
    /// What to do about it, for people; `None` where the message says it all.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Wall { .. } => Some(WALL_REMEDY),
            Self::Limit { .. } => Some(LIMIT_REMEDY),
            Self::Disk { .. } => Some(DISK_REMEDY),
            Self::Spec { .. } | Self::Start { .. } | Self::Io { .. } => None,
        }
    }

    pub(crate) fn wall(wall: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Wall { wall: wall.into(), detail: detail.into() }
    }

    pub(crate) fn limit(limit: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Limit { limit: limit.into(), detail: detail.into() }
    }

    pub(crate) fn disk(detail: impl Into<String>) -> Self {
        Self::Disk { detail: detail.into() }
    }

    pub(crate) fn spec(detail: impl Into<String>) -> Self {
        Self::Spec { detail: detail.into() }
    }

    pub(crate) fn start(detail: impl Into<String>) -> Self {
        Self::Start { detail: detail.into() }
    }

    /// Names the act that failed; used as `.map_err(PodError::io("open the log"))`.
    pub(crate) fn io<E: Into<io::Error>>(act: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |source| Self::Io { act: format!("can't {}", act.into()), source: source.into() }
    }
}
