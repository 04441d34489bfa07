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

/// Of an export that holds.
pub fn check(report: &CheckReport, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("export", screen.paint.tint(Tone::Good, "genuine and whole"));
    facts.fact("events", report.events);
    facts.fact("still stored", report.stored);
    if let Some(last) = &report.last {
        facts.fact("last", format!("{} {}", last.seq, last.mac));
    }
    facts.render(screen)
}
