//! What an agent is doing, told from the facts: a pure rule.

use mi_core::ids::TaskId;
use mi_core::limits::PRESENCE_SECONDS_MAX;
use mi_core::time::{Millis, Time};
use mi_core::wire::agents::{AgentKind, AgentPhase, AgentStatus};
use mi_core::wire::offices::OfficeStatus;

use crate::credits::suspend::Suspension;
use crate::pods::{Desired, Observed, PodRow};

/// Everything that an agent's phase follows from.
pub struct Facts<'a> {
    pub name: &'a str,
    pub kind: AgentKind,
    pub office: OfficeStatus,
    pub funded: bool,
    /// Its next model call can't be paid for.
    pub suspension: Option<Suspension>,
    pub pod: Option<&'a PodRow>,
    pub live: Live,
    pub last_seen: Option<Time>,
    pub now: Time,
    /// What keeps its model from being called.
    pub trouble: Option<Trouble>,
    /// Why it could not read its messages the last time.
    pub unread: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    No,
    /// A session for a task, or for a message.
    Session(Option<TaskId>),
}

/// Why a model can't be called, and what would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    Keyless {
        provider: String,
        remedy: String,
    },
    /// The provider doesn't take the key that there is.
    Refused {
        provider: String,
        remedy: String,
    },
    /// It takes no calls until then.
    Quota {
        provider: String,
        until: Time,
    },
}

pub fn status(facts: &Facts<'_>) -> AgentStatus {
    let (phase, message) = judge(facts);
    let current_task = match facts.live {
        Live::Session(task) => task,
        Live::No => None,
    };
    let ready = matches!(phase, AgentPhase::Running | AgentPhase::Idle);
    AgentStatus { phase, ready, message, last_seen: facts.last_seen, current_task }
}

fn judge(facts: &Facts<'_>) -> (AgentPhase, String) {
    match facts.office {
        OfficeStatus::Suspended => return said(AgentPhase::Suspended, "the office is suspended; mi colonies resume"),
        OfficeStatus::Provisioning => return said(AgentPhase::Pending, "the office is being set up"),
        OfficeStatus::Active => {}
    }
    if !facts.funded {
        return said(AgentPhase::Suspended, "the office has no credits left; mi credits add tops it up");
    }
    if let Some(Suspension { lack, need, .. }) = facts.suspension {
        return (AgentPhase::Suspended, format!("{}; that call may cost {need} credits", lack.told()));
    }
    match (facts.kind, facts.pod) {
        (AgentKind::External, _) => external(facts),
        (AgentKind::Hosted, None) => said(AgentPhase::Archived, "the agent has no pod"),
        (AgentKind::Hosted, Some(pod)) => hosted(facts, pod),
    }
}

/// Whoever was heard of lately is there.
pub fn is_online(last_seen: Option<Time>, now: Time) -> bool {
    last_seen.is_some_and(|at| now - at <= Millis::seconds(PRESENCE_SECONDS_MAX))
}

fn external(facts: &Facts<'_>) -> (AgentPhase, String) {
    match (facts.live, is_online(facts.last_seen, facts.now)) {
        (Live::Session(task), true) => working(task),
        (Live::No, true) => (AgentPhase::Idle, resting(facts, "lives elsewhere, and waits for work")),
        (Live::Session(Some(task)), false) => {
            (AgentPhase::Offline, format!("lives elsewhere and holds task {task}, but has not been heard of lately"))
        }
        (Live::Session(None) | Live::No, false) => (AgentPhase::Offline, away(facts.name)),
    }
}

fn away(name: &str) -> String {
    format!(
        "lives elsewhere and has not been heard of lately; there: mi agent run --name {name} works for it, mi agent heartbeat-daemon --as-agent {name} keeps it online"
    )
}

fn hosted(facts: &Facts<'_>, pod: &PodRow) -> (AgentPhase, String) {
    match pod.desired {
        Desired::Gone => (AgentPhase::Archived, format!("archived; mi agents restore {} brings it back", facts.name)),
        Desired::Stopped => (AgentPhase::Stopped, format!("stopped by hand; mi start {} starts it", facts.name)),
        Desired::Running => wanted(facts, pod),
        Desired::Asleep => asleep(facts),
    }
}

fn asleep(facts: &Facts<'_>) -> (AgentPhase, String) {
    match &facts.trouble {
        Some(trouble) => troubled(trouble, AgentPhase::Hibernated),
        None => (AgentPhase::Hibernated, resting(facts, "rests at no cost; work or a message wakes it")),
    }
}

/// A quota ends by itself, so the agent is what it would be without.
fn troubled(trouble: &Trouble, otherwise: AgentPhase) -> (AgentPhase, String) {
    match trouble {
        Trouble::Keyless { provider, remedy } => {
            (AgentPhase::Pending, format!("no model key for {provider}: {remedy}"))
        }
        Trouble::Refused { provider, remedy } => (AgentPhase::Failed, format!("{provider} refused the key: {remedy}")),
        Trouble::Quota { provider, until } => (otherwise, format!("quota: {provider} takes no calls until {until}")),
    }
}

fn wanted(facts: &Facts<'_>, pod: &PodRow) -> (AgentPhase, String) {
    match (pod.observed, facts.live, &facts.trouble) {
        (Observed::Failed, _, _) => (AgentPhase::Failed, pod.last_error.clone().unwrap_or("the pod failed".to_owned())),
        (Observed::Running, Live::Session(task), _) => working(task),
        (Observed::Running, Live::No, Some(trouble)) => troubled(trouble, AgentPhase::Idle),
        (_, _, Some(trouble)) => troubled(trouble, AgentPhase::Pending),
        (Observed::None, _, None) => pending(pod, "the pod is about to start"),
        (Observed::Starting, _, None) => pending(pod, "the pod is starting"),
        (Observed::Exited, _, None) => pending(pod, "the pod ended and will start again"),
        (Observed::Running, Live::No, None) => (AgentPhase::Idle, resting(facts, "waiting for work")),
    }
}

/// What it does when it does nothing, and what it could not do before.
fn resting(facts: &Facts<'_>, plain: &str) -> String {
    match &facts.unread {
        Some(error) => format!("{plain}; it {error}"),
        None => plain.to_owned(),
    }
}

fn working(task: Option<TaskId>) -> (AgentPhase, String) {
    let message = match task {
        Some(task) => format!("working on task {task}"),
        None => "reading messages".to_owned(),
    };
    (AgentPhase::Running, message)
}

/// Why it failed the last time says more than that it starts again.
fn pending(pod: &PodRow, plain: &str) -> (AgentPhase, String) {
    let message = match &pod.last_error {
        Some(error) => format!("{plain}; the last time: {error}"),
        None => plain.to_owned(),
    };
    (AgentPhase::Pending, message)
}

fn said(phase: AgentPhase, message: &str) -> (AgentPhase, String) {
    (phase, message.to_owned())
}
