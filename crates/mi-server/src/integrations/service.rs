//! Acts of integrations.

use mi_core::ids::OfficeId;
use mi_core::wire::integrations::{AgentIntegrations, Integration, IntegrationToggled};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::catalogue::{Manifest, canonical, catalogue};
use super::state::State;
use super::store::{self, SecretRow};
use super::wishes::Wish;
use super::{faults, requests};
use crate::agents::service::{self as agents, AgentRow};
use crate::gateway::marks;
use crate::gateway::providers::Providers;
use crate::house::View;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::{self, Keys};
use crate::infra::vault::Vault;
use crate::tasks;

/// How much of a digest tells two lists apart.
const REV_CHARS: usize = 16;

/// What setting and enabling need of the house.
#[derive(Clone)]
pub struct Desk {
    pub keys: Keys,
    pub providers: Providers,
}

/// By id or alias.
pub fn find(word: &str) -> Result<&'static Manifest, Fault> {
    catalogue().find(word).ok_or_else(|| faults::no_such_integration(word))
}

pub fn list(view: &mut View<'_>, providers: &Providers) -> Result<Answer, Fault> {
    let state = State::load(view.tx, view.office, providers)?;
    let cards: Vec<Integration> = catalogue().all().iter().map(|manifest| state.card(manifest)).collect();
    Answer::list(&cards, cards.len() as i64)
}

pub fn get(view: &mut View<'_>, manifest: &Manifest, providers: &Providers) -> Result<Answer, Fault> {
    Answer::ok(&State::load(view.tx, view.office, providers)?.card(manifest))
}

/// What is enabled for an agent; a secret that was set anew is a change of it too.
pub fn of_agent(view: &mut View<'_>, name: &str, providers: &Providers) -> Result<AgentIntegrations, Fault> {
    let agent = agents::find(view.tx, view.office, name)?;
    let state = State::load(view.tx, view.office, providers)?;
    let own = |manifest: &&Manifest| agent.has_integration(&manifest.id);
    let mut seen = Vec::new();
    let mut cards = Vec::new();
    for manifest in catalogue().all().iter().filter(own) {
        let mut card = state.card(manifest);
        card.metadata.agents.retain(|other| *other == agent.name);
        seen.push(state.set_at(&manifest.id));
        cards.push(card);
    }
    let text = serde_json::to_string(&(&cards, seen.iter().map(|at| at.map(|at| at.0)).collect::<Vec<_>>()));
    let mut rev = keys::sha256_hex(text.map_err(fault::internal)?.as_bytes());
    rev.truncate(REV_CHARS);
    Ok(AgentIntegrations { integrations: cards, rev })
}

/// Keeps values, and enables the integration for those who asked for it as soon as no secret is missing any more.
pub fn set_secret(
    act: &mut Act<'_>,
    member: &Member,
    manifest: &Manifest,
    wish: &Wish,
    (desk, warning): (&Desk, Option<&str>),
) -> Result<Answer, Fault> {
    check_address(act.tx, act.office, manifest, wish)?;
    let vault = vault(&desk.keys, act.office);
    for (key, value) in &wish.values {
        let sealed = vault.seal(&place(&manifest.id, key), value)?;
        store::put_secret(act.tx, act.office, &manifest.id, &SecretRow { key: key.clone(), sealed }, act.now)?;
    }
    if let Some(raw) = wish.raw_keys {
        store::set_raw(act.tx, act.office, &manifest.id, raw, act.now)?;
    }
    let names: Vec<&String> = wish.values.keys().collect();
    let data = json!({"integration": manifest.id, "keys": names, "rawKeys": wish.raw_keys});
    let summary = format!("the secret of {} was set by {}", manifest.id, member.name());
    record(act, member, "integrations.set_secret", None, summary, data)?;
    if !wish.values.is_empty() && State::load(act.tx, act.office, &desk.providers)?.is_configured(manifest) {
        grant_all(act, member, manifest)?;
    }
    key_changed(act, manifest)?;
    let mut card = State::load(act.tx, act.office, &desk.providers)?.card(manifest);
    card.metadata.note = warning.map(str::to_owned).or(card.metadata.note);
    Answer::ok(&card)
}

/// Who sets a provider's address must bring the key: whoever may set but not read it could send it to a host of their own.
pub fn check_address(
    tx: &mut dyn crate::infra::db::Tx,
    office: OfficeId,
    manifest: &Manifest,
    wish: &Wish,
) -> Result<(), Fault> {
    let Some(kind) = manifest.kind_of_provider() else { return Ok(()) };
    let is_address = |name: &String| kind.facts().base_variables.contains(name);
    let sets_address_alone = wish.values.keys().any(is_address) && wish.values.keys().all(is_address);
    if !sets_address_alone {
        return Ok(());
    }
    let stored = store::secrets(tx, office, &manifest.id)?;
    let has_key = stored.iter().any(|secret| !is_address(&secret.key));
    if has_key { Err(faults::address_without_key(&manifest.id)) } else { Ok(()) }
}

/// Models may be called with it, or no more.
fn key_changed(act: &mut Act<'_>, manifest: &Manifest) -> Result<(), Fault> {
    manifest.kind_of_provider().map_or(Ok(()), |kind| marks::key_changed(act, kind))
}

/// Those who asked get it; those who have it may go on with what was blocked.
fn grant_all(act: &mut Act<'_>, member: &Member, manifest: &Manifest) -> Result<(), Fault> {
    let waiting = store::waiting(act.tx, act.office, &manifest.id)?;
    for agent in agents::list(act.tx, act.office)? {
        if agent.has_integration(&manifest.id) || waiting.contains(&agent.id) {
            enable(act, member, manifest, agent)?;
        }
    }
    Ok(())
}

pub fn delete_secret(act: &mut Act<'_>, member: &Member, manifest: &Manifest) -> Result<Answer, Fault> {
    store::forget(act.tx, act.office, &manifest.id)?;
    let summary = format!("the secret of {} was deleted by {}", manifest.id, member.name());
    let data = json!({"integration": manifest.id});
    record(act, member, "integrations.delete_secret", None, summary, data)?;
    key_changed(act, manifest)?;
    Ok(Answer::done())
}

/// Whether hosted agents get the real values.
pub fn update(
    act: &mut Act<'_>,
    member: &Member,
    manifest: &Manifest,
    raw_keys: bool,
    providers: &Providers,
) -> Result<Answer, Fault> {
    store::set_raw(act.tx, act.office, &manifest.id, raw_keys, act.now)?;
    let said = if raw_keys { "real values" } else { "placeholders" };
    let summary = format!("hosted agents get {said} of {}, says {}", manifest.id, member.name());
    let data = json!({"integration": manifest.id, "rawKeys": raw_keys});
    record(act, member, "integrations.update", None, summary, data)?;
    answer(act, manifest, providers)
}

fn answer(act: &mut Act<'_>, manifest: &Manifest, providers: &Providers) -> Result<Answer, Fault> {
    Answer::ok(&State::load(act.tx, act.office, providers)?.card(manifest))
}

/// On or off for one agent.
pub fn toggle(
    act: &mut Act<'_>,
    member: &Member,
    manifest: &Manifest,
    (name, enabled): (&str, bool),
    providers: &Providers,
) -> Result<Answer, Fault> {
    let agent = agents::find(act.tx, act.office, name)?;
    let agent_name = agent.name.clone();
    let unblocked = match enabled {
        true => enable(act, member, manifest, agent)?,
        false => disable(act, member, manifest, agent)?,
    };
    let status = State::load(act.tx, act.office, providers)?.status(manifest);
    Answer::ok(&IntegrationToggled { integration_id: manifest.id.clone(), agent_name, enabled, status, unblocked })
}

/// Enabled, its request granted, what was blocked for it back in the queue, and the agent told to look again.
fn enable(
    act: &mut Act<'_>,
    member: &Member,
    manifest: &Manifest,
    mut agent: AgentRow,
) -> Result<Vec<mi_core::ids::TaskId>, Fault> {
    if !agent.has_integration(&manifest.id) {
        agent.integrations.push(manifest.id.clone());
        agents::save_integrations(act, &agent)?;
        let summary = format!("{} was enabled for {} by {}", manifest.id, agent.name, member.name());
        record_toggle(act, member, manifest, &agent, summary, true)?;
    }
    requests::granted(act, manifest, &agent)?;
    let unblocked = tasks::needs::met(act, member.name(), &manifest.id, &agent.name)?;
    act.wake_agent(&agent.name);
    tasks::calls::for_tasks(act)?;
    Ok(unblocked)
}

fn disable(
    act: &mut Act<'_>,
    member: &Member,
    manifest: &Manifest,
    mut agent: AgentRow,
) -> Result<Vec<mi_core::ids::TaskId>, Fault> {
    if agent.has_integration(&manifest.id) {
        agent.integrations.retain(|word| canonical(word) != manifest.id);
        agents::save_integrations(act, &agent)?;
        let summary = format!("{} was disabled for {} by {}", manifest.id, agent.name, member.name());
        record_toggle(act, member, manifest, &agent, summary, false)?;
    }
    Ok(Vec::new())
}

fn record_toggle(
    act: &mut Act<'_>,
    member: &Member,
    manifest: &Manifest,
    agent: &AgentRow,
    summary: String,
    enabled: bool,
) -> Result<(), Fault> {
    let data = json!({"integration": manifest.id, "enabled": enabled});
    record(act, member, "integrations.toggle", Some(agent), summary, data)
}

/// Names are told, values never.
pub fn record(
    act: &mut Act<'_>,
    member: &Member,
    kind: &'static str,
    agent: Option<&AgentRow>,
    summary: String,
    data: Value,
) -> Result<(), Fault> {
    let category = if agent.is_some() { Category::Lifecycle } else { Category::Office };
    let agent = agent.map(|agent| &agent.name);
    act.event(NewEvent { category, kind, actor: member.name(), agent, task: None, summary, data })?;
    Ok(())
}

pub fn vault(keys: &Keys, office: OfficeId) -> Vault {
    Vault::new(keys, "integrations", office)
}

/// Ids hold no zero byte, so no two secrets have the same place.
pub fn place(integration: &str, key: &str) -> Vec<u8> {
    [integration.as_bytes(), key.as_bytes()].join(&0)
}

/// The values of an integration by their names, opened.
/// All of the office, by the names under which they are set.
pub fn all_secrets(
    tx: &mut dyn crate::infra::db::Tx,
    keys: &Keys,
    office: OfficeId,
) -> Result<Vec<(String, String)>, Fault> {
    let vault = vault(keys, office);
    let open = |(id, row): (String, SecretRow)| {
        let value = vault.open(&place(&id, &row.key), &row.key, &row.sealed)?;
        Ok((row.key, value.to_string()))
    };
    store::all_secrets(tx, office)?.into_iter().map(open).collect()
}

pub fn open_all(
    tx: &mut dyn crate::infra::db::Tx,
    keys: &Keys,
    office: OfficeId,
    id: &str,
) -> Result<Vec<(String, Zeroizing<String>)>, Fault> {
    let vault = vault(keys, office);
    let open = |row: SecretRow| {
        let value = vault.open(&place(id, &row.key), &row.key, &row.sealed)?;
        Ok((row.key, value))
    };
    store::secrets(tx, office, id)?.into_iter().map(open).collect()
}
