//! What harnesses say: numbered items, kept once, and shown in their task's log.

use std::borrow::Cow;

use mi_core::ids::ClaimToken;
use mi_core::limits;
use mi_core::wire::runner::{EventsAnswer, ItemKind, SessionEvents, SessionItem};

use super::service::{SessionRow, held_task, own};
use super::store;
use crate::infra::act::Act;
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;
use crate::tasks::claim;
use crate::tasks::store::notes::{NewLog, add_log};

const ITEMS_PER_POST_MAX: usize = 2_000;

/// What the harness said, numbered, so that a repeated post adds nothing.
pub fn add_events(
    act: &mut Act<'_>,
    member: &Member,
    number: ClaimToken,
    post: &SessionEvents,
) -> Result<EventsAnswer, Fault> {
    let session = own(act, member, number)?;
    if post.items.len() > ITEMS_PER_POST_MAX {
        return Err(fault::too_long("items", ITEMS_PER_POST_MAX, "entries"));
    }
    let mut next = session.events_next;
    for (n, item) in (post.from..).zip(&post.items) {
        if n < next {
            continue;
        }
        if item.text.len() > limits::EVENTS_BODY_BYTES_MAX {
            return Err(fault::too_long("an item", limits::EVENTS_BODY_BYTES_MAX, "bytes"));
        }
        next = n + 1;
        if n > limits::SESSION_ITEMS_MAX && item.kind != ItemKind::Usage {
            continue;
        }
        let item = &if n == limits::SESSION_ITEMS_MAX { last_kept(item) } else { storable(item) };
        store::add_item(act.tx, act.office, number, n, item)?;
        if item.kind == ItemKind::Log {
            log_on_task(act, &session, item)?;
        }
    }
    store::set_events_next(act.tx, act.office, number, next)?;
    if next > session.events_next {
        act.wake(Wake::Lines { office: act.office });
    }
    if let Some(mut task) = held_task(act, &session)? {
        claim::started(act, &mut task)?;
    }
    Ok(EventsAnswer { next })
}

/// What stands in place of everything that comes from here on; what model calls used is still kept.
fn last_kept(item: &SessionItem) -> Cow<'_, SessionItem> {
    if item.kind == ItemKind::Usage {
        return storable(item);
    }
    let text = format!("a session says {} things at most; what comes now is not kept", limits::SESSION_ITEMS_MAX);
    Cow::Owned(SessionItem { at: item.at, kind: ItemKind::Log, text })
}

/// Programs write what they like; the store takes no NUL, and a line is worth more than that character of it.
fn storable(item: &SessionItem) -> Cow<'_, SessionItem> {
    if !item.text.contains('\0') {
        return Cow::Borrowed(item);
    }
    Cow::Owned(SessionItem { text: without_nul(&item.text), ..item.clone() })
}

pub(super) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

fn log_on_task(act: &mut Act<'_>, session: &SessionRow, item: &SessionItem) -> Result<(), Fault> {
    let Some(task) = session.task else { return Ok(()) };
    let mut end = item.text.len().min(limits::LOG_LINE_BYTES_MAX);
    while !item.text.is_char_boundary(end) {
        end -= 1;
    }
    let log = NewLog {
        id: act.next_row(),
        agent: session.agent.as_str(),
        event: Some("output"),
        message: &item.text[..end],
        session: Some(session.number),
        attempt: session.attempt,
        at: act.now,
    };
    add_log(act.tx, act.office, task, &log)?;
    Ok(())
}
