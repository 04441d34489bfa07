//! Integrations, as people see them.

use mi_core::ids::AgentName;
use mi_core::wire::integrations::{
    Integration, IntegrationRequest, IntegrationRequestStatus, IntegrationStatus, ProviderModel,
};

use super::moment;
use crate::output::{Screen, Tone};
use crate::table::{Cell, Table};

pub fn list(integrations: &[Integration], screen: Screen) -> String {
    let mut table = Table::new(&["ID", "STATUS", "CATEGORY", "AGENTS", "DESCRIPTION"]);
    for one in integrations {
        table.row([
            (&one.id).into(),
            status(one.status),
            one.category.into(),
            Cell::maybe(names(&one.metadata.agents)),
            (&one.description).into(),
        ]);
    }
    table.render(screen)
}

fn names(agents: &[AgentName]) -> Option<String> {
    let names: Vec<&str> = agents.iter().map(AgentName::as_str).collect();
    words(&names)
}

fn words(list: &[impl AsRef<str>]) -> Option<String> {
    let words: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn status(status: IntegrationStatus) -> Cell {
    let tone = match status {
        IntegrationStatus::Pending => Tone::Faint,
        IntegrationStatus::Configured => Tone::Waiting,
        IntegrationStatus::Active => Tone::Good,
    };
    Cell::toned(status, tone)
}

pub fn one(one: &Integration, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("id", &one.id);
    facts.fact("name", &one.name);
    facts.fact("status", status(one.status));
    facts.fact("description", &one.description);
    let values = if one.metadata.raw_keys { "the real values" } else { "placeholders" };
    let seen = words(&one.agent_env_vars).map(|names| format!("{names} (in pods: {values})"));
    for (name, value) in [
        ("aliases", words(&one.aliases)),
        ("can", words(&one.capabilities)),
        ("agents", names(&one.metadata.agents)),
        ("agents find", seen),
        ("hosts", words(&one.metadata.hosts)),
        ("missing", words(&one.metadata.missing)),
        ("note", one.metadata.note.clone()),
    ] {
        if let Some(value) = value {
            facts.fact(name, value);
        }
    }
    facts.fact("docs", &one.metadata.docs);
    format!("{}{}", facts.render(screen), secrets(one, screen))
}

fn secrets(one: &Integration, screen: Screen) -> String {
    if one.required_secrets.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["SECRET", "REQUIRED", "LABEL", "WHERE"]);
    for secret in &one.required_secrets {
        let required = if secret.required { "yes" } else { "no" };
        table.row([(&secret.key).into(), required.into(), (&secret.label).into(), (&secret.hint).into()]);
    }
    format!("\n{}", table.render(screen))
}

/// What still stands between an integration and its use.
pub fn left_to_do(one: &Integration) -> Option<String> {
    if one.status != IntegrationStatus::Pending {
        return None;
    }
    let missing = words(&one.metadata.missing);
    one.metadata.note.clone().or_else(|| missing.map(|names| format!("still missing: {names}")))
}

pub fn requests(requests: &[IntegrationRequest], cards: &[Integration], screen: Screen) -> String {
    if requests.is_empty() {
        return "nobody asks for anything".to_owned();
    }
    let mut table = Table::new(&["AGENT", "INTEGRATION", "TASK", "ASKED", "REASON", "GRANT IT WITH"]);
    for request in requests {
        table.row([
            (&request.agent_name).into(),
            (&request.integration_id).into(),
            Cell::maybe(request.task_id),
            moment(request.created_at).into(),
            Cell::maybe((!request.reason.is_empty()).then_some(&request.reason)),
            grant(request, cards),
        ]);
    }
    table.render(screen)
}

/// Setting a secret grants what was asked for; where nothing is missing, enabling does.
fn grant(request: &IntegrationRequest, cards: &[Integration]) -> Cell {
    let (id, agent) = (&request.integration_id, &request.agent_name);
    let card = cards.iter().find(|card| card.id == *id);
    let lacks_secret = card.is_some_and(|card| !card.metadata.missing.is_empty());
    match request.status {
        IntegrationRequestStatus::Granted => Cell::toned("granted", Tone::Good),
        IntegrationRequestStatus::Pending if lacks_secret => format!("mi integrations set {id}").into(),
        IntegrationRequestStatus::Pending => format!("mi integrations enable {id} {agent}").into(),
    }
}

pub fn models(models: &[ProviderModel], screen: Screen) -> String {
    let mut table = Table::new(&["PROVIDER", "MODEL", "AVAILABLE"]);
    for model in models {
        let available = if model.available { Cell::toned("yes", Tone::Good) } else { Cell::toned("no", Tone::Faint) };
        table.row([(&model.provider).into(), (&model.model_id).into(), available]);
    }
    table.render(screen)
}
