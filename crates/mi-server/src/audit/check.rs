//! An export, looked at by the server that wrote it: does each line carry the tag that it would have here, is the chain
//! whole, and does the store still say the same?

use std::collections::HashMap;

use mi_core::limits::AUDIT_CHECK_EVENTS_MAX;
use mi_core::wire::audit::{AuditEvent, BreakKind, Broken, ChainPoint, CheckExport, CheckReport};

use crate::events::chain::store::{self as chain, Link};
use crate::events::chain::{Walk, checkpoint, mac};
use crate::house::View;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::Keys;

pub fn may(part: &CheckExport) -> Result<(), Fault> {
    if part.events.len() > AUDIT_CHECK_EVENTS_MAX {
        return Err(fault::too_long("events", AUDIT_CHECK_EVENTS_MAX, "entries"));
    }
    Ok(())
}

pub fn check(view: &mut View<'_>, keys: &Keys, part: &CheckExport) -> Result<CheckReport, Fault> {
    let head = ChainPoint { seq: view.head.event_seq, mac: view.head.event_mac.clone() };
    let store = Store::read(view, keys, part)?;
    let mut report =
        CheckReport { ok: true, events: 0, stored: 0, first_seq: None, last: part.after.clone(), head, broken: None };
    let Some(first) = part.events.first() else { return Ok(report) };
    report.first_seq = Some(first.seq);
    // A part without a beginning begins where it says: the first line's own link is all there is to hold it to.
    let begun = part.after.clone().unwrap_or(ChainPoint { seq: first.seq.saturating_sub(1), mac: first.prev.clone() });
    let mut walk = Walk::after(keys, view.office, begun.seq, begun.mac);
    for event in &part.events {
        match walk.step(&Ok(link(event))).and_then(|()| store.compare(event)) {
            Ok(held) => report.stored += i64::from(held == Held::Alike),
            Err(broken) => return Ok(CheckReport { ok: false, broken: Some(broken), ..report }),
        }
        report.events += 1;
        report.last = Some(ChainPoint { seq: walk.seq, mac: walk.mac.clone() });
    }
    Ok(report)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Alike,
    Pruned,
}

/// What the store says of these numbers.
struct Store {
    /// The tag that each event has by what stands in its row.
    tags: HashMap<i64, String>,
    pruned: i64,
    newest: i64,
}

impl Store {
    fn read(view: &mut View<'_>, keys: &Keys, part: &CheckExport) -> Result<Self, Fault> {
        let (office, newest) = (view.office, view.head.event_seq);
        let pruned = checkpoint::pruned_up_to(view.tx, office)?;
        let first = part.events.iter().map(|event| event.seq).min().unwrap_or(newest);
        let links = chain::links(view.tx, office, first.saturating_sub(1), AUDIT_CHECK_EVENTS_MAX as i64)?;
        let own = links.into_iter().flatten().filter(|link| link.seq <= newest);
        let tags = own.map(|link| (link.seq, mac(keys, office, &link))).collect();
        Ok(Self { tags, pruned, newest })
    }

    /// Of an event that is genuine in itself.
    fn compare(&self, event: &AuditEvent) -> Result<Held, Broken> {
        let seq = event.seq;
        let (kind, said) = match self.tags.get(&seq) {
            Some(tag) if *tag == event.mac => return Ok(Held::Alike),
            None if seq <= self.pruned => return Ok(Held::Pruned),
            Some(_) => (BreakKind::Forked, "the store holds another one".to_owned()),
            None if seq > self.newest => {
                let newest = self.newest;
                let said = format!("the office remembers {newest}: its tail was cut off, or an older store put back");
                (BreakKind::CutOff, said)
            }
            None => (BreakKind::Missing, "the store holds none that can be read".to_owned()),
        };
        Err(Broken { seq, kind, what: format!("event {seq} of the export is genuine, and {said}") })
    }
}

fn link(event: &AuditEvent) -> Link {
    Link {
        seq: event.seq,
        at: event.created_at,
        category: event.category.clone(),
        kind: event.kind.clone(),
        actor: event.actor.clone(),
        agent: event.agent.clone(),
        task: event.task_id.map(|id| id.0),
        summary: event.summary.clone(),
        data: event.data.to_string(),
        prev: event.prev.clone(),
        mac: event.mac.clone(),
    }
}
