//! The record of a colony, as people see it.

use mi_core::wire::audit::{AuditReport, CheckReport};

use super::moment;
use crate::output::{Screen, Tone};
use crate::table::Table;

/// Of a record that holds.
pub fn report(report: &AuditReport, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("record", screen.paint.tint(Tone::Good, "whole"));
    facts.fact("events", format!("{} ({} to {})", report.events, report.first_seq, report.head.seq));
    if let Some(checkpoint) = &report.checkpoint {
        facts.fact("pruned", format!("up to {}, at {}", checkpoint.seq, moment(checkpoint.created_at)));
    }
    match &report.published {
        Some(head) => facts.fact("published", format!("up to {}, at {}", head.seq, moment(head.published_at))),
        None => facts.fact("published", "not yet"),
    }
    facts.fact("head", &report.head.mac);
    facts.render(screen)
}

/// Of an export that holds, as far as it goes: what was cut off before or behind is not in it.
pub fn check(report: &CheckReport, screen: Screen) -> String {
    let (first, head) = (report.first_seq.unwrap_or(1), report.head.seq);
    let last = report.last.as_ref().map_or(first, |last| last.seq);
    let lacks = lacks(first, last, head);
    let verdict = if lacks.is_empty() { "genuine and whole" } else { "genuine, in order, without a gap" };
    let mut facts = Table::of_facts();
    facts.fact("export", screen.paint.tint(Tone::Good, verdict));
    facts.fact("events", format!("{first} to {last} of 1 to {head}"));
    if !lacks.is_empty() {
        facts.fact("not in it", screen.paint.tint(Tone::Waiting, &lacks));
    }
    facts.fact("still stored", format!("{} of {}", report.stored, report.events));
    if let Some(last) = &report.last {
        facts.fact("last", format!("{} {}", last.seq, last.mac));
    }
    facts.render(screen)
}

/// The events of the office before the first and behind the last one.
fn lacks(first: i64, last: i64, head: i64) -> String {
    let before = (first > 1).then(|| format!("1 to {}, before its first line", first - 1));
    let behind = (last < head).then(|| format!("{} to {head}, behind its last line", last + 1));
    [before, behind].into_iter().flatten().collect::<Vec<_>>().join("; ")
}
