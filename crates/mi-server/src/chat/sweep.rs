//! What becomes true of messages with time: those of a session that failed wake the next one.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::time::Time;

use super::store;
use crate::house::House;
use crate::infra::db::{DbError, Tx};
use crate::infra::fault::Fault;
use crate::infra::sweeps::Offices;
use crate::tasks::calls;

/// Wakes those whose pause ended since `last`. Those with whom that fails are kept, and tried again in the next round.
pub async fn offer(house: &House, last: Time, now: Time, places: &Offices<(OfficeId, AgentName)>) -> Result<(), Fault> {
    let due = house.db.read(move |tx| Ok(store::retries_due(tx, last, now)?)).await?;
    let wake = |(office, agent): (OfficeId, AgentName)| {
        house.act_as_server(office, move |act| {
            act.wake_agent(&agent);
            calls::for_message(act, &agent)
        })
    };
    places.all("messages", due, wake).await;
    Ok(())
}

/// When the next pause ends.
pub fn next(tx: &mut dyn Tx, after: Time) -> Result<Option<Time>, DbError> {
    store::next_retry(tx, after)
}
