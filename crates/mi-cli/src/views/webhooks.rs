//! Webhooks, as people see them.

use mi_core::wire::webhooks::{Delivery, DeliveryState, Webhook, WebhookStatus};

use super::moment;
use crate::output::{Screen, Tone};
use crate::table::{Cell, Table};

pub fn list(hooks: &[Webhook], screen: Screen) -> String {
    let mut table = Table::new(&["ID", "STATUS", "EVENTS", "URL", "REASON"]);
    for hook in hooks {
        table.row([
            hook.id.into(),
            Cell::toned(hook.status, tone(hook.status)),
            events(hook).into(),
            (&hook.url).into(),
            Cell::maybe(hook.reason.as_ref()),
        ]);
    }
    table.render(screen)
}

fn tone(status: WebhookStatus) -> Tone {
    match status {
        WebhookStatus::Active => Tone::Good,
        WebhookStatus::Disabled => Tone::Bad,
    }
}

fn events(hook: &Webhook) -> String {
    if hook.events.is_empty() { "all".to_owned() } else { hook.events.join(", ") }
}

/// With its secret, this once.
pub fn made(hook: &Webhook, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("webhook", hook.id);
    facts.fact("url", &hook.url);
    facts.fact("events", events(hook));
    if let Some(secret) = &hook.secret {
        facts.fact("secret", secret);
    }
    facts.render(screen)
}

pub fn deliveries(list: &[Delivery], screen: Screen) -> String {
    let mut table = Table::new(&["N", "TIME", "TYPE", "EVENT", "STATE", "TRIES", "STATUS", "MS", "NEXT", "ERROR"]);
    for one in list {
        let tone = match one.state {
            DeliveryState::Delivered => Tone::Good,
            DeliveryState::Pending => Tone::Waiting,
            DeliveryState::GivenUp => Tone::Bad,
        };
        table.row([
            one.n.into(),
            moment(one.created_at).into(),
            (&one.kind).into(),
            Cell::maybe(one.event),
            Cell::toned(one.state, tone),
            one.attempts.into(),
            Cell::maybe(one.status),
            Cell::maybe(one.duration_ms),
            Cell::maybe(one.next_at.map(moment)),
            Cell::maybe(one.error.as_ref()),
        ]);
    }
    table.render(screen)
}
