//! Why a task isn't running or over: an answer for every queued, blocked or unjudged one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::{BlockedKind, Status, Verification};
use crate::time::Time;

/// What a task waits for, for programs (`code`) and for people (`message`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    pub code: String,
    pub message: String,
}

impl Why {
    fn new(code: &str, message: impl Into<String>) -> Option<Self> {
        Some(Self::of(code, message))
    }

    pub fn of(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// Whether the agents that could take the task do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workers {
    /// The assignee is named but not in the office (any more).
    AssigneeGone(String),
    AssigneeOffline(String),
    AssigneeArchived(String),
    /// Nobody could ever take it; says what is missing.
    Nobody(String),
    /// Somebody could, once a model key is set; says which command sets it.
    NoModelKey(String),
    /// Its next model call may cost more than the office has.
    Unfunded(String),
    /// Its next model call may cost more than is left of its budget.
    BudgetExhausted(String),
    /// Somebody could, once the provider of its model takes calls again; says when.
    Quota(String),
    /// The sandbox of an earlier claim may still be at it.
    StillStopping(String),
    /// Their pod is on its way.
    PodStarting(String),
    /// All of them hold other tasks.
    Busy,
    /// Somebody is free: the claim is a moment away.
    Free,
}

/// Who judges a done task that needs a judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judge {
    /// Nobody was asked: an operator or an uninvolved agent may.
    Anybody,
    /// A review was asked for and is still open; its assignee, if it has one.
    Asked { review: i64, of: Option<String> },
    /// The review that was asked for ended without a verdict.
    Silent { review: i64, status: Status },
    /// The server's own checks are due or run.
    Checks,
    /// They couldn't be run, for a reason that isn't the agent's; they are tried again.
    ChecksDelayed { reason: String, until: Time },
}

/// Everything that an explanation needs.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    pub status: Status,
    pub verification: Verification,
    pub judge: Judge,
    pub blocked: Option<(BlockedKind, &'a str)>,
    pub blocked_until: Option<Time>,
    pub waiting_for: &'a [i64],
    pub open_subtasks: i64,
    /// Somebody wants it to begin then or later.
    pub not_before: Option<Time>,
    /// A lost or released attempt pauses until then.
    pub backoff_until: Option<Time>,
    pub now: Time,
    pub office: OfficeState,
    pub workers: Workers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfficeState {
    Active,
    Suspended,
    OutOfCredits,
}

/// `None` for a task that is not waiting. The first obstacle in the order of semantics §1 is named.
pub fn why(facts: &Facts<'_>) -> Option<Why> {
    match facts.status {
        Status::Queued => why_queued(facts),
        Status::Blocked => why_blocked(facts),
        Status::Done => why_unjudged(facts),
        Status::Claimed | Status::Running | Status::Failed | Status::Cancelled => None,
    }
}

fn why_blocked(facts: &Facts<'_>) -> Option<Why> {
    let (kind, reason) = facts.blocked?;
    match facts.blocked_until {
        Some(at) => Why::new(kind.as_str(), format!("{reason}; it is offered again at {at}")),
        None => Why::new(kind.as_str(), reason),
    }
}

fn why_unjudged(facts: &Facts<'_>) -> Option<Why> {
    if facts.verification != Verification::Pending {
        return None;
    }
    let message = match &facts.judge {
        Judge::Checks => return Why::new("checks_running", "done, and the server runs its checks"),
        Judge::ChecksDelayed { reason, until } => {
            let message = format!("done, but its checks can't be run: {reason}; tried again at {until}");
            return Why::new("checks_delayed", message);
        }
        Judge::Anybody => "done, and waits for somebody who judges it".to_owned(),
        Judge::Asked { review, of: Some(name) } => format!("done, and {name} is asked to judge it in #{review}"),
        Judge::Asked { review, of: None } => format!("done, and waits for an agent that judges it in #{review}"),
        Judge::Silent { review, status } => format!("done, but its review #{review} is {status} without a verdict"),
    };
    Why::new("waiting_for_review", message)
}

/// Neither shortens the other, so the later one is the reason.
fn why_not_yet(facts: &Facts<'_>) -> Option<Why> {
    let (wanted, backoff) = (facts.not_before, facts.backoff_until);
    let at = wanted.max(backoff).filter(|at| *at > facts.now)?;
    if wanted == Some(at) {
        return Why::new("not_before", format!("is not to begin before {at}"));
    }
    Why::new("backing_off", format!("is offered again at {at}"))
}

fn why_queued(facts: &Facts<'_>) -> Option<Why> {
    if !facts.waiting_for.is_empty() {
        let ids: Vec<String> = facts.waiting_for.iter().map(|id| format!("#{id}")).collect();
        return Why::new("waiting_for_dependency", format!("waits for {}", ids.join(", ")));
    }
    if facts.open_subtasks > 0 {
        let word = if facts.open_subtasks == 1 { "subtask" } else { "subtasks" };
        return Why::new("open_subtasks", format!("waits for {} open {word}", facts.open_subtasks));
    }
    if let Some(why) = why_not_yet(facts) {
        return Some(why);
    }
    match facts.office {
        OfficeState::Suspended => return Why::new("office_suspended", "the office is suspended"),
        OfficeState::OutOfCredits => return Why::new("out_of_credits", "the office has no credits left"),
        OfficeState::Active => {}
    }
    match &facts.workers {
        Workers::AssigneeGone(name) => {
            Why::new("assigned_agent_gone", format!("{name} is not in the office; reassign the task or hire {name}"))
        }
        Workers::AssigneeArchived(name) => {
            Why::new("assigned_agent_offline", format!("{name} is archived; mi restore {name} brings it back"))
        }
        Workers::AssigneeOffline(name) => Why::new("assigned_agent_offline", format!("{name} is not running")),
        Workers::Nobody(missing) => Why::new("no_eligible_agent", missing.clone()),
        Workers::NoModelKey(fix) => Why::new("no_model_key", fix.clone()),
        Workers::Unfunded(name) => Why::new(
            "out_of_credits",
            format!("{name} is suspended: its next call may cost more credits than the office has"),
        ),
        Workers::BudgetExhausted(name) => Why::new(
            "budget_exhausted",
            format!("{name} is suspended: its next call may cost more than is left of its budget"),
        ),
        Workers::Quota(until) => Why::new("quota", until.clone()),
        Workers::StillStopping(name) => {
            Why::new("waiting_for_pod", format!("the last session of {name} on it is still stopping"))
        }
        Workers::PodStarting(name) => Why::new("waiting_for_pod", format!("the pod of {name} is starting")),
        Workers::Busy => Why::new("waiting_for_agent", "every agent that could take it holds another task"),
        Workers::Free => Why::new("waiting_for_agent", "an agent is about to take it"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            status: Status::Queued,
            verification: Verification::None,
            judge: Judge::Anybody,
            blocked: None,
            blocked_until: None,
            waiting_for: &[],
            open_subtasks: 0,
            not_before: None,
            backoff_until: None,
            now: Time(0),
            office: OfficeState::Active,
            workers: Workers::Free,
        }
    }

    fn check(facts: &Facts<'_>, expected: Expect) {
        let said = why(facts).map_or("-".to_owned(), |why| format!("{}: {}", why.code, why.message));
        expected.assert_eq(&said);
    }

    #[test]
    fn the_first_obstacle_is_named() {
        let all = Facts {
            waiting_for: &[3, 4],
            open_subtasks: 2,
            backoff_until: Some(Time(5_000)),
            office: OfficeState::Suspended,
            workers: Workers::Busy,
            ..facts()
        };
        check(&all, expect!["waiting_for_dependency: waits for #3, #4"]);
        let all = Facts { waiting_for: &[], ..all };
        check(&all, expect!["open_subtasks: waits for 2 open subtasks"]);
        check(&Facts { open_subtasks: 1, ..all.clone() }, expect!["open_subtasks: waits for 1 open subtask"]);
        let all = Facts { open_subtasks: 0, ..all };
        check(&all, expect!["backing_off: is offered again at 1970-01-01T00:00:05.000Z"]);
        let all = Facts { now: Time(5_000), ..all };
        check(&all, expect!["office_suspended: the office is suspended"]);
        let all = Facts { office: OfficeState::Active, ..all };
        check(&all, expect!["waiting_for_agent: every agent that could take it holds another task"]);
    }

    #[test]
    fn blocks_and_missing_judgements_are_explained() {
        let blocked = Facts { status: Status::Blocked, blocked: Some((BlockedKind::Quota, "429 from x")), ..facts() };
        check(&blocked, expect!["quota: 429 from x"]);
        let timed = Facts { blocked_until: Some(Time(1_000)), ..blocked };
        check(&timed, expect!["quota: 429 from x; it is offered again at 1970-01-01T00:00:01.000Z"]);
        let done = Facts { status: Status::Done, ..facts() };
        check(&done, expect!["-"]);
        let pending = Facts { verification: Verification::Pending, ..done };
        check(&pending, expect!["waiting_for_review: done, and waits for somebody who judges it"]);
        let asked = Facts { judge: Judge::Asked { review: 9, of: Some("rita".to_owned()) }, ..pending.clone() };
        check(&asked, expect!["waiting_for_review: done, and rita is asked to judge it in #9"]);
        let checked = Facts { judge: Judge::Checks, ..pending.clone() };
        check(&checked, expect!["checks_running: done, and the server runs its checks"]);
        let judge = Judge::ChecksDelayed { reason: "no sandbox".to_owned(), until: Time(0) };
        let delayed = Facts { judge, ..pending.clone() };
        check(
            &delayed,
            expect![
                "checks_delayed: done, but its checks can't be run: no sandbox; tried again at 1970-01-01T00:00:00.000Z"
            ],
        );
        let silent = Facts { judge: Judge::Silent { review: 9, status: Status::Failed }, ..pending };
        check(&silent, expect!["waiting_for_review: done, but its review #9 is failed without a verdict"]);
    }

    #[test]
    fn the_later_of_wish_and_back_off_is_the_reason() {
        let said = |not_before: Option<i64>, backoff_until: Option<i64>| {
            let (not_before, backoff_until) = (not_before.map(Time), backoff_until.map(Time));
            why(&Facts { not_before, backoff_until, now: Time(1_000), ..facts() }).map(|why| why.code)
        };
        let code = |text: &str| Some(text.to_owned());
        assert_eq!(said(Some(3_000), Some(2_000)), code("not_before"));
        assert_eq!(said(Some(2_000), Some(3_000)), code("backing_off"));
        assert_eq!(said(Some(3_000), None), code("not_before"));
        assert_eq!(said(None, Some(3_000)), code("backing_off"));
        assert_eq!(said(Some(1_000), Some(500)), code("waiting_for_agent"));
    }
}
