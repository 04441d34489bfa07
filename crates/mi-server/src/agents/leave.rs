//! Ways out of an office, and back: fired, ended by itself, archived, restored.
//!
//! Whoever goes leaves its workspace behind as a backup, made before the act and recorded in it.

use mi_core::ids::{AgentId, OfficeId};
use mi_core::problem::Code;
use mi_core::time::{Millis, Time};
use mi_core::wire::agents::AgentKind;
use mi_core::wire::backups::{BackupCause, RestoreAgent};
use serde_json::json;

use super::hire;
use super::service::{AgentRow, by_id, by_name, find, full_card, is_hirer, may_change, record};
use super::{faults, store};
use crate::backups::faults as backups_faults;
use crate::backups::service as backups;
use crate::backups::{Facts, Packed};
use crate::gateway::providers::Providers;
use crate::house::{House, View};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, Head, NewEvent, look};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::sweeps::Offices;
use crate::infra::wakeups::Wake;
use crate::pods::{Desired, Observed, service as pods};
use crate::tasks::{self, calls};
use crate::{agent_keys, chat, sessions};

const SYSTEM: &str = "system";
/// Specialists looked at in one round; the next round takes the rest.
const ENDED_PER_ROUND_MAX: i64 = 100;

/// Whether a workspace is kept for whoever may want it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keepsake {
    Backup,
    Nothing,
}

/// A backup first, then the act; what becomes of the backup follows from the act.
pub async fn fire(house: &House, call: &Call, name: String, keepsake: Keepsake) -> Result<Answer, Fault> {
    let packed = match keepsake {
        Keepsake::Backup => pack_for(house, call, &name).await?,
        Keepsake::Nothing => None,
    };
    let facts = packed.as_ref().map(|packed| packed.facts.clone());
    let acting = house.act(call, move |act, member| fire_one(act, member, &name, facts.as_ref()));
    backups::act_and_keep(house, call.office()?, packed, acting).await
}

/// Nothing for whoever isn't there, or isn't the caller's to send away: the act says so.
async fn pack_for(house: &House, call: &Call, name: &str) -> Result<Option<Packed>, Fault> {
    let name = name.to_owned();
    let look = move |view: &mut View<'_>, member: &Member| {
        let agent = by_name_or_id(view.tx, view.office, &name)?;
        match agent {
            Some(agent) if is_hirer(member, &agent) => Ok(Some(agent)),
            Some(_) | None => Ok(None),
        }
    };
    match house.look(call, look).await? {
        Some(agent) => backups::pack_before_leaving(house, call.office()?, &agent).await,
        None => Ok(None),
    }
}

fn by_name_or_id(tx: &mut dyn Tx, office: OfficeId, name: &str) -> Result<Option<AgentRow>, Fault> {
    if let Some(agent) = by_name(tx, office, name)? {
        return Ok(Some(agent));
    }
    match name.parse() {
        Ok(id) => Ok(by_id(tx, office, id)?.filter(|agent| agent.fired_at.is_none())),
        Err(_) => Ok(None),
    }
}

fn fire_one(act: &mut Act<'_>, member: &Member, name: &str, backup: Option<&Facts>) -> Result<Answer, Fault> {
    let agent = find(act.tx, act.office, name)?;
    may_change(member, &agent)?;
    keep_record(act, member.name(), &agent, backup, BackupCause::Fired)?;
    let stopped = dismiss(act, &agent, "fired")?;
    let summary = format!("{} was fired by {}", agent.name, member.name());
    let data = json!({"id": agent.id, "stopped_sessions": stopped, "backup": backup.map(|facts| &facts.id)});
    record(act, member, &agent, "agents.fire", summary, data)?;
    Ok(Answer::done())
}

fn keep_record(
    act: &mut Act<'_>,
    actor: &str,
    agent: &AgentRow,
    backup: Option<&Facts>,
    cause: BackupCause,
) -> Result<(), Fault> {
    match backup {
        Some(facts) => backups::record(act, actor, agent, facts, cause).map(|_| ()),
        None => Ok(()),
    }
}

/// It is none of the office from here on: its name is free, and what it held goes back to the queue uncounted. Gives how
/// many sessions that stopped.
pub(super) fn dismiss(act: &mut Act<'_>, agent: &AgentRow, reason: &str) -> Result<i64, Fault> {
    let stopped = if sabotage!(FiredKeepsClaims) { 0 } else { sessions::service::stop_all(act, agent.id, reason)? };
    if agent.kind == AgentKind::Hosted {
        pods::wish(act, agent.id, Desired::Gone)?;
    }
    store::set_fired(act.tx, act.office, agent.id, act.now)?;
    agent_keys::service::revoke_all(act, agent.id)?;
    act.head.agent_count -= 1;
    // A later agent of this name must not find this one's letters.
    chat::service::say_goodbye(act, &agent.name)?;
    calls::for_tasks(act)?;
    act.wake_agent(&agent.name);
    act.wake(Wake::Rights);
    Ok(stopped)
}

/// Specialists that may have nothing more to do: those that sleep, and those that can't start.
pub async fn end_specialists(house: &House, offices: &Offices<(OfficeId, AgentId)>) -> Result<(), Fault> {
    let after = offices.after();
    let page = house.db.read(move |tx| Ok(store::resting_specialists(tx, after, ENDED_PER_ROUND_MAX)?)).await?;
    let end = |(office, id)| end_specialist(house, office, id);
    offices.each("specialists", page, ENDED_PER_ROUND_MAX, end).await
}

async fn end_specialist(house: &House, office: OfficeId, id: AgentId) -> Result<(), Fault> {
    let clock = house.clock.clone();
    let judge = move |tx: &mut dyn Tx| {
        let head = look(tx, office)?;
        through_with(tx, office, &head, id, clock.now())
    };
    let Some(agent) = house.db.read(judge).await? else { return Ok(()) };
    match backups::pack_before_leaving(house, office, &agent).await {
        Ok(packed) => {
            let facts = packed.as_ref().map(|packed| packed.facts.clone());
            let acting = house.act_as_server(office, move |act| end_one(act, id, facts.as_ref()));
            backups::act_and_keep(house, office, packed, acting).await
        }
        // One that can't be backed up rests on, and doesn't stand in the others' way.
        Err(fault) => {
            let why = fault.sentence;
            tracing::warn!(agent = %agent.name, %office, "a specialist doesn't end: {why}");
            house.act_as_server(office, move |act| pods::put_off(act, id, &why)).await
        }
    }
}

/// The specialist, if it rests and there is nothing left that it waits for.
fn through_with(
    tx: &mut dyn Tx,
    office: OfficeId,
    head: &Head,
    id: AgentId,
    now: Time,
) -> Result<Option<AgentRow>, Fault> {
    let Some(agent) = by_id(tx, office, id)?.filter(|agent| agent.fired_at.is_none()) else { return Ok(None) };
    let Some(pod) = pods::row(tx, office, id)? else { return Ok(None) };
    let term = Millis::seconds(head.settings.idle_timeout_seconds);
    let since = match (pod.desired, pod.observed) {
        (Desired::Asleep, Observed::None) => pod.idle_since,
        // Nobody sees to it any more; its last error is kept in its events.
        (Desired::Running | Desired::Asleep, Observed::Failed) => pod.last_error_at,
        (Desired::Running | Desired::Asleep | Desired::Stopped | Desired::Gone, _) => None,
    };
    let rested = since.is_some_and(|since| now - since >= term);
    let is_needed = !rested
        || agent.live_sessions > 0
        || tasks::service::any_waits_for(tx, office, &agent.name)?
        || chat::service::wakes(tx, office, &agent.name, 1)?.is_some();
    Ok((!is_needed).then_some(agent))
}

/// Looked at again inside the transaction: work may have come first.
fn end_one(act: &mut Act<'_>, id: AgentId, backup: Option<&Facts>) -> Result<(), Fault> {
    let Some(agent) = through_with(act.tx, act.office, &act.head, id, act.now)? else { return Ok(()) };
    keep_record(act, SYSTEM, &agent, backup, BackupCause::Ended)?;
    dismiss(act, &agent, "ended")?;
    act.event(NewEvent {
        category: Category::Lifecycle,
        kind: "agents.end",
        actor: SYSTEM,
        agent: Some(&agent.name),
        task: None,
        summary: format!("{} had nothing more to do and ended itself", agent.name),
        data: json!({"id": agent.id, "spawned_by": agent.spawned_by, "backup": backup.map(|facts| &facts.id)}),
    })?;
    Ok(())
}

/// Out of the way for good, its name kept.
pub async fn archive(house: &House, call: &Call, name: String) -> Result<Answer, Fault> {
    let packed = pack_for(house, call, &name).await?;
    let (facts, providers) = (packed.as_ref().map(|packed| packed.facts.clone()), house.providers.clone());
    let acting = house.act(call, move |act, member| archive_one(act, member, &name, facts.as_ref(), &providers));
    backups::act_and_keep(house, call.office()?, packed, acting).await
}

fn archive_one(
    act: &mut Act<'_>,
    member: &Member,
    name: &str,
    backup: Option<&Facts>,
    providers: &Providers,
) -> Result<Answer, Fault> {
    let agent = find(act.tx, act.office, name)?;
    if agent.kind == AgentKind::External {
        return Err(faults::lives_elsewhere(&agent.name));
    }
    let is_new = pods::row(act.tx, act.office, agent.id)?.is_none_or(|pod| pod.desired != Desired::Gone);
    if is_new {
        sessions::service::stop_all(act, agent.id, "archived")?;
        keep_record(act, member.name(), &agent, backup, BackupCause::Archived)?;
        pods::wish(act, agent.id, Desired::Gone)?;
        calls::for_tasks(act)?;
        act.wake_agent(&agent.name);
        let summary = format!("{} was archived by {}", agent.name, member.name());
        record(act, member, &agent, "agents.archive", summary, json!({"backup": backup.map(|facts| &facts.id)}))?;
    }
    Answer::ok(&full_card(act.tx, act.office, (&act.head, act.now), &agent, providers)?)
}

/// Back from the archive, or from having been fired, with its workspace.
pub async fn restore(house: &House, call: &Call, name: String, wish: RestoreAgent) -> Result<Answer, Fault> {
    let (office, wanted, asked) = (call.office()?, name.clone(), wish.backup.clone());
    let who = move |view: &mut View<'_>, _: &Member| {
        let gone = who_comes_back(view.tx, view.office, &view.head, &wanted)?;
        let backup = backups::for_return(view.tx, view.office, (gone.id, &gone.name), asked.as_deref())?;
        Ok((gone, backup))
    };
    let found = match house.look(call, who).await {
        // A repeated request finds it back already, and gets its first answer.
        Err(fault) if call.idempotency.is_some() && fault.code == Code::AgentExists => None,
        found => Some(found?),
    };
    // Held until it is back, so that nobody clears its workspace as that of one who left.
    let _turn = match &found {
        Some((agent, Some(backup))) if agent.fired_at.is_some() || wish.backup.is_some() => {
            let (id, wanted) = (agent.id, name.clone());
            let still_away = move |tx: &mut dyn Tx| {
                let head = look(tx, office)?;
                let found = who_comes_back(tx, office, &head, &wanted)?;
                if found.id == id { Ok(()) } else { Err(backups_faults::at_work()) }
            };
            Some(backups::fill(house, office, agent, backup, still_away).await?)
        }
        Some((_, Some(_) | None)) | None => None,
    };
    let providers = house.providers.clone();
    house.act(call, move |act, member| restore_one(act, member, &name, &providers)).await
}

/// The archived agent of this name, or the last one that was fired, if nobody has the name and its pod is away.
fn who_comes_back(tx: &mut dyn Tx, office: OfficeId, head: &Head, name: &str) -> Result<AgentRow, Fault> {
    if let Some(agent) = by_name(tx, office, name)? {
        let pod = pods::row(tx, office, agent.id)?;
        let archived = pod.is_some_and(|pod| pod.desired == Desired::Gone);
        must_have_ended(tx, office, &agent)?;
        return if archived { Ok(agent) } else { Err(faults::agent_exists(&agent.name)) };
    }
    let gone = store::last_fired(tx, office, name)?.ok_or_else(|| fault::no_such_agent(mi_core::ids::excerpt(name)))?;
    if gone.kind == AgentKind::External {
        return Err(faults::lives_elsewhere(&gone.name));
    }
    hire::must_have_room(head)?;
    must_have_ended(tx, office, &gone)?;
    Ok(gone)
}

fn must_have_ended(tx: &mut dyn Tx, office: OfficeId, agent: &AgentRow) -> Result<(), Fault> {
    match pods::row(tx, office, agent.id)? {
        Some(pod) if pod.desired == Desired::Gone && pod.observed != Observed::None => {
            Err(backups_faults::still_ending(&agent.name))
        }
        Some(_) | None => Ok(()),
    }
}

fn restore_one(act: &mut Act<'_>, member: &Member, name: &str, providers: &Providers) -> Result<Answer, Fault> {
    let mut agent = who_comes_back(act.tx, act.office, &act.head, name)?;
    if agent.fired_at.take().is_some() {
        come_back(act, &agent)?;
    }
    pods::create(act, agent.id)?;
    let summary = format!("{} was restored by {}", agent.name, member.name());
    record(act, member, &agent, "agents.restore", summary, json!({"id": agent.id}))?;
    Answer::ok(&full_card(act.tx, act.office, (&act.head, act.now), &agent, providers)?)
}

fn come_back(act: &mut Act<'_>, agent: &AgentRow) -> Result<(), Fault> {
    store::set_back(act.tx, act.office, agent.id)?;
    act.head.agent_count += 1;
    agent_keys::service::give_pair(act, agent.id)?;
    chat::service::welcome(act, &agent.name)
}
