//! What other concepts and clients read of events.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::time::Time;
use mi_core::wire::agents::Activity;
use mi_core::wire::events::Event;

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
    pub page: Page,
}

/// The oldest first, and how many there are.
pub fn history(tx: &mut dyn Tx, office: OfficeId, wanted: &Wanted) -> Result<(Vec<Event>, i64), Fault> {
    let category = wanted.category.as_deref().unwrap_or_default();
    let events = next(tx, office, wanted)?;
    Ok((events, store::count(tx, office, wanted.since, category)?))
}

/// As `history`, without counting.
pub fn next(tx: &mut dyn Tx, office: OfficeId, wanted: &Wanted) -> Result<Vec<Event>, Fault> {
    let category = wanted.category.as_deref().unwrap_or_default();
    Ok(store::page(tx, office, wanted.since, category, wanted.page)?)
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
