//! Agents, as people see them.

use mi_core::credits::Micro;
use mi_core::wire::agents::{
    Activity, Agent, AgentKey, AgentKind, AgentPhase, AgentUsed, CommandLine, LastError, RotatedCredentials,
};

use super::credits::{self, amount};
use super::moment;
use crate::output::{Screen, Tone, clean};
use crate::table::{Cell, Table};

pub fn list(agents: &[Agent], screen: Screen) -> String {
    let mut table =
        Table::new(&["NAME", "PHASE", "TASK", "ROLE", "MODEL", "HARNESS", "CREDITS", "LAST SEEN", "MESSAGE"]);
    for agent in agents {
        table.row([
            (&agent.name).into(),
            phase(agent.status.phase),
            Cell::maybe(agent.status.current_task),
            Cell::maybe(agent.role.as_ref()),
            Cell::maybe(agent.model_tier.as_ref().or(agent.model_provider.as_ref())),
            harness(agent).into(),
            spent(agent.used.cost),
            Cell::maybe(agent.status.last_seen.map(moment)),
            (&agent.status.message).into(),
        ]);
    }
    table.render(screen)
}

/// Nothing, where nothing was spent.
pub fn spent(cost: Micro) -> Cell {
    Cell::maybe((cost != Micro(0)).then(|| amount(cost)))
}

/// What does the work of an agent from elsewhere is its own affair.
fn harness(agent: &Agent) -> &'static str {
    match agent.kind {
        AgentKind::Hosted => agent.harness.as_str(),
        AgentKind::External => agent.kind.as_str(),
    }
}

pub fn one(agent: &Agent, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("name", &agent.name);
    facts.fact("id", agent.id);
    facts.fact("phase", phase(agent.status.phase));
    if !agent.status.message.is_empty() {
        facts.fact("message", &agent.status.message);
    }
    if let Some(task) = agent.status.current_task {
        facts.fact("task", task);
    }
    facts.fact("harness", harness(agent));
    let command = agent.command.as_ref().map(|command| match command {
        CommandLine::Shell(line) => line.clone(),
        CommandLine::Argv(words) => words.join(" "),
    });
    let skills = (!agent.skills.is_empty()).then(|| agent.skills.join(", "));
    for (name, value) in [
        ("command", command),
        ("provider", agent.model_provider.clone()),
        ("model", agent.model_tier.clone()),
        ("role", agent.role.clone()),
        ("skills", skills),
        ("hired by", agent.spawned_by.as_ref().map(ToString::to_string)),
        ("last seen", agent.status.last_seen.map(moment)),
    ] {
        if let Some(value) = value {
            facts.fact(name, value);
        }
    }
    facts.fact("hired", moment(agent.created_at));
    if let Some(budget) = &agent.budget {
        facts.fact("budget", credits::budget(budget));
    }
    if agent.used != AgentUsed::default() {
        facts.fact("credits", amount(agent.used.cost));
    }
    facts.render(screen)
}

/// What an agent is known by from now on; an API key stands there this once.
pub fn credentials(rotated: &RotatedCredentials, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("name", &rotated.name);
    for (name, value) in
        [("public key", &rotated.public_key), ("address", &rotated.xmtp_address), ("api key", &rotated.api_key)]
    {
        if let Some(value) = value {
            facts.fact(name, value);
        }
    }
    facts.render(screen)
}

/// By what it is and was known.
pub fn keys(keys: &[AgentKey], screen: Screen) -> String {
    let mut table = Table::new(&["KIND", "KEY", "CREATED", "LAST USED", "REVOKED"]);
    for key in keys {
        table.row([
            (&key.kind).into(),
            Cell::maybe(key.shown.as_ref()),
            moment(key.created_at).into(),
            Cell::maybe(key.last_used_at.map(moment)),
            Cell::maybe(key.revoked_at.map(moment)),
        ]);
    }
    table.render(screen)
}

pub fn phase(phase: AgentPhase) -> Cell {
    let tone = match phase {
        AgentPhase::Running => Tone::Busy,
        AgentPhase::Idle => Tone::Good,
        AgentPhase::Pending | AgentPhase::Suspended | AgentPhase::Offline => Tone::Waiting,
        AgentPhase::Hibernated | AgentPhase::Stopped | AgentPhase::Archived => Tone::Faint,
        AgentPhase::Failed => Tone::Bad,
    };
    Cell::toned(phase, tone)
}

pub fn activity(items: &[Activity], screen: Screen) -> String {
    let mut table = Table::new(&["TIME", "CATEGORY", "TYPE", "SUMMARY"]);
    for item in items {
        table.row([
            moment(item.timestamp).into(),
            (&item.category).into(),
            (&item.kind).into(),
            (&item.summary).into(),
        ]);
    }
    table.render(screen)
}

pub fn last_error(error: &LastError) -> String {
    match (&error.error, error.timestamp) {
        (None, _) => "no error".to_owned(),
        (Some(text), None) => clean(text).into_owned(),
        (Some(text), Some(at)) => format!("{}  {}", moment(at), clean(text)),
    }
}
