//! What becomes true of tasks with time: they are offered, a block by quota ends, and they are late.

use mi_core::ids::{OfficeId, TaskId};
use mi_core::tasks::status::Status;
use mi_core::time::Time;

use super::{calls, flow, store, times};
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::db::{DbError, Tx};
use crate::infra::fault::Fault;
use crate::infra::sweeps::Offices;
use crate::infra::wakeups::Wake;
use crate::pods;

/// Claimers woken for one assignee in one round; more than that don't park.
const WAKES_PER_ROUND_MAX: i64 = 100;
/// Late tasks marked in one round; the next one comes at once and goes on behind them.
const LATE_PER_ROUND_MAX: i64 = 500;

/// Wakes claimers for tasks whose back-off or `notBefore` ended since `last`. An office in which that fails is kept, and
/// tried again in the next round.
pub async fn offer(house: &House, last: Time, now: Time, offices: &Offices<OfficeId>) -> Result<(), Fault> {
    let found = house.db.read(move |tx| Ok(store::times::offered(tx, last, now)?)).await?;
    let mut with_work = Vec::new();
    for offered in found {
        let assigned = offered.assigned.and_then(|name| name.parse().ok());
        let wake = Wake::TaskReady { office: offered.office, assigned };
        let wakes = vec![wake; usize::try_from(offered.count.min(WAKES_PER_ROUND_MAX)).unwrap_or_default()];
        house.wakeups.send(&wakes);
        with_work.push(offered.office);
    }
    let call = |office| async move {
        let any_asleep = house.db.read(move |tx| pods::any_asleep(tx, office)).await?;
        if any_asleep { house.act_as_server(office, calls::for_tasks).await } else { Ok(()) }
    };
    offices.all("offers", with_work, call).await;
    Ok(())
}

/// Marks tasks whose deadline has passed.
pub async fn mark_late(house: &House, offices: &Offices<(OfficeId, TaskId)>) -> Result<(), Fault> {
    let (now, after) = (house.clock.now(), offices.after());
    let found = house.db.read(move |tx| Ok(store::times::overdue(tx, now, after, LATE_PER_ROUND_MAX)?)).await?;
    let mark = |(office, id)| {
        house.act_as_server(office, move |act| match store::get(act.tx, act.office, id)? {
            Some(mut task) if task.is_open() => times::note(act, &mut task),
            Some(_) | None => Ok(()),
        })
    };
    offices.each("deadlines", found, LATE_PER_ROUND_MAX, mark).await
}

/// Blocks that one round ends; the next one goes on behind them.
const BLOCKS_PER_ROUND_MAX: i64 = 500;

/// Offers again what was blocked until now.
pub async fn unblock(house: &House, offices: &Offices<(OfficeId, TaskId)>) -> Result<(), Fault> {
    let (now, after) = (house.clock.now(), offices.after());
    let over = house.db.read(move |tx| Ok(store::blocks_over(tx, now, after, BLOCKS_PER_ROUND_MAX)?)).await?;
    let unblock = |(office, id)| house.act_as_server(office, move |act| unblock_one(act, id));
    offices.each("blocks", over, BLOCKS_PER_ROUND_MAX, unblock).await
}

/// Looked at again inside the transaction: somebody may have moved it first.
fn unblock_one(act: &mut Act<'_>, id: TaskId) -> Result<(), Fault> {
    let mut task = flow::need(act, id)?;
    let over = task.status == Status::Blocked && task.blocked_until.is_some_and(|at| at <= act.now);
    if over { flow::unblock(act, &mut task, "system") } else { Ok(()) }
}

/// The next moment at which one of these has something to do.
pub fn next(tx: &mut dyn Tx, after: Time) -> Result<Option<Time>, DbError> {
    let (offer, deadline) = (store::times::next_offer(tx, after)?, store::times::next_deadline(tx)?);
    Ok([offer, deadline].into_iter().flatten().min())
}
