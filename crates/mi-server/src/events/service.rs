//! What other concepts and clients read of events.

use mi_core::ids::{AgentName, OfficeId, TaskId};
use mi_core::time::Time;
use mi_core::wire::agents::Activity;
use mi_core::wire::events::Event;

use super::chain::checkpoint;
use super::store;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::http::call::Page;

/// Which part of the history is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Only events after this one.
    pub since: i64,
    pub category: Option<String>,
    /// Only events about this task.
    pub task: Option<TaskId>,
    pub page: Page,
}

/// The oldest first, and how many there are.
pub fn history(tx: &mut dyn Tx, office: OfficeId, wanted: &Wanted) -> Result<(Vec<Event>, i64), Fault> {
    let events = next(tx, office, wanted)?;
    Ok((events, store::count(tx, office, wanted)?))
}

/// As `history`, without counting.
pub fn next(tx: &mut dyn Tx, office: OfficeId, wanted: &Wanted) -> Result<Vec<Event>, Fault> {
    Ok(store::page(tx, office, wanted)?)
}

/// One event; `None` if it was pruned.
pub fn one(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<Option<Event>, Fault> {
    Ok(store::one(tx, office, seq)?)
}

/// The last event that was pruned; 0 if none was.
pub fn pruned_up_to(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, Fault> {
    checkpoint::pruned_up_to(tx, office)
}

/// What happened to a task and to the standing of its subtasks, the oldest first.
pub fn of_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId, after: i64, most: i64) -> Result<Vec<Event>, Fault> {
    Ok(store::of_task(tx, office, task, after, most)?)
}

/// What an agent did or met, the newest first, and how much of it there is.
pub fn activity(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: &AgentName,
    category: Option<&str>,
    since: Option<Time>,
    page: Page,
) -> Result<(Vec<Activity>, i64), Fault> {
    let wanted = store::Activities { agent, category: category.unwrap_or_default(), since: since.unwrap_or(Time(0)) };
    Ok((store::activities(tx, office, &wanted, page)?, store::count_activities(tx, office, &wanted)?))
}

/// An agent's events of one type, the newest first, and how many there are.
pub fn of_kind(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: &AgentName,
    kind: &str,
    page: Page,
) -> Result<(Vec<Activity>, i64), Fault> {
    Ok((store::of_kind(tx, office, agent, kind, page)?, store::count_of_kind(tx, office, agent, kind)?))
}
