//! Invites and applications, as people see them.

use mi_core::wire::invites::{Application, ApplicationState, Invite, InviteState, NewInvite, OwnCard};

use super::{agents, moment};
use crate::output::{Screen, Tone};
use crate::table::{Cell, Table};

/// With its code, this once.
pub fn made(new: &NewInvite, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    if let Some(code) = &new.code {
        facts.fact("code", Cell::toned(code, Tone::Strong));
    }
    facts.fact("for", whom(new.kind.as_str(), new.role.map(|role| role.as_str())));
    facts.fact("until", moment(new.expires_at));
    if let Some(claim) = &new.claim {
        facts.fact("page", claim);
    }
    facts.fact("invite", new.id);
    facts.render(screen)
}

fn whom(kind: &str, role: Option<&str>) -> String {
    match (kind, role) {
        (_, Some(role)) => format!("a person, as {role}"),
        (_, None) => "an agent".to_owned(),
    }
}

pub fn list(invites: &[Invite], screen: Screen) -> String {
    let mut table = Table::new(&["ID", "STATE", "FOR", "WHOM", "UNTIL", "USED BY", "MADE BY"]);
    for one in invites {
        let tone = match one.state {
            InviteState::Live => Tone::Good,
            InviteState::Used => Tone::Plain,
            InviteState::Expired | InviteState::Revoked => Tone::Faint,
        };
        table.row([
            one.id.into(),
            Cell::toned(one.state, tone),
            whom(one.kind.as_str(), one.role.map(|role| role.as_str())).into(),
            Cell::maybe(one.for_whom.as_ref()),
            moment(one.expires_at).into(),
            Cell::maybe(one.used_by.as_ref()),
            (&one.created_by).into(),
        ]);
    }
    table.render(screen)
}

fn tone(state: ApplicationState) -> Tone {
    match state {
        ApplicationState::Pending => Tone::Waiting,
        ApplicationState::Approved | ApplicationState::Joined => Tone::Good,
        ApplicationState::Refused => Tone::Bad,
        ApplicationState::Expired => Tone::Faint,
    }
}

pub fn applications(list: &[Application], screen: Screen) -> String {
    let mut table = Table::new(&["ID", "STATE", "NAME", "FOR", "FROM", "ASKED", "STATEMENT"]);
    for one in list {
        table.row([
            one.id.into(),
            Cell::toned(one.state, tone(one.state)),
            (&one.name).into(),
            whom(one.kind.as_str(), one.role.map(|role| role.as_str())).into(),
            Cell::maybe(one.source.as_ref()),
            moment(one.created_at).into(),
            (&one.statement).into(),
        ]);
    }
    table.render(screen)
}

pub fn application(one: &Application, screen: Screen) -> String {
    applications(std::slice::from_ref(one), screen)
}

/// What an agent is told of itself.
pub fn own(card: &OwnCard, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("agent", &card.agent_name);
    facts.fact("id", card.employee_id);
    facts.fact("colony", format!("{} ({})", card.office.name, card.office_id));
    facts.fact("phase", agents::phase(card.agent.status.phase));
    facts.fact("message", &card.agent.status.message);
    if let Some(model) = &card.agent.model_tier {
        facts.fact("model", model);
    }
    for claim in &card.claims {
        let until = claim.lease_expires_at.map_or_else(String::new, |at| format!(", until {}", moment(at)));
        facts.fact("holds", format!("task {} with claim {}{until}", claim.task_id, claim.token));
    }
    facts.render(screen)
}
