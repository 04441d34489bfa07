//! Checks of a task with what was found: snake_case on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::checks::Check;
use crate::tasks::status::words;
use crate::time::Time;

/// One check of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskCheck {
    #[serde(flatten)]
    pub check: Check,
    /// The same in one line: `file: report.md words>=100`.
    pub text: String,
    /// Of the last completion that was checked; null before.
    pub outcome: Option<CheckOutcome>,
}

words! {
    /// Whether a check held.
    Verdict { Passed = "passed", Failed = "failed" }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckOutcome {
    pub verdict: Verdict,
    /// What was seen, in a few words: `has 12 words`.
    pub detail: String,
    /// Of a command that ended by itself.
    pub exit_code: Option<i64>,
    /// The end of what it printed, at most 8 KiB.
    pub output: Option<String>,
    pub duration_ms: i64,
    /// Counts the completions of the task that were checked, from 1.
    pub generation: i64,
    pub finished_at: Time,
}
