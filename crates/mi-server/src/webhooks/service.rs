//! Acts of webhooks.

use mi_core::ids::OfficeId;
use mi_core::limits::WEBHOOKS_PER_OFFICE_MAX;
use mi_core::wire::webhooks::{CreateWebhook, Delivery, DeliveryCause, DeliveryState, Webhook, WebhookStatus};
use serde_json::json;

use super::store::{self, DeliveryRow, WebhookRow};
use super::{faults, patterns, secret};
use crate::house::View;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::http::call::Page;
use crate::infra::keys::Keys;
use crate::infra::outbound::Address;
use crate::infra::wakeups::Wake;

pub const TEST_EVENT: &str = "webhooks.test";

/// A secret that was made is in this answer and in no other.
pub fn create(
    act: &mut Act<'_>,
    member: &Member,
    keys: &Keys,
    address: &Address,
    wish: &CreateWebhook,
) -> Result<Answer, Fault> {
    if store::all(act.tx, act.office)?.len() as i64 >= WEBHOOKS_PER_OFFICE_MAX {
        return Err(faults::too_many(WEBHOOKS_PER_OFFICE_MAX));
    }
    let patterns = patterns::read(wish.events.as_deref().unwrap_or_default())?;
    let secret = secret::choose(wish.secret.as_deref())?;
    let id = act.next_row();
    let sealed = secret::seal(keys, act.office, id, &secret)?;
    let cursor = record(act, member.name(), "webhooks.create", id, format!("webhook {id} was made"))?;
    let row = WebhookRow {
        id,
        url: address.as_str().to_owned(),
        patterns,
        sealed,
        status: WebhookStatus::Active,
        reason: None,
        cursor,
        given_up_in_a_row: 0,
        delivery_seq: 0,
        created_at: act.now,
    };
    store::insert(act.tx, act.office, &row)?;
    act.wake(Wake::Webhooks);
    // Whoever brought a secret knows it.
    if wish.secret.is_some() {
        return Answer::created(&card(&row));
    }
    let shown = Webhook { secret: Some(secret.to_string()), ..card(&row) };
    Ok(Answer::created(&shown)?.showing_once(&["secret"]))
}

pub(super) fn record(
    act: &mut Act<'_>,
    actor: &str,
    kind: &'static str,
    id: i64,
    summary: String,
) -> Result<i64, Fault> {
    act.event(NewEvent {
        category: Category::Office,
        kind,
        actor,
        agent: None,
        task: None,
        summary,
        data: json!({ "webhook": id }),
    })
}

fn card(row: &WebhookRow) -> Webhook {
    Webhook {
        id: row.id,
        url: row.url.clone(),
        events: row.patterns.clone(),
        status: row.status,
        reason: row.reason.clone(),
        cursor: row.cursor,
        created_at: row.created_at,
        secret: None,
    }
}

pub fn list(view: &mut View<'_>) -> Result<Answer, Fault> {
    let rows = store::all(view.tx, view.office)?;
    let cards: Vec<Webhook> = rows.iter().map(card).collect();
    Answer::list(&cards, cards.len() as i64)
}

pub fn delete(act: &mut Act<'_>, member: &Member, id: &str) -> Result<Answer, Fault> {
    let row = find(act.tx, act.office, id)?;
    store::remove(act.tx, act.office, row.id)?;
    record(act, member.name(), "webhooks.delete", row.id, format!("webhook {} was removed", row.id))?;
    Ok(Answer::done())
}

/// A disabled webhook goes on where it stopped.
pub fn enable(act: &mut Act<'_>, member: &Member, id: &str) -> Result<Answer, Fault> {
    let mut row = find(act.tx, act.office, id)?;
    if row.status == WebhookStatus::Disabled {
        row.status = WebhookStatus::Active;
        row.reason = None;
        row.given_up_in_a_row = 0;
        store::save(act.tx, act.office, &row)?;
        record(act, member.name(), "webhooks.enable", row.id, format!("webhook {} was enabled again", row.id))?;
        act.wake(Wake::Webhooks);
    }
    Answer::ok(&card(&row))
}

/// A delivery without an event, to see whether the receiver gets it.
pub fn test(act: &mut Act<'_>, keys: &Keys, id: &str) -> Result<Answer, Fault> {
    let mut row = find(act.tx, act.office, id)?;
    let delivery = begin(act, &mut row, DeliveryCause::Test, None, TEST_EVENT)?;
    act.wake(Wake::Webhooks);
    Answer::created(&shape(keys, act.office, row.id, &delivery))
}

/// Notes the webhook's next delivery, to be tried at once.
pub(super) fn begin(
    act: &mut Act<'_>,
    row: &mut WebhookRow,
    cause: DeliveryCause,
    event: Option<i64>,
    kind: &str,
) -> Result<DeliveryRow, Fault> {
    row.delivery_seq += 1;
    let delivery = DeliveryRow {
        n: row.delivery_seq,
        event,
        kind: kind.to_owned(),
        cause,
        state: DeliveryState::Pending,
        attempts: 0,
        next_at: Some(act.now),
        status: None,
        error: None,
        duration_ms: None,
        created_at: act.now,
        ended_at: None,
    };
    store::save(act.tx, act.office, row)?;
    store::insert_delivery(act.tx, act.office, row.id, &delivery)?;
    Ok(delivery)
}

/// The same delivery once more, under its old name.
pub fn redeliver(act: &mut Act<'_>, keys: &Keys, id: &str, n: &str) -> Result<Answer, Fault> {
    let webhook = find(act.tx, act.office, id)?.id;
    let missing = || faults::no_such_delivery(webhook, n);
    let number = n.parse().map_err(|_| missing())?;
    let earlier = store::delivery(act.tx, act.office, webhook, number)?.ok_or_else(missing)?;
    if earlier.state == DeliveryState::Pending {
        return Err(faults::under_way(number));
    }
    let cause = match earlier.cause {
        DeliveryCause::Test => DeliveryCause::Test,
        DeliveryCause::Event | DeliveryCause::Redelivery => DeliveryCause::Redelivery,
    };
    let state = DeliveryState::Pending;
    let again = DeliveryRow { cause, state, next_at: Some(act.now), ended_at: None, ..earlier };
    store::save_delivery(act.tx, act.office, webhook, &again)?;
    act.wake(Wake::Webhooks);
    Answer::ok(&shape(keys, act.office, webhook, &again))
}

pub fn deliveries(view: &mut View<'_>, keys: &Keys, id: &str, page: Page) -> Result<Answer, Fault> {
    let webhook = find(view.tx, view.office, id)?.id;
    let rows = store::deliveries(view.tx, view.office, webhook, page)?;
    let shown: Vec<Delivery> = rows.iter().map(|row| shape(keys, view.office, webhook, row)).collect();
    Answer::list(&shown, store::count_deliveries(view.tx, view.office, webhook)?)
}

fn find(tx: &mut dyn Tx, office: OfficeId, id: &str) -> Result<WebhookRow, Fault> {
    let missing = || faults::no_such_webhook(id);
    store::get(tx, office, id.parse().map_err(|_| missing())?)?.ok_or_else(missing)
}

fn shape(keys: &Keys, office: OfficeId, webhook: i64, row: &DeliveryRow) -> Delivery {
    Delivery {
        n: row.n,
        delivery: secret::delivery_name(keys, office, webhook, row.n),
        event: row.event,
        kind: row.kind.clone(),
        cause: row.cause,
        state: row.state,
        attempts: row.attempts,
        next_at: row.next_at,
        status: row.status,
        error: row.error.clone(),
        duration_ms: row.duration_ms,
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}
