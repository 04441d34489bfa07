//! What follows from a move: retries, readiness, the outcome of a container.

use super::status::{Status, Verification};
use crate::limits::RETRY_BACKOFF_SECONDS;
use crate::time::{Millis, Time};

/// What becomes of a task whose counted attempt was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterLoss {
    RequeueAt(Time),
    Fail,
}

/// Below the limit the task waits a little longer each time, at the limit it fails.
/// `attempts` counts the one just lost.
pub fn after_loss(attempts: i64, attempts_max: i64, now: Time) -> AfterLoss {
    if attempts >= attempts_max {
        return AfterLoss::Fail;
    }
    let last = RETRY_BACKOFF_SECONDS.len() - 1;
    let step = usize::try_from(attempts.max(1) - 1).unwrap_or(last).min(last);
    AfterLoss::RequeueAt(now + Millis::seconds(RETRY_BACKOFF_SECONDS[step]))
}

/// The facts that decide whether a task may be claimed, apart from who asks and when.
#[derive(Debug, Clone, Copy)]
pub struct Readiness {
    pub status: Status,
    pub open_dependencies: i64,
    pub subtasks: i64,
    pub open_subtasks: i64,
    /// An assignee makes a parent a synthesis instead of a container.
    pub assigned: Assigned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigned {
    Nobody,
    Somebody,
}

impl Readiness {
    /// An unassigned task with subtasks is a container and never claimable.
    pub const fn is_container(&self) -> bool {
        self.subtasks > 0 && matches!(self.assigned, Assigned::Nobody)
    }

    /// Claimable by somebody, back-off and office apart.
    pub const fn is_ready(&self) -> bool {
        matches!(self.status, Status::Queued)
            && self.open_dependencies == 0
            && self.open_subtasks == 0
            && !self.is_container()
    }

    /// A container whose time to be closed by the server has come.
    pub const fn is_container_due(&self) -> bool {
        matches!(self.status, Status::Queued)
            && self.is_container()
            && self.open_dependencies == 0
            && self.open_subtasks == 0
    }
}

/// How a container ends, given its subtasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerOutcome {
    Done { result: String },
    Failed { error: String },
}

/// A finished subtask, as its container sees it.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    pub id: i64,
    pub title: &'a str,
    pub status: Status,
    pub verification: Verification,
    pub result: &'a str,
}

/// Failed if a part failed or all were cancelled; else done, its result the list of theirs.
pub fn container_outcome(parts: &[Part<'_>]) -> ContainerOutcome {
    let failed: Vec<String> =
        parts.iter().filter(|p| p.status == Status::Failed).map(|p| format!("#{} {}", p.id, p.title)).collect();
    if !failed.is_empty() {
        return ContainerOutcome::Failed { error: format!("failed subtasks: {}", failed.join(", ")) };
    }
    if parts.iter().all(|p| p.status == Status::Cancelled) {
        return ContainerOutcome::Failed { error: "every subtask was cancelled".to_owned() };
    }
    let lines: Vec<String> = parts.iter().map(part_line).collect();
    ContainerOutcome::Done { result: lines.join("\n\n") }
}

fn part_line(part: &Part<'_>) -> String {
    match part.status {
        Status::Cancelled => format!("#{} {}: cancelled", part.id, part.title),
        Status::Queued | Status::Claimed | Status::Running | Status::Blocked | Status::Done | Status::Failed => {
            format!("#{} {}:\n{}", part.id, part.title, part.result)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_back_off_and_end() {
        let now = Time(1_000);
        assert_eq!(after_loss(1, 3, now), AfterLoss::RequeueAt(Time(6_000)));
        assert_eq!(after_loss(2, 3, now), AfterLoss::RequeueAt(Time(21_000)));
        assert_eq!(after_loss(3, 3, now), AfterLoss::Fail);
        assert_eq!(after_loss(5, 9, now), AfterLoss::RequeueAt(Time(21_000)));
    }

    fn part(id: i64, status: Status) -> Part<'static> {
        Part { id, title: "t", status, verification: Verification::None, result: "found it" }
    }

    #[test]
    fn containers_end_as_their_parts_do() {
        let outcome = container_outcome(&[part(2, Status::Done), part(3, Status::Cancelled)]);
        assert_eq!(outcome, ContainerOutcome::Done { result: "#2 t:\nfound it\n\n#3 t: cancelled".to_owned() });
        let outcome = container_outcome(&[part(2, Status::Done), part(3, Status::Failed)]);
        assert_eq!(outcome, ContainerOutcome::Failed { error: "failed subtasks: #3 t".to_owned() });
        let outcome = container_outcome(&[part(2, Status::Cancelled)]);
        assert_eq!(outcome, ContainerOutcome::Failed { error: "every subtask was cancelled".to_owned() });
    }

    #[test]
    fn containers_are_never_ready() {
        let base = Readiness {
            status: Status::Queued,
            open_dependencies: 0,
            subtasks: 2,
            open_subtasks: 0,
            assigned: Assigned::Nobody,
        };
        assert!(!base.is_ready());
        assert!(base.is_container_due());
        assert!(Readiness { assigned: Assigned::Somebody, ..base }.is_ready());
        assert!(!Readiness { open_subtasks: 1, ..base }.is_container_due());
        assert!(!Readiness { assigned: Assigned::Somebody, open_subtasks: 1, ..base }.is_ready());
    }
}
