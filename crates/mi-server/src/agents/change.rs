//! Changing an agent: what it is told to be from its next session on.

use mi_core::harnesses;
use mi_core::wire::agents::{HarnessKind, UpdateAgent};
use serde_json::{Value, json};

use super::service::{AgentRow, by_id, find, full_card, may_change, record};
use super::{rules, store};
use crate::credits::purses::{self, Wish};
use crate::gateway::providers::{self, Providers};
use crate::infra::act::{Act, Answer};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::tasks::calls;

pub fn update(
    act: &mut Act<'_>,
    member: &Member,
    name: &str,
    change: &UpdateAgent,
    providers: &Providers,
) -> Result<Answer, Fault> {
    let mut agent = match departed(act, name, change)? {
        Some(agent) => agent,
        None => find(act.tx, act.office, name)?,
    };
    may_change(member, &agent)?;
    apply(&mut agent, change)?;
    set_budget(act, member, &agent, change)?;
    save(act, member, &agent, "agents.update", json!({"name": agent.name}))?;
    Answer::ok(&full_card(act.tx, act.office, (&act.head, act.now), &agent, providers)?)
}

/// One that left, by its id: its budget still holds those that it hired, so that alone may be changed.
fn departed(act: &mut Act<'_>, id: &str, change: &UpdateAgent) -> Result<Option<AgentRow>, Fault> {
    let Ok(id) = id.parse() else { return Ok(None) };
    let budget = UpdateAgent { budget: change.budget, budget_per_day: change.budget_per_day, ..UpdateAgent::default() };
    if *change != budget || !wish(change).is_any() {
        return Ok(None);
    }
    Ok(by_id(act.tx, act.office, id)?.filter(|agent| agent.fired_at.is_some()))
}

fn wish(change: &UpdateAgent) -> Wish {
    Wish { total: change.budget, per_day: change.budget_per_day }
}

/// Money is an operator's: whoever hired an agent could otherwise lift what holds them both.
fn set_budget(act: &mut Act<'_>, member: &Member, agent: &AgentRow, change: &UpdateAgent) -> Result<(), Fault> {
    let wish = wish(change);
    match member {
        Member::Agent { .. } if wish.is_any() => Err(fault::operator_only()),
        Member::Agent { .. } | Member::Person(_) => purses::set_of_agent(act, agent.id, wish),
    }
}

/// Fields that are not there stay; blank text clears.
fn apply(agent: &mut AgentRow, change: &UpdateAgent) -> Result<(), Fault> {
    if change.role.is_some() {
        agent.role = rules::word("the role", change.role.as_deref())?;
    }
    if change.model_tier.is_some() {
        agent.model_tier = rules::word("the model", change.model_tier.as_deref())?;
    }
    if change.provider.is_some() {
        let provider = rules::word("the provider", change.provider.as_deref())?;
        known_provider(provider.as_deref())?;
        agent.integrations = rules::integrations(&agent.integrations, provider.as_deref())?;
        // As at hire: who names a provider by its program means the program, and who names another than the agent's program
        // can work with means its models alone; unless the agent runs a command.
        if agent.harness != HarnessKind::Command {
            let fits = rules::fitting(agent.harness, provider.as_deref(), None).is_ok();
            let kept = if fits { agent.harness } else { HarnessKind::Native };
            agent.harness = provider.as_deref().and_then(harnesses::by_provider).unwrap_or(kept);
        }
        agent.model_provider = provider;
    }
    if let Some(skills) = &change.skills {
        agent.skills = rules::skills(skills)?;
    }
    if change.system_prompt.is_some() {
        agent.system_prompt = rules::system_prompt(change.system_prompt.as_deref())?;
    }
    if change.command.is_some() {
        agent.command = rules::command(change.command.as_ref())?;
    }
    if change.command.is_some() || change.harness.is_some() {
        let harness = change.harness.as_deref().unwrap_or(agent.harness.as_str());
        agent.harness = rules::harness(Some(harness), agent.command.as_ref(), None)?;
    }
    if change.provider.is_some() || change.harness.is_some() || change.model_tier.is_some() {
        rules::fitting(agent.harness, agent.model_provider.as_deref(), agent.model_tier.as_deref())?;
    }
    Ok(())
}

/// None is fine: such an agent gets whichever provider has a key.
pub fn known_provider(provider: Option<&str>) -> Result<(), Fault> {
    provider.map_or(Ok(()), |word| providers::known(word).map(|_| ()))
}

fn save(act: &mut Act<'_>, member: &Member, agent: &AgentRow, kind: &'static str, data: Value) -> Result<(), Fault> {
    store::update(act.tx, act.office, agent)?;
    record(act, member, agent, kind, format!("{} was changed by {}", agent.name, member.name()), data)?;
    // With another model or harness it may be able to do what waits for it.
    calls::for_everything(act)
}

/// Another model, from the next session on.
pub fn promote(
    act: &mut Act<'_>,
    member: &Member,
    name: &str,
    change: &UpdateAgent,
    providers: &Providers,
) -> Result<Answer, Fault> {
    if change.model_tier.as_deref().is_none_or(|tier| tier.trim().is_empty()) {
        return Err(fault::bad_request("modelTier says which model the agent gets"));
    }
    let model = UpdateAgent {
        model_tier: change.model_tier.clone(),
        provider: change.provider.clone(),
        ..UpdateAgent::default()
    };
    let mut agent = find(act.tx, act.office, name)?;
    may_change(member, &agent)?;
    apply(&mut agent, &model)?;
    let data = json!({"modelTier": agent.model_tier, "modelProvider": agent.model_provider});
    save(act, member, &agent, "agents.promote", data)?;
    Answer::ok(&full_card(act.tx, act.office, (&act.head, act.now), &agent, providers)?)
}

pub fn change_skills(
    act: &mut Act<'_>,
    member: &Member,
    name: &str,
    (add, remove): (&[String], &[String]),
    providers: &Providers,
) -> Result<Answer, Fault> {
    let mut agent = find(act.tx, act.office, name)?;
    may_change(member, &agent)?;
    let kept = agent.skills.iter().filter(|skill| !remove.contains(skill));
    let wanted: Vec<String> = kept.chain(add).cloned().collect();
    agent.skills = rules::skills(&wanted)?;
    save(act, member, &agent, "agents.change_skills", json!({"add": add, "remove": remove}))?;
    Answer::ok(&full_card(act.tx, act.office, (&act.head, act.now), &agent, providers)?)
}
