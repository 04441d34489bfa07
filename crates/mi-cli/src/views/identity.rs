//! Keys and people, as people see them.

use mi_core::time::Time;
use mi_core::wire::identity::{ApiKey, OfficeMember};

use super::moment;
use crate::output::{Screen, Tone};
use crate::table::{Cell, Table};

pub fn keys(list: &[ApiKey], now: Time, screen: Screen) -> String {
    let mut table = Table::new(&["KEY", "NAME", "STATE", "LAST USED", "EXPIRES", "COLONIES", "CREATED", "ID"]);
    for key in list {
        table.row([
            format!("{}…", key.prefix).into(),
            (&key.name).into(),
            state(key, now),
            Cell::maybe(key.last_used_at.map(moment)),
            Cell::maybe(key.expires_at.map(moment)),
            offices(key).into(),
            moment(key.created_at).into(),
            (&key.id).into(),
        ]);
    }
    table.render(screen)
}

fn state(key: &ApiKey, now: Time) -> Cell {
    if key.revoked_at.is_some() {
        return Cell::toned("revoked", Tone::Faint);
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Cell::toned("expired", Tone::Faint);
    }
    Cell::toned("valid", Tone::Good)
}

fn offices(key: &ApiKey) -> String {
    match &key.offices {
        None => "all".to_owned(),
        Some(offices) => offices.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// With the key itself, this once.
pub fn made(key: &ApiKey, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("name", &key.name);
    if let Some(secret) = &key.key {
        facts.fact("key", secret);
    }
    facts.fact("opens", if key.offices.is_some() { offices(key) } else { "all your colonies".to_owned() });
    if let Some(at) = key.expires_at {
        facts.fact("expires", moment(at));
    }
    facts.fact("id", &key.id);
    facts.render(screen)
}

pub fn members(list: &[OfficeMember], screen: Screen) -> String {
    let mut table = Table::new(&["NAME", "ROLE", "SINCE", "ADDED BY", "ID"]);
    for one in list {
        table.row([
            (&one.name).into(),
            one.role.into(),
            moment(one.created_at).into(),
            Cell::maybe(one.added_by.as_ref()),
            one.user_id.into(),
        ]);
    }
    table.render(screen)
}
