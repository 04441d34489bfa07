//! Rest: who has nothing to do costs nothing, and is back as soon as there is something.
//!
//! A runner that asks and gets nothing for the office's `idleTimeoutSeconds` is told to go, in the transaction that found
//! nothing. So work comes either before it, and is found, or after it, and finds a sleeper whom its own act wakes.

use mi_core::ids::{AgentId, AgentName, OfficeId, TaskId};
use mi_core::time::{Millis, Time};
use serde_json::json;

use super::store;
use super::{Desired, Observed, PodRow, service};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent, look};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::wakeups::Wake;

/// What wakes a sleeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Task(TaskId),
    Message,
    /// Somebody wants to look around in its pod.
    Terminal,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Cause::Task(_) => "task",
            Cause::Message => "message",
            Cause::Terminal => "terminal",
        }
    }
}

/// Whether somebody of the office sleeps.
pub fn any_asleep(tx: &mut dyn Tx, office: OfficeId) -> Result<bool, Fault> {
    Ok(store::any_asleep(tx, office)?)
}

/// What an agent that found nothing to do does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Waits,
    Sleeps,
}

/// Its runner asked and there is nothing for it: from the first such answer on it is idle, and after the office's term it
/// sleeps.
pub fn rest(act: &mut Act<'_>, agent: AgentId, name: &AgentName, row: &PodRow) -> Result<Rest, Fault> {
    let Some(since) = row.idle_since else {
        store::set_idle_since(act.tx, act.office, agent, Some(act.now))?;
        return Ok(Rest::Waits);
    };
    if act.now - since < term(act.head.settings.idle_timeout_seconds) {
        return Ok(Rest::Waits);
    }
    fall_asleep(act, agent, name)?;
    Ok(Rest::Sleeps)
}

fn term(seconds: i64) -> Millis {
    Millis::seconds(seconds)
}

/// It has something to do, so it isn't idle.
pub fn stir(act: &mut Act<'_>, agent: AgentId, row: &PodRow) -> Result<(), Fault> {
    match row.idle_since {
        Some(_) => Ok(store::set_idle_since(act.tx, act.office, agent, None)?),
        None => Ok(()),
    }
}

/// When an idle runner should ask again, because it may sleep then.
pub fn sleeps_at(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<Time>, Fault> {
    let since = service::row(tx, office, agent)?.and_then(|row| row.idle_since);
    let Some(since) = since else { return Ok(None) };
    let head = look(tx, office)?;
    Ok(Some(since + term(head.settings.idle_timeout_seconds)))
}

/// Its pod ends, and comes again when there is work.
pub fn fall_asleep(act: &mut Act<'_>, agent: AgentId, name: &AgentName) -> Result<(), Fault> {
    let Some(row) = service::row(act.tx, act.office, agent)? else { return Ok(()) };
    if row.desired != Desired::Running {
        return Ok(());
    }
    let idle_since = row.idle_since.or(Some(act.now));
    service::save(act, agent, &PodRow { desired: Desired::Asleep, idle_since, ..row })?;
    act.wake(Wake::Pods);
    tell(act, name, idle_since)
}

fn tell(act: &mut Act<'_>, name: &AgentName, idle_since: Option<Time>) -> Result<(), Fault> {
    act.event(NewEvent {
        category: Category::Lifecycle,
        kind: "agents.hibernate",
        actor: "system",
        agent: Some(name),
        task: None,
        summary: format!("{name} has nothing to do and hibernates"),
        data: json!({"idle_since": idle_since}),
    })?;
    Ok(())
}

/// Of one whom a start of the server put to sleep, unless its work has woken it since.
pub(super) fn tell_if_asleep(act: &mut Act<'_>, agent: AgentId) -> Result<(), Fault> {
    let row = service::row(act.tx, act.office, agent)?.filter(|row| row.desired == Desired::Asleep);
    match (row, store::agent_name(act.tx, act.office, agent)?) {
        (Some(row), Some(name)) => tell(act, &name, row.idle_since),
        (None, _) | (_, None) => Ok(()),
    }
}

/// There is something for it. Whoever doesn't sleep is left alone: it is there already, or was stopped by somebody.
pub fn wake(act: &mut Act<'_>, agent: AgentId, name: &AgentName, cause: Cause) -> Result<(), Fault> {
    let Some(row) = service::row(act.tx, act.office, agent)? else { return Ok(()) };
    if row.desired != Desired::Asleep {
        return Ok(());
    }
    // A pod that is still on its way out is not waited for: seen as nothing, it is ended and another one starts.
    let observed = Observed::None;
    let next = PodRow { desired: Desired::Running, observed, idle_since: None, retry_at: None, ..row };
    service::save(act, agent, &next)?;
    act.wake(Wake::Pods);
    let (task, why) = match cause {
        Cause::Task(id) => (Some(id), format!("task {id}")),
        Cause::Message => (None, "a message".to_owned()),
        Cause::Terminal => (None, "somebody who wants a terminal".to_owned()),
    };
    act.event(NewEvent {
        category: Category::Lifecycle,
        kind: "agents.wake",
        actor: "system",
        agent: Some(name),
        task,
        summary: format!("{name} was woken by {why}"),
        data: json!({"cause": cause.as_str(), "task": task}),
    })?;
    Ok(())
}
