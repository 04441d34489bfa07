//! Where an office's chain begins after older events were pruned, with a keyed tag, so that only this server can say it.

use mi_core::ids::OfficeId;
use mi_core::time::Time;
use mi_core::wire::audit::{BreakKind, Broken};

use super::store::{self, Point};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::keys::Keys;

/// What the store says of the beginning.
pub enum Start {
    /// Nothing was pruned yet.
    First,
    Checkpoint(Point),
    Forged(Broken),
}

pub fn load(tx: &mut dyn Tx, keys: &Keys, office: OfficeId) -> Result<Start, Fault> {
    let Some(stored) = store::checkpoint(tx, office)? else { return Ok(Start::First) };
    if stored.tag == tag(keys, office, &stored.point) {
        return Ok(Start::Checkpoint(stored.point));
    }
    let seq = stored.point.seq;
    let what = format!("the checkpoint after event {seq} was not written by this server");
    Ok(Start::Forged(Broken { seq, kind: BreakKind::ForgedCheckpoint, what }))
}

/// The last event that was pruned, without judging; 0 if none was.
pub fn pruned_up_to(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, Fault> {
    Ok(store::checkpoint(tx, office)?.map_or(0, |stored| stored.point.seq))
}

/// Everything up to and with this link is pruned.
pub fn prune(tx: &mut dyn Tx, keys: &Keys, office: OfficeId, seq: i64, mac: String, now: Time) -> Result<(), Fault> {
    let point = Point { seq, mac, at: now };
    let tag = tag(keys, office, &point);
    store::set_checkpoint(tx, office, &point, &tag)?;
    store::delete_up_to(tx, office, seq)?;
    Ok(())
}

fn tag(keys: &Keys, office: OfficeId, point: &Point) -> String {
    let fields: [&[u8]; 4] =
        [office.0.as_bytes(), &point.seq.to_be_bytes(), point.mac.as_bytes(), &point.at.0.to_be_bytes()];
    hex::encode(keys.mac("event-checkpoint", &fields))
}
