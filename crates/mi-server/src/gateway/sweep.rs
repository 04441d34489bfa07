//! What becomes true of quotas with time: they are over.

use mi_core::time::Time;

use super::{marks, store};
use crate::house::House;
use crate::infra::db::{DbError, Tx};
use crate::infra::fault::Fault;

/// Quotas that one round ends; the next one comes at once.
const OVER_PER_ROUND_MAX: i64 = 500;

pub async fn unpark(house: &House) -> Result<(), Fault> {
    let now = house.clock.now();
    let over = house.db.read(move |tx| Ok(store::marks::over(tx, now, OVER_PER_ROUND_MAX)?)).await?;
    for (office, kind) in over {
        house.act_as_server(office, move |act| marks::unpark(act, kind)).await?;
    }
    Ok(())
}

/// Until when that sweep sleeps.
pub fn next(tx: &mut dyn Tx) -> Result<Option<Time>, DbError> {
    store::marks::next_over(tx)
}

/// Keys of offices that call no more leave the memory.
pub fn tidy(house: &House) {
    house.providers.memory.tidy(house.clock.now(), house.wakeups.models_changes());
}
