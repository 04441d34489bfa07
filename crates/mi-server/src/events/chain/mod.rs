//! Whether the chain of an office's events holds: for tests and simulations, until people can ask.

pub mod store;

use mi_core::ids::OfficeId;

use crate::infra::act::look;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::keys::Keys;
use store::Link;

/// Links of the chain that are read at once.
const CHAIN_BATCH_ROWS: i64 = 500;

/// The number of the first event that is missing, altered or out of order; `None` when the chain holds.
pub fn verify_chain(tx: &mut dyn Tx, keys: &Keys, office: OfficeId) -> Result<Option<i64>, Fault> {
    let head = look(tx, office)?;
    let (mut seq, mut prev) = (0, String::new());
    loop {
        let links = store::links(tx, office, seq, CHAIN_BATCH_ROWS)?;
        if links.is_empty() {
            break;
        }
        for link in links {
            if link.seq != seq + 1 || link.prev != prev || link.mac != mac(keys, office, &link) {
                return Ok(Some(seq + 1));
            }
            (seq, prev) = (link.seq, link.mac);
        }
    }
    let is_whole = seq == head.event_seq && prev == head.event_mac;
    Ok(if is_whole { None } else { Some(seq + 1) })
}

/// The tag of a stored event, over the same fields as `infra::act::NewEvent::mac`.
fn mac(keys: &Keys, office: OfficeId, link: &Link) -> String {
    hex::encode(keys.mac(
        "event",
        &[
            office.0.as_bytes(),
            &link.seq.to_be_bytes(),
            &link.at.0.to_be_bytes(),
            link.category.as_bytes(),
            link.kind.as_bytes(),
            link.actor.as_bytes(),
            link.agent.as_deref().unwrap_or_default().as_bytes(),
            &link.task.unwrap_or(0).to_be_bytes(),
            link.summary.as_bytes(),
            link.data.as_bytes(),
            link.prev.as_bytes(),
        ],
    ))
}
