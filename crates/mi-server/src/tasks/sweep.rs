//! What becomes true of tasks with time: a back-off ends.

use mi_core::time::Time;

use super::store;
use crate::house::House;
use crate::infra::fault::Fault;
use crate::infra::wakeups::Wake;

/// Wakes claimers for tasks whose back-off ended since `last`; gives the moment looked up to.
pub async fn due(house: &House, last: Time) -> Result<Time, Fault> {
    let now = house.clock.now();
    let found = house.db.read(move |tx| Ok(store::offices_with_due(tx, last, now)?)).await?;
    let wakes: Vec<Wake> = found
        .into_iter()
        .map(|(office, assigned)| Wake::TaskReady { office, assigned: assigned.and_then(|name| name.parse().ok()) })
        .collect();
    house.wakeups.send(&wakes);
    Ok(now)
}
