//! The chain of an office's events: whether it holds, and how it is broken where it doesn't.
//!
//! Each event carries a keyed tag over itself and the tag before. The key is not in the store, so whoever changes rows
//! there can't make the tags fit. Pruning leaves a checkpoint with a tag of its own, from which the chain begins.
//!
//! Elsewhere: tags are written in `infra::act`; who may ask, and the heads outside the store, are in `audit`.

pub mod checkpoint;
pub mod store;

use mi_core::ids::OfficeId;
use mi_core::wire::audit::{BreakKind, Broken};

use crate::infra::act::event::Tagged;
#[cfg(any(test, feature = "testing"))]
use crate::infra::act::look;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::keys::Keys;
use checkpoint::Start;
use store::{Found, Link};

/// Links of the chain that are read at once.
pub const CHAIN_BATCH_ROWS: i64 = 500;
/// How far away from its place an event is looked for.
const MISPLACED_BY_MAX: i64 = 1_000;

/// Goes along the chain; holds the last link that fits.
pub struct Walk<'a> {
    keys: &'a Keys,
    office: OfficeId,
    pub seq: i64,
    pub mac: String,
}

impl<'a> Walk<'a> {
    pub fn after(keys: &'a Keys, office: OfficeId, seq: i64, mac: String) -> Self {
        Self { keys, office, seq, mac }
    }

    /// The next link; what is wrong with it, if anything is.
    pub fn step(&mut self, found: &Found) -> Result<(), Broken> {
        match found {
            Ok(link) => self.fit(link),
            Err(unreadable) => Err(self.unreadable(unreadable.seq)),
        }
    }

    fn unreadable(&self, seq: Option<i64>) -> Broken {
        let expected = self.seq.saturating_add(1);
        match seq.filter(|seq| *seq > expected) {
            Some(seq) => missing(expected, seq - 1),
            None => Broken {
                seq: expected,
                kind: BreakKind::Altered,
                what: format!("event {expected} was altered after it was written: it can't even be read"),
            },
        }
    }

    fn fit(&mut self, link: &Link) -> Result<(), Broken> {
        let expected = self.seq.saturating_add(1);
        if link.seq > expected {
            return Err(missing(expected, link.seq - 1));
        }
        if link.seq < expected {
            let what = format!("event {} stands where event {expected} belongs", link.seq);
            return Err(Broken { seq: expected, kind: BreakKind::Reordered, what });
        }
        if link.mac != mac(self.keys, self.office, link) {
            return Err(self.unfit(link));
        }
        if link.prev != self.mac {
            let what =
                format!("event {expected} was written after another event {} than the one that is there", self.seq);
            return Err(Broken { seq: expected, kind: BreakKind::Forked, what });
        }
        self.seq = link.seq;
        self.mac.clone_from(&link.mac);
        Ok(())
    }

    /// An event whose tag doesn't fit: moved from another place, or changed.
    fn unfit(&self, link: &Link) -> Broken {
        let seq = link.seq;
        match self.true_place(link) {
            Some(written) => Broken {
                seq,
                kind: BreakKind::Reordered,
                what: format!("event {written} was moved to the place of event {seq}"),
            },
            None => {
                Broken { seq, kind: BreakKind::Altered, what: format!("event {seq} was altered after it was written") }
            }
        }
    }

    fn true_place(&self, link: &Link) -> Option<i64> {
        let mut moved = link.clone();
        let near = link.seq.saturating_sub(MISPLACED_BY_MAX).max(1)..=link.seq.saturating_add(MISPLACED_BY_MAX);
        near.into_iter().find(|seq| {
            moved.seq = *seq;
            mac(self.keys, self.office, &moved) == link.mac
        })
    }
}

pub fn missing(from: i64, to: i64) -> Broken {
    let what =
        if from == to { format!("event {from} is missing") } else { format!("events {from} to {to} are missing") };
    Broken { seq: from, kind: BreakKind::Missing, what }
}

/// The chain ends too early: the office remembers more.
pub fn cut_off(last: i64, remembered: i64) -> Broken {
    let what = format!("the chain ends with event {last}, and the office remembers {remembered}: its tail was cut off");
    Broken { seq: last + 1, kind: BreakKind::CutOff, what }
}

/// An event that stands where the office remembers none: after its newest one, or before the first that is left.
pub fn stray(tx: &mut dyn Tx, office: OfficeId, pruned: i64, newest: i64) -> Result<Option<Broken>, Fault> {
    let broken = |seq, what| Broken { seq, kind: BreakKind::Beyond, what };
    if let Some(seq) = store::first_up_to(tx, office, pruned)? {
        let what = format!("event {seq} stands before event {}, with which the record begins", pruned + 1);
        return Ok(Some(broken(seq, what)));
    }
    let above = store::first_above(tx, office, newest)?;
    Ok(above.map(|seq| {
        broken(seq, format!("event {seq} stands after the end: the office remembers {newest} events and not this one"))
    }))
}

/// Where a walk begins: at the checkpoint, or at the very first event.
pub fn begin<'a>(tx: &mut dyn Tx, keys: &'a Keys, office: OfficeId) -> Result<Result<Walk<'a>, Broken>, Fault> {
    Ok(match checkpoint::load(tx, keys, office)? {
        Start::First => Ok(Walk::after(keys, office, 0, String::new())),
        Start::Checkpoint(point) => Ok(Walk::after(keys, office, point.seq, point.mac)),
        Start::Forged(broken) => Err(broken),
    })
}

/// The number of the first event that is missing, altered or out of order; `None` when the chain holds.
#[cfg(any(test, feature = "testing"))]
pub fn verify_chain(tx: &mut dyn Tx, keys: &Keys, office: OfficeId) -> Result<Option<i64>, Fault> {
    let head = look(tx, office)?;
    let mut walk = match begin(tx, keys, office)? {
        Ok(walk) => walk,
        Err(broken) => return Ok(Some(broken.seq)),
    };
    loop {
        let links = store::links(tx, office, walk.seq, CHAIN_BATCH_ROWS)?;
        if links.is_empty() {
            break;
        }
        for link in links {
            if let Err(broken) = walk.step(&link) {
                return Ok(Some(broken.seq));
            }
        }
    }
    let is_whole = walk.seq == head.event_seq && walk.mac == head.event_mac;
    Ok(if is_whole { None } else { Some(walk.seq + 1) })
}

/// The tag that a stored event should have.
pub fn mac(keys: &Keys, office: OfficeId, link: &Link) -> String {
    let tagged = Tagged {
        seq: link.seq,
        at: link.at,
        category: &link.category,
        kind: &link.kind,
        actor: &link.actor,
        agent: link.agent.as_deref(),
        task: link.task,
        summary: &link.summary,
        data: &link.data,
        prev: &link.prev,
    };
    tagged.mac(keys, office)
}
