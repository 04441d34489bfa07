//! Events as they happen, as server-sent events.
//!
//! Each round parks, reads what came after the last one sent, and only then waits: so a
//! wake-up between reading and waiting is never lost. The keep-alive is the slow poll
//! under it. A client that comes back with `Last-Event-ID` misses nothing.

use bytes::Bytes;
use futures_util::stream::{Stream, unfold};
use mi_core::time::Millis;
use mi_core::wire::events::Event;

use super::service::{self, Wanted};
use crate::house::{House, View};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::http::call::Page;
use crate::infra::wakeups::Interest;

/// Events in one piece; a client that lags gets the next ones when it has taken these.
const BATCH_ROWS: i64 = 100;
/// Proxies cut connections that are silent for longer; also the longest a lost wake-up can cost.
const KEEP_ALIVE_MS: i64 = 15_000;
/// How long a client waits before it comes back.
const RECONNECT_MS: i64 = 1_000;

struct Follower {
    house: House,
    call: Call,
    /// The last event sent.
    after: i64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Following,
    Over,
}

/// Starts after event `after`, or with the next one that happens.
pub async fn open(
    house: House,
    call: Call,
    after: Option<i64>,
) -> Result<impl Stream<Item = std::io::Result<Bytes>> + Send, Fault> {
    let newest = house.look(&call, |view, _| Ok(view.head.event_seq)).await?;
    // A number from the future (the store was restored from a backup) would wait for ever.
    let after = after.map_or(newest, |after| after.min(newest));
    let follower = Follower { house, call, after, phase: Phase::Opening };
    Ok(unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((piece, follower))
    }))
}

impl Follower {
    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        match self.phase {
            Phase::Opening => {
                self.phase = Phase::Following;
                Some(Ok(format!("retry: {RECONNECT_MS}\n\n").into()))
            }
            Phase::Following => self.follow().await,
            Phase::Over => None,
        }
    }

    async fn follow(&mut self) -> Option<std::io::Result<Bytes>> {
        let until = self.house.clock.now() + Millis(KEEP_ALIVE_MS);
        loop {
            let mut parked = self.house.wakeups.park(self.call.office().ok()?, Interest::Events);
            match self.batch().await {
                Ok(Some(piece)) => return Some(Ok(piece)),
                Ok(None) => {}
                Err(fault) => return self.broken(&fault),
            }
            if self.house.is_draining() {
                return None;
            }
            if self.house.clock.timeout_at(until, parked.woken()).await.is_none() {
                return self.keep_alive().await;
            }
        }
    }

    /// Looks once more before it says that nothing happened.
    async fn keep_alive(&mut self) -> Option<std::io::Result<Bytes>> {
        match self.batch().await {
            Ok(piece) => Some(Ok(piece.unwrap_or(Bytes::from_static(b": still here\n\n")))),
            Err(fault) => self.broken(&fault),
        }
    }

    /// The session ended, the office was deleted, the store closed: the client asks anew and is told why.
    fn broken(&mut self, fault: &Fault) -> Option<std::io::Result<Bytes>> {
        self.phase = Phase::Over;
        tracing::debug!(act = self.call.operation, request_id = self.call.request_id, "{}", fault.sentence);
        None
    }

    async fn batch(&mut self) -> Result<Option<Bytes>, Fault> {
        let wanted = Wanted { since: self.after, category: None, page: Page { limit: BATCH_ROWS, offset: 0 } };
        let read = move |view: &mut View<'_>, _: &Member| service::next(view.tx, view.office, &wanted);
        let events = self.house.look(&self.call, read).await?;
        let Some(last) = events.last() else { return Ok(None) };
        self.after = last.seq;
        let lines: Result<Vec<String>, Fault> = events.iter().map(lines).collect();
        Ok(Some(lines?.concat().into()))
    }
}

/// JSON holds no line breaks, so one `data` line is enough.
fn lines(event: &Event) -> Result<String, Fault> {
    let data = serde_json::to_string(event).map_err(fault::internal)?;
    Ok(format!("id: {}\ndata: {data}\n\n", event.seq))
}
