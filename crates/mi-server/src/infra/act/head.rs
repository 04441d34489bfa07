//! An office's row: its settings and its counters, so that nothing ever counts rows.

use std::sync::Arc;

use mi_core::credits::Micro;
use mi_core::ids::UserId;
use mi_core::tasks::status::Status;
use mi_core::time::Time;
use mi_core::wire::offices::{OfficeStatus, Settings};
use mi_core::wire::tasks::TaskStats;

#[derive(Debug, Clone)]
pub struct Head {
    pub name: String,
    pub owner: UserId,
    pub status: OfficeStatus,
    /// Shared: nearly every act reads it and hardly one changes it.
    pub settings: Arc<Settings>,
    pub created_at: Time,
    pub event_seq: i64,
    pub event_mac: String,
    pub task_seq: i64,
    pub session_seq: i64,
    pub row_seq: i64,
    pub agent_count: i64,
    pub tasks: TaskCounts,
    pub balance: Micro,
    /// What is put aside of it: for model calls under way, and for time of pods that the ledger doesn't say yet.
    pub held: Micro,
}

impl Head {
    pub fn available(&self) -> Micro {
        Micro(self.balance.0 - self.held.0)
    }

    /// Every number that an act may change, to know whether there is anything to save. The tag of the last event
    /// changes with its number.
    pub(super) fn numbers(&self) -> [i64; 14] {
        let tasks = &self.tasks;
        [
            self.event_seq,
            self.task_seq,
            self.session_seq,
            self.row_seq,
            self.agent_count,
            tasks.queued,
            tasks.claimed,
            tasks.running,
            tasks.blocked,
            tasks.done,
            tasks.failed,
            tasks.cancelled,
            self.balance.0,
            self.held.0,
        ]
    }
}

/// Tasks by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskCounts {
    pub queued: i64,
    pub claimed: i64,
    pub running: i64,
    pub blocked: i64,
    pub done: i64,
    pub failed: i64,
    pub cancelled: i64,
}

impl TaskCounts {
    pub fn of(&mut self, status: Status) -> &mut i64 {
        match status {
            Status::Queued => &mut self.queued,
            Status::Claimed => &mut self.claimed,
            Status::Running => &mut self.running,
            Status::Blocked => &mut self.blocked,
            Status::Done => &mut self.done,
            Status::Failed => &mut self.failed,
            Status::Cancelled => &mut self.cancelled,
        }
    }

    pub fn open(&self) -> i64 {
        self.queued + self.claimed + self.running + self.blocked
    }

    pub fn stats(&self) -> TaskStats {
        TaskStats {
            total: self.open() + self.done + self.failed + self.cancelled,
            queued: self.queued,
            claimed: self.claimed,
            running: self.running,
            blocked: self.blocked,
            done: self.done,
            failed: self.failed,
            cancelled: self.cancelled,
            pending: self.queued + self.blocked,
            completed: self.done,
        }
    }
}
