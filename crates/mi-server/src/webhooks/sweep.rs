//! Sets somebody to work on each webhook that has something to do, and prunes what became of deliveries.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use mi_core::time::{Millis, Time};

use super::desk::{Outlook, Which};
use super::store::{self, Active};
use crate::house::House;
use crate::infra::fault::Fault;

/// The slow floor under every wake-up.
const FLOOR_MS: i64 = 60_000;
/// Events come in crowds; a webhook hears of them a moment later.
const GATHER_MS: i64 = 100;
pub const PRUNE_MS: i64 = 60 * 60 * 1_000;
const DELIVERIES_KEPT_DAYS: i64 = 30;
const DELIVERIES_KEPT_MAX: i64 = 1_000;

/// One look at all webhooks; the work itself goes on beside the sweep.
pub async fn round(house: &House) -> Result<(), Fault> {
    if house.is_draining() {
        return Ok(());
    }
    let now = house.clock.now();
    let look = move |tx: &mut dyn crate::infra::db::Tx| {
        Ok((store::active(tx)?, store::due(tx, now)?, store::next_due(tx, now)?))
    };
    let (active, due, next_at) = house.db.read(look).await?;
    let desk = &house.webhooks;
    desk.expect(Outlook { listens: !active.is_empty(), next_at });
    desk.forget_others(&active.iter().map(which).collect());
    let behind = active.iter().filter(|one| one.newest > one.cursor.max(desk.passed(which(one)))).map(which);
    let wanted: HashSet<Which> = behind.chain(due).collect();
    wanted.into_iter().for_each(|which| desk.start(house, which));
    Ok(())
}

fn which(active: &Active) -> Which {
    (active.office, active.id)
}

/// Until there may be something: with no webhooks, events don't wake.
pub async fn wait(house: &House) {
    let Outlook { listens, next_at } = house.webhooks.outlook();
    let floor = house.clock.now() + Millis(FLOOR_MS);
    let until = next_at.map_or(floor, |at| at.min(floor));
    let events = async {
        match listens {
            true => house.wakeups.events_written().await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        () = house.wakeups.webhooks_changed() => {}
        () = events => house.clock.sleep(Millis(GATHER_MS)).await,
        () = house.clock.sleep_until(until) => {}
    }
}

/// When pruning was done last.
#[derive(Clone, Default)]
pub struct Memory {
    pruned_at: Arc<Mutex<Option<Time>>>,
}

/// Ended deliveries are shown for a while.
pub async fn prune(house: &House, memory: &Memory) -> Result<(), Fault> {
    let now = house.clock.now();
    let last = *memory.pruned_at.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_some_and(|last| now - last < Millis(PRUNE_MS)) {
        return Ok(());
    }
    let before = Time(now.0 - Millis::days(DELIVERIES_KEPT_DAYS).0);
    for (office, id) in house.db.read(|tx| Ok(store::everywhere(tx)?)).await? {
        let prune = move |tx: &mut dyn crate::infra::db::Tx| {
            let Some(webhook) = store::get(tx, office, id)? else { return Ok(()) };
            Ok(store::prune(tx, office, id, before, webhook.delivery_seq - DELIVERIES_KEPT_MAX)?)
        };
        house.db.write(prune).await?;
    }
    *memory.pruned_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    Ok(())
}
