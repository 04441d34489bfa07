//! What becomes true of quotas with time: they are over.

use mi_core::ids::OfficeId;
use mi_core::time::Time;

use super::kinds::Kind;
use super::{marks, store};
use crate::house::House;
use crate::infra::db::{DbError, Tx};
use crate::infra::fault::Fault;
use crate::infra::sweeps::Offices;

/// Quotas that one round ends; the next one comes at once and goes on behind them.
const OVER_PER_ROUND_MAX: i64 = 500;

pub async fn unpark(house: &House, offices: &Offices<(OfficeId, Kind)>) -> Result<(), Fault> {
    let (now, after) = (house.clock.now(), offices.after());
    let over = house.db.read(move |tx| Ok(store::marks::over(tx, now, after, OVER_PER_ROUND_MAX)?)).await?;
    let unpark = |(office, kind)| house.act_as_server(office, move |act| marks::unpark(act, kind));
    offices.each("quotas", over, OVER_PER_ROUND_MAX, unpark).await
}

/// Until when that sweep sleeps.
pub fn next(tx: &mut dyn Tx) -> Result<Option<Time>, DbError> {
    store::marks::next_over(tx)
}

/// Keys of offices that call no more leave the memory.
pub fn tidy(house: &House) {
    house.providers.memory.tidy(house.clock.now(), house.wakeups.models_changes());
}
