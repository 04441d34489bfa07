//! Why a task isn't running: an answer for every queued or blocked task.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::{BlockedKind, Status};
use crate::time::Time;

/// What a task waits for, for programs (`code`) and for people (`message`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    pub code: String,
    pub message: String,
}

impl Why {
    fn new(code: &str, message: impl Into<String>) -> Option<Self> {
        Some(Self { code: code.to_owned(), message: message.into() })
    }
}

/// Whether the agents that could take the task do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workers {
    /// The assignee is named but not in the office (any more).
    AssigneeGone(String),
    AssigneeOffline(String),
    /// Nobody could ever take it; says what is missing.
    Nobody(String),
    /// Somebody could, once a model key is set; says which command sets it.
    NoModelKey(String),
    /// Their pod is on its way.
    PodStarting(String),
    /// All of them hold other tasks.
    Busy,
    /// Somebody is free: the claim is a moment away.
    Free,
}

/// Everything that an explanation needs.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    pub status: Status,
    pub blocked: Option<(BlockedKind, &'a str)>,
    pub waiting_for: &'a [i64],
    pub open_subtasks: i64,
    pub not_before: Option<Time>,
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
        Status::Blocked => {
            let (kind, reason) = facts.blocked?;
            Why::new(kind.as_str(), reason)
        }
        Status::Claimed | Status::Running | Status::Done | Status::Failed | Status::Cancelled => None,
    }
}

fn why_queued(facts: &Facts<'_>) -> Option<Why> {
    if !facts.waiting_for.is_empty() {
        let ids: Vec<String> = facts.waiting_for.iter().map(|id| format!("#{id}")).collect();
        return Why::new("waiting_for_dependency", format!("waits for {}", ids.join(", ")));
    }
    if facts.open_subtasks > 0 {
        return Why::new("open_subtasks", format!("waits for {} open subtasks", facts.open_subtasks));
    }
    if let Some(at) = facts.not_before.filter(|at| *at > facts.now) {
        return Why::new("backing_off", format!("is offered again at {at}"));
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
        Workers::AssigneeOffline(name) => Why::new("assigned_agent_offline", format!("{name} is not running")),
        Workers::Nobody(missing) => Why::new("no_eligible_agent", missing.clone()),
        Workers::NoModelKey(fix) => Why::new("no_model_key", fix.clone()),
        Workers::PodStarting(name) => Why::new("waiting_for_pod", format!("the pod of {name} is starting")),
        Workers::Busy => Why::new("waiting_for_agent", "every agent that could take it holds another task"),
        Workers::Free => Why::new("waiting_for_agent", "an agent is about to take it"),
    }
}
