//! Hiring: the rules in the contract's order, then the agent with its pod.

use mi_core::ids::{AgentId, AgentName};
use mi_core::time::Millis;
use mi_core::wire::agents::{AgentKind, HireAgent};
use serde_json::json;
use uuid::Uuid;

use super::service::{self, AgentRow};
use super::{change, faults, rules, store};
use crate::agent_keys;
use crate::chat;
use crate::credits::purses::{self, Wish};
use crate::env;
use crate::gateway::providers::Providers;
use crate::infra::act::{Act, Answer, Head};
use crate::infra::caller::Member;
use crate::infra::fault::Fault;
use crate::infra::keys::Keys;
use crate::integrations::catalogue::{Manifest, catalogue};
use crate::pods;

/// What hiring needs of the house.
#[derive(Clone)]
pub struct Desk {
    pub keys: Keys,
    pub providers: Providers,
}

pub fn hire(act: &mut Act<'_>, member: &Member, asked: &HireAgent, desk: &Desk) -> Result<Answer, Fault> {
    let name = rules::good_name(&asked.name)?;
    may_hire(act, member, &name)?;
    let agent = row(act, member, name, asked)?;
    refuse_gifts(act, member, &agent)?;
    store::insert(act.tx, act.office, &agent)?;
    act.head.agent_count += 1;
    if let Some(variables) = asked.env.as_ref().filter(|variables| !variables.is_empty()) {
        env::service::set_for_agent(act, &desk.keys, agent.id, variables)?;
    }
    agent_keys::service::give_pair(act, agent.id)?;
    chat::service::welcome(act, &agent.name)?;
    pods::service::create(act, agent.id)?;
    purses::set_of_agent(act, agent.id, Wish { total: asked.budget, per_day: asked.budget_per_day })?;
    let summary = format!("{} was hired by {}", agent.name, member.name());
    let data = json!({"id": agent.id, "harness": agent.harness, "provider": agent.model_provider});
    service::record(act, member, &agent, "agents.hire", summary, data)?;
    Answer::created(&service::full_card(act.tx, act.office, (&act.head, act.now), &agent, &desk.providers)?)
}

/// May this office have another agent now, and may this member bring it?
fn may_hire(act: &mut Act<'_>, member: &Member, name: &AgentName) -> Result<(), Fault> {
    if store::by_name(act.tx, act.office, name.as_str())?.is_some() {
        return Err(faults::agent_exists(name));
    }
    if act.head.balance.0 <= 0 {
        return Err(faults::out_of_credits());
    }
    let settings = &act.head.settings;
    if member.agent().is_some() && !settings.allow_agent_hiring {
        return Err(faults::agent_hiring_disabled());
    }
    must_have_room(&act.head)?;
    let limit = settings.hire_limit;
    let since = act.now + Millis::seconds(limit.window_seconds.saturating_neg());
    let newest = store::hired_since(act.tx, act.office, since, limit.count)?;
    rules::hire_rate(limit, &newest, act.now)
}

/// May this office have one more agent?
pub fn must_have_room(head: &Head) -> Result<(), Fault> {
    if head.balance.0 <= 0 {
        return Err(faults::out_of_credits());
    }
    let most = head.settings.max_agents;
    if head.agent_count >= most { Err(faults::hire_limit_reached(most)) } else { Ok(()) }
}

/// An agent passes on what it may use itself, and no more; models it reaches through the gateway as everybody does.
fn refuse_gifts(act: &mut Act<'_>, member: &Member, hired: &AgentRow) -> Result<(), Fault> {
    let Member::Agent { id, .. } = member else { return Ok(()) };
    let hirer = store::by_id(act.tx, act.office, *id)?;
    let may_give = |word: &&String| {
        let is_model = catalogue().find(word).is_some_and(Manifest::is_llm);
        is_model || hirer.as_ref().is_some_and(|hirer| hirer.has_integration(word))
    };
    match hired.integrations.iter().find(|word| !may_give(word)) {
        None => Ok(()),
        Some(word) => Err(faults::not_yours_to_give(word)),
    }
}

fn row(act: &Act<'_>, member: &Member, name: AgentName, asked: &HireAgent) -> Result<AgentRow, Fault> {
    let provider = rules::word("the provider", asked.provider.as_deref())?;
    change::known_provider(provider.as_deref())?;
    let command = rules::command(asked.command.as_ref())?;
    let model_tier = rules::word("the model", asked.model_tier.as_deref())?;
    let harness = rules::harness(asked.harness.as_deref(), command.as_ref(), provider.as_deref())?;
    rules::fitting(harness, provider.as_deref(), model_tier.as_deref())?;
    let asked_integrations = asked.integrations.as_deref().unwrap_or_default();
    Ok(AgentRow {
        id: AgentId(Uuid::new_v4()),
        name,
        role: rules::word("the role", asked.role.as_deref())?,
        model_tier,
        harness,
        command,
        skills: rules::skills(asked.skills.as_deref().unwrap_or_default())?,
        system_prompt: rules::system_prompt(asked.system_prompt.as_deref())?,
        integrations: rules::integrations(asked_integrations, provider.as_deref())?,
        model_provider: provider,
        resources: rules::resources(asked.resources.as_ref())?,
        kind: AgentKind::Hosted,
        spawned_by: member.agent().cloned(),
        hirer: member.agent_id(),
        created_at: act.now,
        last_seen_at: None,
        live_sessions: 0,
        fired_at: None,
    })
}
