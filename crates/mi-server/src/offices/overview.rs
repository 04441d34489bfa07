//! `GET …/status`: how an office is doing, at a glance.

use std::collections::BTreeMap;

use mi_core::tasks::status::Status;
use mi_core::wire::agents::{Agent, AgentPhase};
use mi_core::wire::offices::{OfficeOverview, OfficeStatus};

use crate::infra::act::Head;

pub fn of(head: &Head, agents: &[Agent]) -> OfficeOverview {
    let (phase, message) = judge(head, agents);
    let mut tasks = head.tasks;
    OfficeOverview {
        phase: phase.to_owned(),
        message,
        agents: by_phase(agents),
        tasks: Status::ALL.iter().map(|status| (status.to_string(), *tasks.of(*status))).collect(),
        credits: head.balance,
    }
}

fn by_phase(agents: &[Agent]) -> BTreeMap<String, i64> {
    let mut counts: BTreeMap<String, i64> = AgentPhase::ALL.iter().map(|phase| (phase.to_string(), 0)).collect();
    for agent in agents {
        *counts.entry(agent.status.phase.to_string()).or_default() += 1;
    }
    counts
}

fn judge(head: &Head, agents: &[Agent]) -> (&'static str, String) {
    match head.status {
        OfficeStatus::Suspended => return ("suspended", "the office is suspended; nothing runs in it".to_owned()),
        OfficeStatus::Provisioning => return ("provisioning", "the office is being set up".to_owned()),
        OfficeStatus::Active => {}
    }
    if head.balance.0 <= 0 {
        return ("degraded", "the office has no credits left; mi credits add tops it up".to_owned());
    }
    let failed = agents.iter().find(|agent| agent.status.phase == AgentPhase::Failed);
    if let Some(agent) = failed {
        return ("degraded", format!("agent {} failed: {}", agent.name, agent.status.message));
    }
    let ready = agents.iter().filter(|agent| agent.status.ready).count();
    let at_rest = match agents.iter().filter(|agent| agent.status.phase == AgentPhase::Hibernated).count() {
        0 => String::new(),
        count => format!(", {count} at rest"),
    };
    ("ready", format!("{ready} of {} agents ready{at_rest}, {} tasks open", agents.len(), head.tasks.open()))
}
