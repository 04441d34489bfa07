//! What becomes true of messages with time: those of a session that failed wake the next one.

use mi_core::time::Time;

use super::store;
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::db::{DbError, Tx};
use crate::infra::fault::Fault;
use crate::tasks::calls;

/// Wakes those whose pause ended since `last`.
pub async fn offer(house: &House, last: Time, now: Time) -> Result<(), Fault> {
    for (office, agent) in house.db.read(move |tx| Ok(store::retries_due(tx, last, now)?)).await? {
        let wake = move |act: &mut Act<'_>| {
            act.wake_agent(&agent);
            calls::for_message(act, &agent)
        };
        house.act_as_server(office, wake).await?;
    }
    Ok(())
}

/// When the next pause ends.
pub fn next(tx: &mut dyn Tx, after: Time) -> Result<Option<Time>, DbError> {
    store::next_retry(tx, after)
}
