//! What an office remembers when everything is over, as far as the rules ask.

use std::collections::BTreeMap;

use mi_core::ids::{ClaimToken, TaskId};
use mi_core::tasks::status::{Status, Verification};
use mi_core::time::Time;
use mi_core::wire::events::Event;
use mi_core::wire::tasks::{Task, TaskDetail};

/// Everything of one office.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    pub tasks: BTreeMap<TaskId, Remembered>,
    /// In the order of their numbers, as the server listed them.
    pub events: Vec<Event>,
}

/// A task at the end.
#[derive(Debug, Clone)]
pub struct Remembered {
    pub title: String,
    pub parent: Option<TaskId>,
    pub depends_on: Vec<TaskId>,
    pub status: Status,
    pub verification: Verification,
    pub result: Option<String>,
    pub error: Option<String>,
    pub max_attempts: i64,
    /// Texts of its log and its comments.
    pub notes: Vec<String>,
    pub artifacts: Vec<String>,
    /// In the order of their tokens, as the server listed them.
    pub attempts: Vec<Attempt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    pub token: ClaimToken,
    pub started_at: Time,
    pub ended_at: Option<Time>,
}

impl Remembered {
    /// Of a list, which tells nothing of notes and attempts.
    pub fn listed(task: &Task) -> Self {
        let ids = task.depends_on.as_deref().unwrap_or_default().split(',');
        Self {
            title: task.title.clone(),
            parent: task.parent_id,
            depends_on: ids.filter_map(|id| id.trim().parse().ok()).collect(),
            status: task.status,
            verification: task.verification,
            result: task.result_summary.clone(),
            error: task.error.clone(),
            max_attempts: task.max_attempts,
            notes: Vec::new(),
            artifacts: Vec::new(),
            attempts: Vec::new(),
        }
    }
}

impl From<TaskDetail> for Remembered {
    fn from(detail: TaskDetail) -> Self {
        let logs = detail.logs.into_iter().map(|log| log.message);
        let attempt = |session: mi_core::wire::tasks::Session| Attempt {
            token: session.id,
            started_at: session.started_at,
            ended_at: session.ended_at,
        };
        Self {
            notes: logs.chain(detail.comments.into_iter().map(|comment| comment.message)).collect(),
            artifacts: detail.artifacts.into_iter().map(|artifact| artifact.path).collect(),
            attempts: detail.sessions.into_iter().map(attempt).collect(),
            ..Self::listed(&detail.task)
        }
    }
}

impl Memory {
    /// Whether `id` is `above` or lies anywhere below it.
    pub fn is_below(&self, id: TaskId, above: TaskId) -> bool {
        let mut at = Some(id);
        // A chain of parents is never longer than there are tasks.
        for _ in 0..=self.tasks.len() {
            match at {
                None => return false,
                Some(id) if id == above => return true,
                Some(id) => at = self.tasks.get(&id).and_then(|task| task.parent),
            }
        }
        false
    }
}
