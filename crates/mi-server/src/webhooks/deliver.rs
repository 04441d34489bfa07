//! The work on one webhook: delivery after delivery, until nothing is due.

use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::wire::events::Event;
use mi_core::wire::webhooks::{DeliveryCause, DeliveryState, WebhookStatus};

use super::attempt::{self, Outcome};
use super::desk::Which;
use super::rules::{GIVEN_UP_IN_A_ROW_MAX, Verdict, judge};
use super::store::{self, DeliveryRow, WebhookRow};
use super::{patterns, service};
use crate::events;
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::http::call::Page;
use crate::infra::wakeups::Wake;

/// Events that are looked at with one read.
const LOOKED_AT_ROWS: i64 = 100;
/// By so much the stored cursor may stand behind what was looked at; a restart looks at them again.
const BEHIND_MAX: i64 = 1_000;
/// Deliveries in a row before others get the line; the next round goes on.
const DELIVERIES_PER_ROUND_MAX: usize = 1_000;

/// What there is to do next.
enum Turn {
    Attempt(Box<Job>),
    /// An event that the webhook is to be told of and that has no delivery yet.
    Begin(Event),
    /// Events up to here don't concern it, and its stored cursor is so far behind.
    Passed {
        seq: i64,
        behind: i64,
    },
    Nothing,
}

/// A delivery with all that an attempt needs.
pub(super) struct Job {
    pub webhook: WebhookRow,
    pub delivery: DeliveryRow,
    /// `None` for a test, and for an event that was pruned.
    pub event: Option<Event>,
}

pub async fn work(house: &House, which: Which) {
    for _ in 0..DELIVERIES_PER_ROUND_MAX {
        if house.is_draining() {
            return;
        }
        match step(house, which).await {
            Ok(Step::Again) => {}
            Ok(Step::Rest) => return,
            Err(fault) if fault.code == Code::NoSuchOffice => return,
            Err(fault) => {
                let cause = fault.cause.as_deref().unwrap_or_default();
                tracing::error!(office = %which.0, webhook = which.1, cause, "a webhook waits: {}", fault.sentence);
                return;
            }
        }
    }
    house.wakeups.send(&[Wake::Webhooks]);
}

enum Step {
    Again,
    Rest,
}

async fn step(house: &House, which: Which) -> Result<Step, Fault> {
    let (office, id) = which;
    let (passed, now) = (house.webhooks.passed(which), house.clock.now());
    match house.db.read(move |tx| next(tx, office, id, passed, now)).await? {
        Turn::Nothing => Ok(Step::Rest),
        Turn::Passed { seq, behind } => {
            house.webhooks.pass(which, seq);
            if behind >= BEHIND_MAX {
                house.act_as_server(office, move |act| carry_along(act, id, seq)).await?;
            }
            Ok(Step::Again)
        }
        Turn::Begin(event) => {
            house.act_as_server(office, move |act| begin(act, id, &event)).await?;
            Ok(Step::Again)
        }
        Turn::Attempt(job) => {
            let outcome = attempt::send(house, office, &job).await?;
            let n = job.delivery.n;
            house.act_as_server(office, move |act| record(act, id, n, &outcome)).await?;
            Ok(Step::Again)
        }
    }
}

/// What a person asked for comes first; then the delivery that waits; then the next event.
fn next(tx: &mut dyn Tx, office: OfficeId, id: i64, passed: i64, now: mi_core::time::Time) -> Result<Turn, Fault> {
    let Some(webhook) = store::get(tx, office, id)? else { return Ok(Turn::Nothing) };
    let pending = store::pending(tx, office, id)?;
    let asked = pending.iter().find(|delivery| delivery.cause != DeliveryCause::Event);
    if let Some(delivery) = asked {
        return job(tx, office, webhook, delivery.clone());
    }
    if webhook.status == WebhookStatus::Disabled {
        return Ok(Turn::Nothing);
    }
    match pending.into_iter().next() {
        Some(delivery) if delivery.next_at.is_none_or(|at| at <= now) => job(tx, office, webhook, delivery),
        Some(_) => Ok(Turn::Nothing),
        None => look_on(tx, office, &webhook, passed),
    }
}

fn job(tx: &mut dyn Tx, office: OfficeId, webhook: WebhookRow, delivery: DeliveryRow) -> Result<Turn, Fault> {
    let event = match delivery.event {
        Some(seq) => events::service::one(tx, office, seq)?,
        None => None,
    };
    Ok(Turn::Attempt(Box::new(Job { webhook, delivery, event })))
}

fn look_on(tx: &mut dyn Tx, office: OfficeId, webhook: &WebhookRow, passed: i64) -> Result<Turn, Fault> {
    let after = webhook.cursor.max(passed);
    let page = Page { limit: LOOKED_AT_ROWS, offset: 0 };
    let wanted = events::service::Wanted { since: after, category: None, task: None, page };
    let found = events::service::next(tx, office, &wanted)?;
    let last = found.last().map(|event| event.seq);
    let concerns = |event: &Event| patterns::matches(&webhook.patterns, &event.category, &event.kind);
    match (found.into_iter().find(concerns), last) {
        (Some(event), _) => Ok(Turn::Begin(event)),
        (None, Some(seq)) => Ok(Turn::Passed { seq, behind: seq - webhook.cursor }),
        (None, None) => Ok(Turn::Nothing),
    }
}

fn carry_along(act: &mut Act<'_>, id: i64, seq: i64) -> Result<(), Fault> {
    let Some(mut webhook) = store::get(act.tx, act.office, id)? else { return Ok(()) };
    webhook.cursor = webhook.cursor.max(seq);
    store::save(act.tx, act.office, &webhook)?;
    Ok(())
}

/// The cursor goes on in the transaction that notes the delivery.
fn begin(act: &mut Act<'_>, id: i64, event: &Event) -> Result<(), Fault> {
    let Some(mut webhook) = store::get(act.tx, act.office, id)? else { return Ok(()) };
    if webhook.status == WebhookStatus::Disabled || webhook.cursor >= event.seq {
        return Ok(());
    }
    webhook.cursor = event.seq;
    service::begin(act, &mut webhook, DeliveryCause::Event, Some(event.seq), &event.kind)?;
    Ok(())
}

/// Writes down what became of an attempt. The webhook may be gone meanwhile.
fn record(act: &mut Act<'_>, id: i64, n: i64, outcome: &Outcome) -> Result<(), Fault> {
    let Some(mut webhook) = store::get(act.tx, act.office, id)? else { return Ok(()) };
    let Some(mut delivery) = store::delivery(act.tx, act.office, id, n)? else { return Ok(()) };
    delivery.attempts += 1;
    delivery.status = outcome.status;
    delivery.error.clone_from(&outcome.error);
    delivery.duration_ms = Some(outcome.duration_ms);
    let verdict = judge(delivery.cause, outcome.success(), delivery.attempts, act.now);
    (delivery.state, delivery.next_at) = match verdict {
        Verdict::Delivered => (DeliveryState::Delivered, None),
        Verdict::Again { at } => {
            // The sweep has to know when.
            act.wake(Wake::Webhooks);
            (DeliveryState::Pending, Some(at))
        }
        Verdict::GivenUp => (DeliveryState::GivenUp, None),
    };
    delivery.ended_at = (delivery.state != DeliveryState::Pending).then_some(act.now);
    store::save_delivery(act.tx, act.office, id, &delivery)?;
    if delivery.cause == DeliveryCause::Event {
        count(act, &mut webhook, &delivery, verdict)?;
    }
    Ok(())
}

/// A receiver that gets nothing any more is left alone, and its office is told.
fn count(act: &mut Act<'_>, webhook: &mut WebhookRow, delivery: &DeliveryRow, verdict: Verdict) -> Result<(), Fault> {
    webhook.given_up_in_a_row = match verdict {
        Verdict::Again { .. } => return Ok(()),
        Verdict::Delivered => 0,
        Verdict::GivenUp => webhook.given_up_in_a_row + 1,
    };
    if webhook.given_up_in_a_row >= GIVEN_UP_IN_A_ROW_MAX {
        let last = delivery.error.as_deref().unwrap_or("no cause is known");
        let reason = format!("{GIVEN_UP_IN_A_ROW_MAX} deliveries in a row were given up, the last one because {last}");
        webhook.status = WebhookStatus::Disabled;
        let summary = format!("webhook {} was disabled: {reason}", webhook.id);
        webhook.reason = Some(reason);
        service::record(act, "system", "webhooks.disable", webhook.id, summary)?;
    }
    store::save(act.tx, act.office, webhook)?;
    Ok(())
}
