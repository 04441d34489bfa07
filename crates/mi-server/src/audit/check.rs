//! An export, looked at by the server that wrote it: does each line carry the tag that it would have here, is the chain
//! whole, and does the store still say the same?

use std::collections::HashMap;

use mi_core::limits::AUDIT_CHECK_EVENTS_MAX;
use mi_core::wire::audit::{AuditEvent, BreakKind, Broken, ChainPoint, CheckExport, CheckReport};

use crate::events::chain::Walk;
use crate::events::chain::store::{self as chain, Link};
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
    let stored = stored(view, part)?;
    let mut report = CheckReport { ok: true, events: 0, stored: 0, last: part.after.clone(), broken: None };
    let Some(first) = part.events.first() else { return Ok(report) };
    // A part without a beginning begins where it says: the first line's own link is all there is to hold it to.
    let begun = part.after.clone().unwrap_or(ChainPoint { seq: first.seq.saturating_sub(1), mac: first.prev.clone() });
    let mut walk = Walk::after(keys, view.office, begun.seq, begun.mac);
    for event in &part.events {
        let link = link(event);
        let judged = walk.step(&Ok(link.clone())).and_then(|()| compare(&link, stored.get(&link.seq)));
        match judged {
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
    NoMore,
}

fn compare(link: &Link, stored: Option<&String>) -> Result<Held, Broken> {
    match stored {
        None => Ok(Held::NoMore),
        Some(mac) if *mac == link.mac => Ok(Held::Alike),
        Some(_) => {
            let what = format!("event {} of the export is genuine, and the store holds another one", link.seq);
            Err(Broken { seq: link.seq, kind: BreakKind::Forked, what })
        }
    }
}

/// The tags that the store has for these numbers.
fn stored(view: &mut View<'_>, part: &CheckExport) -> Result<HashMap<i64, String>, Fault> {
    let Some(first) = part.events.iter().map(|event| event.seq).min() else { return Ok(HashMap::new()) };
    let links = chain::links(view.tx, view.office, first.saturating_sub(1), AUDIT_CHECK_EVENTS_MAX as i64)?;
    Ok(links.into_iter().flatten().map(|link| (link.seq, link.mac)).collect())
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
