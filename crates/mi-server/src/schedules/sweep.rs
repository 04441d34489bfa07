//! What becomes true of schedules with time: they are due.

use mi_core::problem::Code;
use mi_core::time::Time;

use super::fire;
use super::store::{self, Due};
use crate::house::House;
use crate::infra::db::{DbError, Tx};
use crate::infra::fault::Fault;

/// Schedules looked at in one round; the next one comes at once.
const FIRED_PER_ROUND_MAX: i64 = 500;

/// Runs what is due. One that fails keeps no other from its run.
pub async fn fire(house: &House) -> Result<(), Fault> {
    let now = house.clock.now();
    let due = house.db.read(move |tx| Ok(store::due(tx, now, FIRED_PER_ROUND_MAX)?)).await?;
    let mut result = Ok(());
    for due in due {
        result = result.and(fire_one(house, due).await);
    }
    result
}

/// A refusal of the task is an outcome too; anything else is tried again in the next round.
async fn fire_one(house: &House, due: Due) -> Result<(), Fault> {
    let fired = house.act_as_server(due.office, move |act| fire::fire(act, due.id, due.since)).await;
    match fired {
        Err(fault) if fault.code == Code::NoSuchOffice => Ok(()),
        Err(fault) if fault.code.status() < 500 && fault.code != Code::RateLimited => {
            let sentence = fault.sentence;
            house.act_as_server(due.office, move |act| fire::give_up(act, due.id, due.since, &sentence)).await
        }
        other => other,
    }
}

/// When the next one is due.
pub fn next(tx: &mut dyn Tx) -> Result<Option<Time>, DbError> {
    store::next(tx)
}
