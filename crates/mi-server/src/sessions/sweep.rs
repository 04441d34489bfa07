//! What becomes true of sessions with time: a lease lapses.

use mi_core::time::Time;

use super::store::Moment;
use super::{service, store};
use crate::house::House;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::sweeps::Offices;

/// Lapsed leases looked at in one round; the next round takes the rest.
const LAPSED_PER_ROUND_MAX: i64 = 500;
/// Sessions whose words go in one round; the next round takes the rest.
const FORGOTTEN_PER_ROUND_MAX: i64 = 200;

/// Where the sweep of leases goes on.
#[derive(Debug, Clone, Default)]
pub struct Leases {
    live: Offices<Moment>,
    silent: Offices<Moment>,
}

/// Takes back every claim whose lease is over.
pub async fn lapse(house: &House, leases: &Leases) -> Result<(), Fault> {
    let (now, after) = (house.clock.now(), (leases.live.after(), leases.silent.after()));
    let look = move |tx: &mut dyn Tx| {
        let live = store::lapsed(tx, now, after.0, LAPSED_PER_ROUND_MAX)?;
        Ok((live, store::silent(tx, now, after.1, LAPSED_PER_ROUND_MAX)?))
    };
    let (live, silent) = house.db.read(look).await?;
    let lapse = |(office, (_, session))| house.act_as_server(office, move |act| service::lapse(act, session));
    let lapsed = leases.live.each("leases", live, LAPSED_PER_ROUND_MAX, lapse).await;
    leases.silent.each("silent runners", silent, LAPSED_PER_ROUND_MAX, lapse).await.and(lapsed)
}

/// What sessions said is kept as long as events are; what they used, and with which tools, stays.
pub async fn forget(house: &House, offices: &Offices<Moment>) -> Result<(), Fault> {
    let (before, after) = (Time(house.clock.now().0 - house.settings.event_history.0), offices.after());
    let look = move |tx: &mut dyn Tx| Ok(store::said::to_forget(tx, before, after, FORGOTTEN_PER_ROUND_MAX)?);
    let old = house.db.read(look).await?;
    let forget = |(office, (_, session))| {
        house.act_as_server(office, move |act| Ok(store::said::forget(act.tx, act.office, session)?))
    };
    offices.each("transcripts", old, FORGOTTEN_PER_ROUND_MAX, forget).await
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
