//! What becomes true of tasks with time: a back-off ends, and so does a block by quota.

use mi_core::ids::TaskId;
use mi_core::tasks::status::Status;
use mi_core::time::Time;

use super::{flow, store};
use crate::house::House;
use crate::infra::act::Act;
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

/// Blocks that one round ends; the next one takes the rest.
const BLOCKS_PER_ROUND_MAX: i64 = 500;

/// Offers again what was blocked until now.
pub async fn unblock(house: &House) -> Result<(), Fault> {
    let now = house.clock.now();
    let over = house.db.read(move |tx| Ok(store::blocks_over(tx, now, BLOCKS_PER_ROUND_MAX)?)).await?;
    for (office, id) in over {
        house.act_as_server(office, move |act| unblock_one(act, id)).await?;
    }
    Ok(())
}

/// Looked at again inside the transaction: somebody may have moved it first.
fn unblock_one(act: &mut Act<'_>, id: TaskId) -> Result<(), Fault> {
    let mut task = flow::need(act, id)?;
    let over = task.status == Status::Blocked && task.blocked_until.is_some_and(|at| at <= act.now);
    if over { flow::unblock(act, &mut task, "system") } else { Ok(()) }
}
