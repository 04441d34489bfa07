//! What harnesses say: numbered items, kept once, and shown in their task's log.
//!
//! Everything is kept without the office's secrets, and only so much of a session. What a model was told, what it said
//! and which tools it used how, is kept only if the office wants that (`keepTranscripts`).

use std::borrow::Cow;
use std::cmp::Ordering;

use mi_core::ids::ClaimToken;
use mi_core::limits;
use mi_core::redact;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{EventsAnswer, ItemKind, SessionEvents, SessionItem};

use super::service::{SessionRow, held_task, own};
use super::store::said as store;
use super::{secrets, tools};
use crate::gateway::prices::Prices;
use crate::gateway::subscription;
use crate::infra::act::Act;
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;
use crate::tasks::claim;
use crate::tasks::store::notes::{NewLog, add_log};

const ITEMS_PER_POST_MAX: usize = 2_000;
/// Of what one model used.
const USAGE_BYTES_MAX: usize = 4 * 1024;

/// What the harness said, numbered, so that a repeated post adds nothing.
pub fn add_events(
    act: &mut Act<'_>,
    member: &Member,
    number: ClaimToken,
    post: &SessionEvents,
    prices: &Prices,
) -> Result<EventsAnswer, Fault> {
    let session = own(act, member, number)?;
    if post.items.len() > ITEMS_PER_POST_MAX {
        return Err(fault::too_long("items", ITEMS_PER_POST_MAX, "entries"));
    }
    let known = secrets::of_session(act, &session)?;
    let (mut next, mut bytes) = (session.events_next, session.said_bytes);
    for (n, item) in (post.from..).zip(&post.items) {
        if n < next {
            continue;
        }
        if item.text.len() > limits::EVENTS_BODY_BYTES_MAX {
            return Err(fault::too_long("an item", limits::EVENTS_BODY_BYTES_MAX, "bytes"));
        }
        next = n + 1;
        if item.kind == ItemKind::Tool {
            tools::count(act, number, item, &known)?;
        }
        let Some(kept) = kept(act, &session, item) else { continue };
        let text = redact::shapes(&known.clean(&kept.text)).into_owned();
        let Some(kept) = within_limits(n, bytes, SessionItem { text, ..kept }) else { continue };
        bytes = kept.bytes;
        store::add_item(act.tx, act.office, number, n, &kept.item)?;
        match kept.item.kind {
            ItemKind::Log => log_on_task(act, &session, &kept.item)?,
            ItemKind::Usage => subscription::note(act, &session, &kept.item.text, prices)?,
            ItemKind::Tool | ItemKind::Transcript | ItemKind::Prompt => {}
        }
    }
    store::set_said(act.tx, act.office, number, (next, bytes))?;
    if next > session.events_next {
        act.wake(Wake::Lines { office: act.office });
    }
    if let Some(mut task) = held_task(act, &session)? {
        claim::started(act, &mut task)?;
    }
    Ok(EventsAnswer { next })
}

/// What of an item the office wants to be kept.
fn kept(act: &Act<'_>, session: &SessionRow, item: &SessionItem) -> Option<SessionItem> {
    let whole = || storable(item).into_owned();
    if act.head.settings.keep_transcripts {
        return Some(whole());
    }
    match item.kind {
        ItemKind::Usage => Some(whole()),
        ItemKind::Log => says_nothing_of_a_model(&session.harness).then(whole),
        ItemKind::Tool => Some(SessionItem { text: tools::name(item)?.to_owned(), ..item.clone() }),
        ItemKind::Transcript | ItemKind::Prompt => None,
    }
}

/// A program of the office's own speaks for itself, and our own loop logs only what it does; other harnesses print what
/// their models say.
pub(super) fn says_nothing_of_a_model(harness: &str) -> bool {
    [HarnessKind::Command, HarnessKind::Native].iter().any(|kind| kind.as_str() == harness)
}

/// An item that is kept, and how many bytes of its session are kept with it.
struct Kept {
    item: SessionItem,
    bytes: i64,
}

/// A session keeps so many items and so many bytes; then one line stands for all that comes. What model calls used is
/// kept beyond the bytes, since it is short.
fn within_limits(n: i64, bytes: i64, item: SessionItem) -> Option<Kept> {
    const BYTES_MAX: i64 = limits::SESSION_SAID_BYTES_MAX;
    let sum = bytes.saturating_add(i64::try_from(item.text.len()).unwrap_or(i64::MAX));
    if item.kind == ItemKind::Usage {
        let is_one = item.text.len() <= USAGE_BYTES_MAX && n <= limits::SESSION_ITEMS_MAX;
        return is_one.then_some(Kept { item, bytes: sum });
    }
    let last = |most: String| {
        let text = format!("a session says {most} at most; what comes now is not kept");
        Some(Kept { item: SessionItem { at: item.at, kind: ItemKind::Log, text, tool: None }, bytes: sum })
    };
    match n.cmp(&limits::SESSION_ITEMS_MAX) {
        Ordering::Greater => None,
        Ordering::Equal => last(format!("{} things", limits::SESSION_ITEMS_MAX)),
        Ordering::Less if bytes > BYTES_MAX => None,
        Ordering::Less if sum > BYTES_MAX => last(format!("{BYTES_MAX} bytes")),
        Ordering::Less => Some(Kept { item, bytes: sum }),
    }
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

/// What a runner says at the end, as far as the office wants it kept: the last words of a model are a reply.
pub(super) fn summary(act: &mut Act<'_>, session: &SessionRow, text: &str) -> Result<String, Fault> {
    let is_wanted = act.head.settings.keep_transcripts || session.harness == HarnessKind::Command.as_str();
    if !is_wanted || text.is_empty() {
        return Ok(String::new());
    }
    let known = secrets::of_session(act, session)?;
    Ok(redact::shapes(&known.clean(&without_nul(text))).into_owned())
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
