//! What every driver promises, whatever its pods are made of.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::fault::PodError;
use crate::finding::{Finding, FindingKind};
use crate::spec::PodSpec;

/// Starts pods of one kind. All calls may block for seconds: call them from a thread that may wait.
pub trait Driver: Send + Sync {
    /// The name by which people choose this driver (`--pods NAME`).
    fn name(&self) -> &'static str;

    /// Which walls and limits hold on this machine, found out by raising a tiny pod, not by reading settings.
    fn readiness(&self) -> Readiness;

    /// Starts a pod and returns once its program runs.
    ///
    /// # Errors
    /// When the spec is malformed, a wall can't be raised, or a required limit can't be held; nothing is left running.
    fn start(&self, spec: PodSpec) -> Result<Arc<dyn Pod>, PodError>;

    /// Ends what an earlier server with the same runtime directory left behind; returns how many processes that were.
    ///
    /// # Errors
    /// When the process table can't be read.
    fn sweep_orphans(&self) -> Result<usize, PodError>;
}

/// One started pod.
pub trait Pod: Send + Sync {
    /// The host's process id of the pod's outermost process, while it runs.
    fn pid(&self) -> Option<u32>;
    fn status(&self) -> PodStatus;
    /// Asks the pod's program (and only it) to end: SIGTERM.
    fn terminate(&self);
    /// Ends every process of the pod at once: SIGKILL. `wait_timeout` says when they are gone.
    fn kill(&self);
    /// Waits for the end, at most so long, and says how things stand then.
    fn wait_timeout(&self, limit: Duration) -> PodStatus;
    /// Why the driver itself ended the pod, where it did: what it keeps on disk is more than it may.
    fn verdict(&self) -> Option<String>;
    /// Limits that were asked for with `Strictness::BestEffort` and don't fully hold for this pod.
    fn degraded(&self) -> Vec<Finding>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodStatus {
    Running,
    /// Exactly one of the two is known for a program that ended by itself; neither when the pod was torn down.
    Exited {
        code: Option<i32>,
        signal: Option<i32>,
    },
}

/// What raises the walls of a local pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Bwrap,
    Namespaces,
    None,
}

impl fmt::Display for Backend {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Bwrap => "bwrap",
            Self::Namespaces => "namespaces",
            Self::None => "none",
        })
    }
}

impl FromStr for Backend {
    type Err = PodError;

    fn from_str(text: &str) -> Result<Self, PodError> {
        match text {
            "bwrap" => Ok(Self::Bwrap),
            "namespaces" => Ok(Self::Namespaces),
            other => Err(PodError::spec(format!("{other} is no pod backend; there are bwrap and namespaces"))),
        }
    }
}

/// What this machine can enforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    pub backend: Backend,
    /// Walls first, then limits.
    pub findings: Vec<Finding>,
}

impl Readiness {
    /// Whether pods can start at all: no wall is missing. Limits only degrade.
    #[must_use]
    pub fn can_start(&self) -> bool {
        !self.findings.iter().any(Finding::is_missing_wall)
    }

    pub fn of(&self, kind: FindingKind) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.kind == kind)
    }
}
