//! Acts of agents, and what other concepts ask of them.

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::time::Time;
use mi_core::wire::agents::{Agent, AgentKind, CommandLine, HarnessKind, LifecycleAction, Resources};
use serde_json::{Value, json};

use super::phase::{Facts, Live, Trouble};
use super::{faults, phase, store};
use crate::chat::service as chat;
use crate::credits::purses::{self, Owner};
use crate::credits::suspend;
use crate::gateway::providers::Providers;
use crate::gateway::reach::{Reach, Standing, remedy};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, Head, NewEvent, look};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;
use crate::integrations::catalogue::holds;
use crate::pods::{Desired, PodRow, service as pods};
use crate::tasks::calls;
use crate::{agent_keys, sessions};

pub use super::faults::lives_elsewhere;

/// More than an office may ever have; lists of all agents end here.
const ALL: Page = Page { limit: 10_000, offset: 0 };

/// An agent as the store has it.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRow {
    pub id: AgentId,
    pub name: AgentName,
    pub role: Option<String>,
    pub model_tier: Option<String>,
    pub model_provider: Option<String>,
    pub harness: HarnessKind,
    pub command: Option<CommandLine>,
    pub skills: Vec<String>,
    pub system_prompt: Option<String>,
    pub integrations: Vec<String>,
    pub resources: Resources,
    pub kind: AgentKind,
    pub spawned_by: Option<AgentName>,
    /// The same by its id: a later agent of its hirer's name is somebody else.
    pub hirer: Option<AgentId>,
    pub created_at: Time,
    pub last_seen_at: Option<Time>,
    pub live_sessions: i64,
    pub fired_at: Option<Time>,
}

impl AgentRow {
    /// By id or alias.
    pub fn has_integration(&self, word: &str) -> bool {
        holds(&self.integrations, word)
    }
}

/// Not a fired one.
pub fn by_name(tx: &mut dyn Tx, office: OfficeId, name: &str) -> Result<Option<AgentRow>, Fault> {
    Ok(store::by_name(tx, office, name)?)
}

/// A fired one too.
pub fn by_id(tx: &mut dyn Tx, office: OfficeId, id: AgentId) -> Result<Option<AgentRow>, Fault> {
    Ok(store::by_id(tx, office, id)?)
}

/// By name, or by id, as existing clients send either.
pub fn find(tx: &mut dyn Tx, office: OfficeId, name_or_id: &str) -> Result<AgentRow, Fault> {
    if let Some(agent) = by_name(tx, office, name_or_id)? {
        return Ok(agent);
    }
    let by_its_id = match name_or_id.parse() {
        Ok(id) => by_id(tx, office, id)?,
        Err(_) => None,
    };
    let there = by_its_id.filter(|agent| agent.fired_at.is_none());
    there.ok_or_else(|| fault::no_such_agent(mi_core::ids::excerpt(name_or_id)))
}

/// Everybody who is not fired, in the order of hiring.
pub fn list(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<AgentRow>, Fault> {
    Ok(store::page(tx, office, ALL)?)
}

/// Keeps the number of the agent's live sessions.
pub fn count_live(tx: &mut dyn Tx, office: OfficeId, id: AgentId, delta: i64) -> Result<(), Fault> {
    Ok(store::add_live(tx, office, id, delta)?)
}

/// Keeps which integrations are on for it.
pub fn save_integrations(act: &mut Act<'_>, agent: &AgentRow) -> Result<(), Fault> {
    Ok(store::update(act.tx, act.office, agent)?)
}

/// A sign of life.
pub fn touch(tx: &mut dyn Tx, office: OfficeId, id: AgentId, now: Time) -> Result<(), Fault> {
    Ok(store::set_seen(tx, office, id, now)?)
}

/// As clients see it, for those who know that its model can be reached.
pub fn card(tx: &mut dyn Tx, office: OfficeId, now: Time, agent: &AgentRow) -> Result<Agent, Fault> {
    let head = look(tx, office)?;
    card_with(tx, office, (&head, now), agent, None)
}

/// As clients see it, its model's key looked for as well.
pub fn full_card(
    tx: &mut dyn Tx,
    office: OfficeId,
    at: (&Head, Time),
    agent: &AgentRow,
    providers: &Providers,
) -> Result<Agent, Fault> {
    let reach = Reach::load(tx, office, providers)?;
    card_with(tx, office, at, agent, trouble(agent, &reach))
}

/// All agents of the office as clients see them.
pub fn cards(tx: &mut dyn Tx, office: OfficeId, at: (&Head, Time), providers: &Providers) -> Result<Vec<Agent>, Fault> {
    cards_on(tx, office, at, providers, ALL)
}

pub fn cards_on(
    tx: &mut dyn Tx,
    office: OfficeId,
    at: (&Head, Time),
    providers: &Providers,
    page: Page,
) -> Result<Vec<Agent>, Fault> {
    let rows = store::page(tx, office, page)?;
    let reach = Reach::load(tx, office, providers)?;
    rows.iter().map(|agent| card_with(tx, office, at, agent, trouble(agent, &reach))).collect()
}

fn card_with(
    tx: &mut dyn Tx,
    office: OfficeId,
    (head, now): (&Head, Time),
    agent: &AgentRow,
    trouble: Option<Trouble>,
) -> Result<Agent, Fault> {
    let pod = pods::row(tx, office, agent.id)?;
    let public = agent_keys::service::of_agent(tx, office, agent.id)?;
    let (public_key, xmtp_address) = public.map(|row| (row.public_key, row.address)).unzip();
    let live = match sessions::service::current(tx, office, agent.id)? {
        Some((_, task)) => Live::Session(task),
        None => Live::No,
    };
    let status = phase::status(&Facts {
        name: agent.name.as_str(),
        kind: agent.kind,
        office: head.status,
        funded: head.balance.0 > 0,
        suspension: suspend::of(tx, office, agent.id)?,
        pod: pod.as_ref(),
        live,
        last_seen: last_seen(agent, pod.as_ref()),
        now,
        trouble,
        unread: chat::trouble(tx, office, &agent.name)?,
    });
    Ok(Agent {
        id: agent.id,
        name: agent.name.clone(),
        role: agent.role.clone(),
        model_tier: agent.model_tier.clone(),
        model_provider: agent.model_provider.clone(),
        harness: agent.harness,
        command: agent.command.clone(),
        skills: agent.skills.clone(),
        system_prompt: agent.system_prompt.clone(),
        kind: agent.kind,
        spawned_by: agent.spawned_by.clone(),
        public_key,
        xmtp_address,
        created_at: agent.created_at,
        budget: purses::card(tx, office, Owner::Agent(agent.id))?,
        status,
        used: sessions::usage::of_agent(tx, office, agent.id)?.into(),
    })
}

pub fn last_seen(agent: &AgentRow, pod: Option<&PodRow>) -> Option<Time> {
    agent.last_seen_at.max(pod.and_then(|pod| pod.runner_seen_at))
}

/// What keeps its model from being called. A command brings its own means; every other harness calls models through the
/// server.
pub(super) fn trouble(agent: &AgentRow, reach: &Reach) -> Option<Trouble> {
    if agent.harness == HarnessKind::Command {
        return None;
    }
    let (provider, tier) = (agent.model_provider.as_deref(), agent.model_tier.as_deref());
    let (kind, standing) = reach.of_agent(agent.harness, provider, tier);
    let named = || agent.model_provider.clone().or(kind.map(|kind| kind.as_str().to_owned()));
    let provider = named().unwrap_or("any model provider".to_owned());
    match standing {
        Standing::Ready => None,
        Standing::Keyless => Some(Trouble::Keyless { provider, remedy: remedy(kind) }),
        Standing::Refused => Some(Trouble::Refused { provider, remedy: remedy(kind) }),
        Standing::Parked(until) => Some(Trouble::Quota { provider, until }),
    }
}

pub fn may_change(member: &Member, agent: &AgentRow) -> Result<(), Fault> {
    if is_hirer(member, agent) { Ok(()) } else { Err(faults::not_yours(&agent.name)) }
}

/// The agent itself, or whoever stands behind it.
pub fn must_stand_behind(member: &Member, agent: &AgentRow) -> Result<(), Fault> {
    if member.agent_id() == Some(agent.id) { Ok(()) } else { may_change(member, agent) }
}

/// Operators stand behind every agent; an agent only behind those that it hired itself.
pub fn is_hirer(member: &Member, agent: &AgentRow) -> bool {
    match member {
        Member::Person(_) => true,
        Member::Agent { id, .. } => agent.hirer == Some(*id),
    }
}

pub fn record(
    act: &mut Act<'_>,
    member: &Member,
    agent: &AgentRow,
    kind: &'static str,
    summary: String,
    data: Value,
) -> Result<(), Fault> {
    act.event(NewEvent {
        category: Category::Lifecycle,
        kind,
        actor: member.name(),
        agent: Some(&agent.name),
        task: None,
        summary,
        data,
    })?;
    Ok(())
}

/// Stopped by hand, an agent is not woken by work.
pub fn lifecycle(
    act: &mut Act<'_>,
    member: &Member,
    name: &str,
    action: LifecycleAction,
    providers: &Providers,
) -> Result<Answer, Fault> {
    let agent = find(act.tx, act.office, name)?;
    if agent.kind == AgentKind::External {
        return Err(faults::lives_elsewhere(&agent.name));
    }
    // Which way leads back from there is `restore`.
    if pods::row(act.tx, act.office, agent.id)?.is_some_and(|pod| pod.desired == Desired::Gone) {
        return Err(faults::archived(&agent.name));
    }
    match action {
        LifecycleAction::Stop => {
            sessions::service::stop_all(act, agent.id, "stopped")?;
            pods::wish(act, agent.id, Desired::Stopped)?;
            calls::for_tasks(act)?;
        }
        LifecycleAction::Start => pods::wish(act, agent.id, Desired::Running)?,
        LifecycleAction::Restart => {
            sessions::service::stop_all(act, agent.id, "restarted")?;
            pods::restart(act, agent.id)?;
        }
    }
    act.wake_agent(&agent.name);
    let summary = format!("{} {} by {}", agent.name, past(action), member.name());
    record(act, member, &agent, "agents.lifecycle", summary, json!({"action": action}))?;
    Answer::ok(&full_card(act.tx, act.office, (&act.head, act.now), &agent, providers)?)
}

const fn past(action: LifecycleAction) -> &'static str {
    match action {
        LifecycleAction::Stop => "was stopped",
        LifecycleAction::Start => "was started",
        LifecycleAction::Restart => "was restarted",
    }
}

/// Presence, by the agent itself.
pub fn heartbeat(act: &mut Act<'_>, member: &Member, name: &str) -> Result<Answer, Fault> {
    let agent = find(act.tx, act.office, name)?;
    match member {
        Member::Agent { id, .. } if *id == agent.id => beat(act, agent.id),
        Member::Agent { .. } | Member::Person(_) => Err(fault::not_you(agent.name.as_str())),
    }
}

/// Presence of whoever the credential belongs to.
pub fn heartbeat_self(act: &mut Act<'_>, member: &Member) -> Result<Answer, Fault> {
    match member {
        Member::Agent { id, .. } => beat(act, *id),
        Member::Person(_) => Err(fault::not_you("an agent")),
    }
}

fn beat(act: &mut Act<'_>, id: AgentId) -> Result<Answer, Fault> {
    touch(act.tx, act.office, id, act.now)?;
    sessions::service::hold_on(act, id)?;
    Ok(Answer::done())
}
