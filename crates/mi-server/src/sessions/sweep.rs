//! What becomes true of sessions with time: a lease lapses.

use mi_core::time::Time;

use super::{service, store};
use crate::house::House;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::sweeps::Offices;

/// Lapsed leases looked at in one round; the next round takes the rest.
const LAPSED_PER_ROUND_MAX: i64 = 500;
/// Sessions whose words go in one round; the next round takes the rest.
const FORGOTTEN_PER_ROUND_MAX: i64 = 200;

/// Takes back every claim whose lease is over.
pub async fn lapse(house: &House) -> Result<(), Fault> {
    let now = house.clock.now();
    let look = move |tx: &mut dyn Tx| {
        let mut over = store::lapsed(tx, now, LAPSED_PER_ROUND_MAX)?;
        over.extend(store::silent(tx, now, LAPSED_PER_ROUND_MAX)?);
        Ok(over)
    };
    let lapsed = house.db.read(look).await?;
    for (office, session) in lapsed {
        house.act_as_server(office, move |act| service::lapse(act, session)).await?;
    }
    Ok(())
}

/// What sessions said is kept as long as events are; what they used, and with which tools, stays.
pub async fn forget(house: &House) -> Result<(), Fault> {
    let before = Time(house.clock.now().0 - house.settings.event_history.0);
    let old = house.db.read(move |tx| Ok(store::said::to_forget(tx, before, FORGOTTEN_PER_ROUND_MAX)?)).await?;
    for (office, session) in old {
        house.act_as_server(office, move |act| Ok(store::said::forget(act.tx, act.office, session)?)).await?;
    }
    Ok(())
}

/// At the server's start: pods died with the last server, agents elsewhere get a fresh term.
pub async fn after_restart(house: &House) -> Result<(), Fault> {
    let offices = house.db.read(|tx| Ok(store::offices_with_external(tx)?)).await?;
    Offices::default().all("fresh terms", offices, |office| house.act_as_server(office, service::freshen)).await;
    hand_back(house, "the server restarted").await
}

/// Takes back what pods hold, uncounted.
pub async fn hand_back(house: &House, reason: &'static str) -> Result<(), Fault> {
    let offices = house.db.read(|tx| Ok(store::offices_with_hosted(tx)?)).await?;
    let hand_back = |office| house.act_as_server(office, move |act| service::hand_back_all(act, reason));
    Offices::default().all("what pods held", offices, hand_back).await;
    Ok(())
}
