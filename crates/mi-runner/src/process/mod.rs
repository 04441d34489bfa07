//! Starting the processes of a session and making sure that none of them outlives it.
//!
//! Every child leads a session of its own. A child that runs away (forks twice, leaves its group) is handed to the
//! runner by the kernel, because the runner is a subreaper, and is found by walking `/proc`. That nothing is left is the
//! kernel's word (no child at all), not that of a walk, wherever the runner's children are of one tree only.

mod grove;
mod table;
mod tree;

use nix::sys::prctl;
use std::io;

use crate::fault::RunnerError;

pub(crate) use grove::Grove;
pub use tree::Reach;
pub(crate) use tree::{Claim, Cleared, Tree};

/// Makes the runner's memory unreadable for its children, and makes it the parent of those that lose theirs.
pub(crate) fn raise_guards() -> Result<(), RunnerError> {
    prctl::set_dumpable(false).map_err(io::Error::from).map_err(RunnerError::io("close the runner's memory"))?;
    prctl::set_child_subreaper(true).map_err(io::Error::from).map_err(RunnerError::io("become a subreaper"))
}
