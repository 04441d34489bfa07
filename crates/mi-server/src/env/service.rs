//! Acts of the environment.

use std::collections::BTreeMap;

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::wire::env::EnvVar;
use serde_json::json;

use super::faults;
use super::seal::Sealer;
use super::store::{self, Scope, VarRow};
use super::wishes::{self, Whose, Wish};
use crate::agents;
use crate::house::View;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::Keys;

/// Variables of one scope.
const ENV_VARS_MAX: i64 = 100;
/// Values of one scope together; a program's whole environment has to fit into what the kernel hands over.
const ENV_BYTES_MAX: i64 = 256 * 1024;
/// A sealed value is hex.
const SEALED_CHARS_PER_BYTE: i64 = 2;

/// What a list shows of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Keys,
    Values,
}

/// The office's variables and those of its agents; of agents that are gone, none.
pub fn list(view: &mut View<'_>, keys: &Keys, show: Show) -> Result<Answer, Fault> {
    let names: BTreeMap<AgentId, AgentName> =
        agents::service::list(view.tx, view.office)?.into_iter().map(|agent| (agent.id, agent.name)).collect();
    let sealer = Sealer::new(keys, view.office);
    let mut shown = Vec::new();
    for row in store::all(view.tx, view.office)? {
        match row.scope {
            Scope::Office => shown.push(card(&sealer, &row, None, show)?),
            Scope::Agent(id) => {
                if let Some(name) = names.get(&id) {
                    shown.push(card(&sealer, &row, Some(name), show)?);
                }
            }
        }
    }
    Answer::list(&shown, shown.len() as i64)
}

fn card(sealer: &Sealer, row: &VarRow, agent: Option<&AgentName>, show: Show) -> Result<EnvVar, Fault> {
    let value = match show {
        Show::Keys => None,
        Show::Values => Some(sealer.open(row.scope, &row.key, &row.sealed)?.to_string()),
    };
    let scope = match row.scope {
        Scope::Office => "office",
        Scope::Agent(_) => "agent",
    };
    Ok(EnvVar { key: row.key.clone(), value, scope: scope.to_owned(), agent_name: agent.cloned() })
}

/// What an agent's sessions find in their environment: its own variables, and the office's that it doesn't override.
pub fn list_of_agent(view: &mut View<'_>, member: &Member, keys: &Keys, name: &str) -> Result<Answer, Fault> {
    let agent = agents::service::find(view.tx, view.office, name)?;
    match member {
        Member::Agent { id, .. } if *id != agent.id => return Err(fault::operator_only()),
        Member::Agent { .. } | Member::Person(_) => {}
    }
    let sealer = Sealer::new(keys, view.office);
    let rows = effective(view.tx, view.office, agent.id)?;
    let named = |row: &VarRow| matches!(row.scope, Scope::Agent(_)).then_some(&agent.name);
    let shown = rows.iter().map(|row| card(&sealer, row, named(row), Show::Values)).collect::<Result<Vec<_>, _>>()?;
    Answer::list(&shown, shown.len() as i64)
}

/// By key; the agent's own win.
fn effective(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Vec<VarRow>, Fault> {
    let mut by_key = BTreeMap::new();
    for scope in [Scope::Office, Scope::Agent(agent)] {
        by_key.extend(store::of(tx, office, scope)?.into_iter().map(|row| (row.key.clone(), row)));
    }
    Ok(by_key.into_values().collect())
}

/// The variables with which a session of the agent starts.
pub fn for_session(
    tx: &mut dyn Tx,
    keys: &Keys,
    office: OfficeId,
    agent: AgentId,
) -> Result<Vec<(String, String)>, Fault> {
    let sealer = Sealer::new(keys, office);
    let open = |row: VarRow| {
        let value = sealer.open(row.scope, &row.key, &row.sealed)?.to_string();
        Ok((row.key, value))
    };
    effective(tx, office, agent)?.into_iter().map(open).collect()
}

pub fn set(act: &mut Act<'_>, member: &Member, keys: &Keys, wish: &Wish) -> Result<Answer, Fault> {
    let (scope, whose) = resolve(act, &wish.whose)?;
    put_all(act, keys, scope, &wish.variables)?;
    let names: Vec<&str> = wish.variables.keys().map(String::as_str).collect();
    record(act, member, "env.set", whose.as_ref(), &names)?;
    Ok(Answer::done())
}

/// The variables that came with a hire; the hire's event tells of them.
pub fn set_for_agent(
    act: &mut Act<'_>,
    keys: &Keys,
    agent: AgentId,
    variables: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    wishes::check(variables)?;
    put_all(act, keys, Scope::Agent(agent), variables)
}

fn put_all(act: &mut Act<'_>, keys: &Keys, scope: Scope, variables: &BTreeMap<String, String>) -> Result<(), Fault> {
    let sealer = Sealer::new(keys, act.office);
    for (key, value) in variables {
        let sealed = sealer.seal(scope, key, value)?;
        store::put(act.tx, act.office, scope, key, &sealed, act.now)?;
    }
    let load = store::load(act.tx, act.office, scope)?;
    if load.vars > ENV_VARS_MAX {
        return Err(faults::too_many(ENV_VARS_MAX));
    }
    if load.sealed_chars > ENV_BYTES_MAX * SEALED_CHARS_PER_BYTE {
        return Err(faults::too_big(ENV_BYTES_MAX));
    }
    Ok(())
}

pub fn delete(act: &mut Act<'_>, member: &Member, whose: &Whose, key: &str) -> Result<Answer, Fault> {
    let (scope, name) = resolve(act, whose)?;
    if !store::remove(act.tx, act.office, scope, key)? {
        return Err(faults::no_such_key(key));
    }
    record(act, member, "env.delete", name.as_ref(), &[key])?;
    Ok(Answer::done())
}

fn resolve(act: &mut Act<'_>, whose: &Whose) -> Result<(Scope, Option<AgentName>), Fault> {
    match whose {
        Whose::Office => Ok((Scope::Office, None)),
        Whose::Agent(name) => {
            let agent = agents::service::find(act.tx, act.office, name)?;
            Ok((Scope::Agent(agent.id), Some(agent.name)))
        }
    }
}

/// Names are told, values never.
fn record(
    act: &mut Act<'_>,
    member: &Member,
    kind: &'static str,
    agent: Option<&AgentName>,
    names: &[&str],
) -> Result<(), Fault> {
    let whose = agent.map_or("the office".to_owned(), AgentName::to_string);
    let verb = if kind == "env.set" { "set" } else { "deleted" };
    let summary = format!("{verb} in the environment of {whose}: {}", names.join(", "));
    let data = json!({"keys": names, "agentName": agent});
    let category = if agent.is_some() { Category::Lifecycle } else { Category::Office };
    act.event(NewEvent { category, kind, actor: member.name(), agent, task: None, summary, data })?;
    Ok(())
}
