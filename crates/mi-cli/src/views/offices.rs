//! Offices, as people see them.

use std::collections::BTreeMap;

use mi_core::wire::offices::{Office, OfficeOverview, OfficeStatus, Settings};

use super::credits::amount;
use super::moment;
use crate::output::{Screen, Tone};
use crate::table::{Cell, Table};

pub fn list(offices: &[Office], screen: Screen) -> String {
    let mut table = Table::new(&["ID", "NAME", "ROLE", "STATUS", "CREATED"]);
    for office in offices {
        table.row([
            office.id.into(),
            (&office.name).into(),
            Cell::maybe(office.role),
            status(office.status),
            moment(office.created_at).into(),
        ]);
    }
    table.render(screen)
}

pub fn one(office: &Office, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("id", office.id);
    facts.fact("name", &office.name);
    facts.fact("status", status(office.status));
    facts.fact("created", moment(office.created_at));
    facts.fact("egress", egress(&office.settings.egress));
    facts.render(screen)
}

/// Where its pods may go.
fn egress(entries: &[serde_json::Value]) -> String {
    let shown: Vec<String> =
        entries.iter().map(|entry| entry.as_str().map_or_else(|| entry.to_string(), str::to_owned)).collect();
    if shown.is_empty() { "nowhere".to_owned() } else { shown.join(", ") }
}

fn status(status: OfficeStatus) -> Cell {
    let tone = match status {
        OfficeStatus::Provisioning => Tone::Waiting,
        OfficeStatus::Active => Tone::Good,
        OfficeStatus::Suspended => Tone::Bad,
    };
    Cell::toned(status, tone)
}

pub fn overview(overview: &OfficeOverview, screen: Screen) -> String {
    let tone = if overview.phase == "ready" { Tone::Good } else { Tone::Waiting };
    let mut facts = Table::of_facts();
    facts.fact("phase", Cell::toned(&overview.phase, tone));
    facts.fact("message", &overview.message);
    facts.fact("agents", counts(&overview.agents));
    facts.fact("tasks", counts(&overview.tasks));
    facts.fact("credits", amount(overview.credits));
    facts.render(screen)
}

/// `2 Idle, 1 Running`.
fn counts(counts: &BTreeMap<String, i64>) -> String {
    let parts: Vec<String> = counts.iter().filter(|(_, n)| **n != 0).map(|(word, n)| format!("{n} {word}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

pub fn settings(settings: &Settings, screen: Screen) -> String {
    let mut table = Table::of_facts();
    if let Ok(serde_json::Value::Object(all)) = serde_json::to_value(settings) {
        for (key, value) in all {
            table.fact(&key, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    table.render(screen)
}
