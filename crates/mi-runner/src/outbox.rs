//! What a session tells the server while it runs: log lines, tool calls, usage, transcript.
//!
//! A bounded queue between the harness and the server. Items get their numbers when they are sent, one after the other
//! without a hole; a batch that went out keeps its items until the server has them, so that repeating it is the same
//! call. When the queue is full the oldest log lines go, and the next batch says how many. Usage is never dropped.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use mi_core::ids::ClaimToken;
use mi_core::limits::{EVENTS_BODY_BYTES_MAX, LOG_LINE_BYTES_MAX};
use mi_core::redact::Redactor;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{ItemKind, SessionEvents, SessionItem, ToolCalled};
use tokio::sync::Notify;

use crate::backoff::Backoff;
use crate::clock::{ServerClock, pause, within};
use crate::control::{ControlPlane, Verdict};

/// Text waiting to be sent; a harness that writes faster loses its oldest lines.
const QUEUE_BYTES_MAX: usize = 1024 * 1024;
const QUEUE_ITEMS_MAX: usize = 10_000;
/// From here on a batch goes out before its second is over.
const FLUSH_BYTES: usize = 64 * 1024;
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Items of a batch as JSON, leaving room for the frame around them.
const BATCH_BYTES_MAX: usize = EVENTS_BODY_BYTES_MAX - 4 * 1024;
/// A model may call what it likes.
const TOOL_NAME_BYTES_MAX: usize = 200;
/// What an item takes as JSON beside its text.
const ITEM_FRAME_BYTES: usize = 96;

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<SessionItem>,
    waiting_bytes: usize,
    /// The batch that was sent last, until the server has it.
    sent: Vec<SessionItem>,
    /// The number that the first item of `sent` has, or will have; the first item of a session is 0.
    next: i64,
    dropped: u64,
    closed: bool,
}

pub(crate) struct Outbox {
    state: Mutex<State>,
    /// What the harness must not say, once it is known; nothing of a harness comes before that.
    secrets: OnceLock<Redactor>,
    ran: OnceLock<HarnessKind>,
    wake: Notify,
    clock: ServerClock,
}

impl Outbox {
    pub(crate) fn new(clock: ServerClock) -> Self {
        let state = State::default();
        let (secrets, ran) = (OnceLock::new(), OnceLock::new());
        Self { state: Mutex::new(state), secrets, ran, wake: Notify::new(), clock }
    }

    /// From now on these variables' values are shown by their names.
    pub(crate) fn keep_secret<'a>(&self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.secrets.get_or_init(|| Redactor::new(variables));
    }

    /// The text without what was to be kept secret.
    pub(crate) fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.secrets.get().map_or(Cow::Borrowed(text), |secrets| secrets.clean(text))
    }

    /// Which program really runs.
    pub(crate) fn note_harness(&self, kind: HarnessKind) {
        self.ran.get_or_init(|| kind);
    }

    /// The program that ran, if it is another one than that.
    pub(crate) fn ran_instead_of(&self, told: HarnessKind) -> Option<HarnessKind> {
        self.ran.get().copied().filter(|ran| *ran != told)
    }

    pub(crate) fn log(&self, text: &str) {
        self.push(ItemKind::Log, text);
    }

    /// Texts longer than a log line may be become several items.
    pub(crate) fn push(&self, kind: ItemKind, text: &str) {
        self.add(kind, text, None);
    }

    /// A tool that was used: which one, and how that went.
    pub(crate) fn push_tool(&self, tool: ToolCalled, text: &str) {
        let end = tool.name.floor_char_boundary(TOOL_NAME_BYTES_MAX);
        let tool = ToolCalled { name: tool.name[..end].to_owned(), ..tool };
        self.add(ItemKind::Tool, text, Some(tool));
    }

    fn add(&self, kind: ItemKind, text: &str, mut tool: Option<ToolCalled>) {
        let at = self.clock.now();
        let text = self.clean(text);
        let mut state = self.lock();
        for piece in pieces(&text, LOG_LINE_BYTES_MAX) {
            state.waiting_bytes += piece.len();
            state.waiting.push_back(SessionItem { at, kind, text: piece.to_owned(), tool: tool.take() });
        }
        state.make_room();
        if state.waiting_bytes >= FLUSH_BYTES {
            self.wake.notify_one();
        }
    }

    /// Nothing comes any more: what waits goes out at once, then `deliver` ends.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// The number after the last item that the server has.
    pub(crate) fn last(&self) -> i64 {
        self.lock().next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends until the box is closed and empty, or the server wants no more of this session.
    pub(crate) async fn deliver(&self, control: &dyn ControlPlane, session: ClaimToken) {
        let mut backoff = Backoff::new();
        loop {
            let batch = self.lock().batch(self.clock);
            let Some(batch) = batch else {
                if self.lock().closed {
                    return;
                }
                within(FLUSH_EVERY, self.wake.notified()).await.unwrap_or(());
                continue;
            };
            match control.events(session, batch).await {
                Ok(answer) => {
                    self.lock().settle(answer.next);
                    backoff.reset();
                    self.rest().await;
                }
                Err(error) => match error.verdict() {
                    Verdict::Retry => pause(backoff.step()).await,
                    Verdict::Refused => {
                        tracing::warn!(%error, "the server refused a batch of events");
                        self.lock().give_up_batch();
                    }
                    Verdict::Stale | Verdict::Superseded | Verdict::Unauthenticated => return,
                },
            }
        }
    }

    /// Gathers for a second, so that a chatty harness doesn't make a request of each line.
    async fn rest(&self) {
        let hurry = {
            let state = self.lock();
            state.closed || state.waiting_bytes >= FLUSH_BYTES
        };
        if !hurry {
            within(FLUSH_EVERY, self.wake.notified()).await.unwrap_or(());
        }
    }
}

impl State {
    fn make_room(&mut self) {
        while self.waiting_bytes > QUEUE_BYTES_MAX || self.waiting.len() > QUEUE_ITEMS_MAX {
            let oldest = |wanted: fn(ItemKind) -> bool| self.waiting.iter().position(|item| wanted(item.kind));
            let place = oldest(|kind| kind == ItemKind::Log).or_else(|| oldest(|kind| kind != ItemKind::Usage));
            let Some(item) = place.and_then(|at| self.waiting.remove(at)) else { return };
            self.waiting_bytes -= item.text.len();
            self.dropped += 1;
        }
    }

    /// The batch to send now: the unanswered one again, or what has gathered since.
    fn batch(&mut self, clock: ServerClock) -> Option<SessionEvents> {
        if self.sent.is_empty() {
            self.fill(clock);
        }
        if self.sent.is_empty() && self.dropped > 0 {
            // All that waited was dropped just now.
            self.fill(clock);
        }
        (!self.sent.is_empty()).then(|| SessionEvents { from: self.next, items: self.sent.clone() })
    }

    fn fill(&mut self, clock: ServerClock) {
        let mut room = BATCH_BYTES_MAX;
        if self.dropped > 0 {
            let text =
                format!("{} lines of log were dropped here: they came faster than they could be sent", self.dropped);
            room -= ITEM_FRAME_BYTES + text.len();
            self.sent.push(SessionItem { at: clock.now(), kind: ItemKind::Log, text, tool: None });
            self.dropped = 0;
        }
        while let Some(item) = self.waiting.front() {
            let tool = item.tool.as_ref().map_or(0, |tool| ITEM_FRAME_BYTES + json_bytes(&tool.name));
            let size = ITEM_FRAME_BYTES + json_bytes(&item.text) + tool;
            if size > BATCH_BYTES_MAX {
                // It would never fit, and all that is behind it would wait for ever.
                self.waiting_bytes -= item.text.len();
                self.waiting.pop_front();
                self.dropped += 1;
                continue;
            }
            if size > room {
                return;
            }
            room -= size;
            self.waiting_bytes -= item.text.len();
            self.sent.extend(self.waiting.pop_front());
        }
    }

    fn settle(&mut self, next: i64) {
        let count = i64::try_from(self.sent.len()).unwrap_or(i64::MAX);
        self.sent.clear();
        self.next = next.max(self.next + count);
    }

    /// A batch that the server will never take; its lines count as dropped.
    fn give_up_batch(&mut self) {
        self.dropped += u64::try_from(self.sent.len()).unwrap_or(u64::MAX);
        self.sent.clear();
    }
}

/// The length of a text once it is escaped.
fn json_bytes(text: &str) -> usize {
    const ESCAPE_BYTES: usize = 6;
    text.chars().map(|c| if c < ' ' || c == '"' || c == '\\' { ESCAPE_BYTES } else { c.len_utf8() }).sum()
}

/// Cuts a text into pieces of at most `max` bytes, never inside a character. An empty text is one empty piece.
pub(crate) fn pieces(text: &str, max: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let now = rest.take()?;
        if now.len() <= max {
            return Some(now);
        }
        let (head, tail) = now.split_at(now.floor_char_boundary(max));
        rest = Some(tail);
        Some(head)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mi_core::time::Time;

    fn outbox() -> Outbox {
        Outbox::new(ServerClock::set(Time(0)))
    }

    fn take(outbox: &Outbox) -> Option<SessionEvents> {
        outbox.lock().batch(outbox.clock)
    }

    #[test]
    fn a_batch_is_repeated_until_the_server_has_it() {
        let outbox = outbox();
        outbox.log("one");
        let first = take(&outbox).unwrap();
        outbox.log("two");
        let again = take(&outbox).unwrap();
        assert_eq!((first.from, first.items.len()), (again.from, again.items.len()));
        outbox.lock().settle(1);
        let second = take(&outbox).unwrap();
        assert_eq!((second.from, second.items[0].text.as_str()), (1, "two"));
        assert_eq!(outbox.last(), 1);
    }

    #[test]
    fn overflow_drops_the_oldest_lines_says_so_and_keeps_usage() {
        let outbox = outbox();
        outbox.push(ItemKind::Usage, "{}");
        let line = "x".repeat(LOG_LINE_BYTES_MAX);
        let fitting = QUEUE_BYTES_MAX / LOG_LINE_BYTES_MAX;
        for _ in 0..fitting + 10 {
            outbox.log(&line);
        }
        outbox.log("the last line");
        let mut items = Vec::new();
        while let Some(batch) = take(&outbox) {
            assert_eq!(batch.from, items.len() as i64);
            assert!(serde_json::to_vec(&batch).unwrap().len() <= EVENTS_BODY_BYTES_MAX);
            items.extend(batch.items);
            outbox.lock().settle(0);
        }
        assert_eq!(items[0].text, "11 lines of log were dropped here: they came faster than they could be sent");
        assert_eq!(items[1].kind, ItemKind::Usage);
        assert_eq!(items.last().unwrap().text, "the last line");
    }

    #[test]
    fn a_batch_of_control_characters_stays_inside_the_limit() {
        let outbox = outbox();
        outbox.log(&"\u{1}".repeat(200 * 1024));
        while let Some(batch) = take(&outbox) {
            assert!(serde_json::to_vec(&batch).unwrap().len() <= EVENTS_BODY_BYTES_MAX);
            outbox.lock().settle(0);
        }
    }

    #[test]
    fn what_fits_into_no_batch_is_dropped_and_counted() {
        let outbox = outbox();
        outbox.log("x");
        outbox.lock().waiting[0].text = "x".repeat(BATCH_BYTES_MAX);
        outbox.lock().waiting_bytes = BATCH_BYTES_MAX;
        let tool = ToolCalled { name: "ä".repeat(BATCH_BYTES_MAX), failed: false, took_ms: None };
        outbox.push_tool(tool, "called");
        let mut told = Vec::new();
        for _ in 0..2 {
            let batch = take(&outbox).unwrap();
            told.extend(batch.items);
            outbox.lock().settle(0);
        }
        assert_eq!(told[0].tool.as_ref().unwrap().name.len(), TOOL_NAME_BYTES_MAX);
        assert!(told[1].text.starts_with("1 lines of log were dropped"), "{}", told[1].text);
        assert_eq!(outbox.lock().waiting_bytes, 0);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let cut: Vec<&str> = pieces("aäöü", 3).collect();
        assert_eq!(cut, ["aä", "ö", "ü"]);
        assert_eq!(pieces("", 3).collect::<Vec<_>>(), [""]);
    }
}
