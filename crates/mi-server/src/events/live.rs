//! What happens, as server-sent events: for whoever follows an office, a task or an agent's log.
//!
//! Each round parks, reads what came after the last piece sent, and only then waits: so a
//! wake-up between reading and waiting is never lost. The keep-alive is the slow poll
//! under it. A client that comes back with `Last-Event-ID` misses nothing; where that can't
//! be kept, a piece `reset` says so. Every read goes through the office's door anew, so a
//! stream ends with its caller's right to it.

use std::fmt::Write;

use bytes::Bytes;
use futures_util::stream::unfold;
use mi_core::limits::{STREAMS_BESIDES_MAX, STREAMS_PER_AGENT_MAX};
use mi_core::time::{Millis, Time};
use serde::Serialize;

use crate::house::House;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Reply};
use crate::infra::seats::Seat;
use crate::infra::wakeups::Interest;

const EVENT_STREAM: &str = "text/event-stream";
/// Proxies cut connections that are silent for longer; also the longest a lost wake-up can cost.
const KEEP_ALIVE_MS: i64 = 15_000;
/// How often files are looked at, which wake nobody.
const FILES_MS: i64 = 1_000;
/// How long a client waits before it comes back.
const RECONNECT_MS: i64 = 1_000;
const RETRY_AFTER_SECONDS: i64 = 5;

/// One message of a stream.
pub struct Piece {
    id: String,
    /// `None` is the usual `message`.
    event: Option<&'static str>,
    data: String,
}

impl Piece {
    pub fn message<T: Serialize>(id: String, data: &T) -> Result<Self, Fault> {
        Ok(Self { id, event: None, data: serde_json::to_string(data).map_err(fault::internal)? })
    }

    pub fn named<T: Serialize>(event: &'static str, id: String, data: &T) -> Result<Self, Fault> {
        Ok(Self { event: Some(event), ..Self::message(id, data)? })
    }

    /// Something between the last piece and the next is gone.
    pub fn reset<T: Serialize>(id: String, data: &T) -> Result<Self, Fault> {
        Self::named("reset", id, data)
    }

    /// JSON holds no line breaks, so one `data` line is enough.
    fn write(&self, out: &mut String) -> std::fmt::Result {
        if let Some(event) = self.event {
            writeln!(out, "event: {event}")?;
        }
        write!(out, "id: {}\ndata: {}\n\n", self.id, self.data)
    }
}

/// What a client follows; it knows how far the client is.
pub trait Source: Send + 'static {
    /// What came since the last time; empty if nothing did.
    fn next(&mut self, house: &House, call: &Call) -> impl Future<Output = Result<Vec<Piece>, Fault>> + Send;
}

/// How long a round waits at most before it looks by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    KeepAlive,
    Files,
}

struct Follower<S> {
    house: House,
    call: Call,
    source: S,
    interest: Interest,
    interval: Interval,
    /// When the client has to hear something.
    silent_until: Time,
    phase: Phase,
    _seat: Seat,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Following,
    Over,
}

/// Begins a stream, if the office has a seat for it.
pub async fn open<S: Source>(
    house: House,
    call: Call,
    source: S,
    interest: Interest,
    interval: Interval,
) -> Result<Reply, Fault> {
    let agents = house.look(&call, |view, _| Ok(view.head.settings.max_agents)).await?;
    let seats = STREAMS_PER_AGENT_MAX * agents + STREAMS_BESIDES_MAX;
    let seat = house.seats.take(call.office()?, seats).ok_or_else(|| full(seats))?;
    let silent_until = house.clock.now();
    let follower =
        Follower { house, call, source, interest, interval, silent_until, phase: Phase::Opening, _seat: seat };
    let pieces = unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((Ok::<_, std::io::Error>(piece), follower))
    });
    Ok(Reply::flow(EVENT_STREAM, pieces))
}

fn full(seats: i64) -> Fault {
    let mut fault = fault::busy(&format!("this office has {seats} live streams, which"))
        .hint("close some, or follow the whole office with one: GET …/events/stream");
    fault.retry_after_seconds = Some(RETRY_AFTER_SECONDS);
    fault
}

impl<S: Source> Follower<S> {
    async fn next(&mut self) -> Option<Bytes> {
        match self.phase {
            Phase::Opening => {
                self.phase = Phase::Following;
                Some(format!("retry: {RECONNECT_MS}\n\n").into())
            }
            Phase::Following => self.follow().await,
            Phase::Over => None,
        }
    }

    async fn follow(&mut self) -> Option<Bytes> {
        self.silent_until = self.house.clock.now() + Millis(KEEP_ALIVE_MS);
        loop {
            let mut parked = self.house.wakeups.park(self.call.office().ok()?, self.interest.clone());
            match self.batch().await {
                Ok(Some(piece)) => return Some(piece),
                Ok(None) => {}
                Err(fault) => return self.broken(&fault),
            }
            if self.house.is_draining() {
                return None;
            }
            let looks_at = match self.interval {
                Interval::KeepAlive => self.silent_until,
                Interval::Files => self.silent_until.min(self.house.clock.now() + Millis(FILES_MS)),
            };
            let woken = self.house.clock.timeout_at(looks_at, parked.woken()).await;
            if woken.is_none() && self.house.clock.now() >= self.silent_until {
                return self.keep_alive().await;
            }
        }
    }

    /// Looks once more before it says that nothing happened.
    async fn keep_alive(&mut self) -> Option<Bytes> {
        match self.batch().await {
            Ok(piece) => Some(piece.unwrap_or(Bytes::from_static(b": still here\n\n"))),
            Err(fault) => self.broken(&fault),
        }
    }

    /// The session ended, the office was deleted, the store closed: the client asks anew and is told why.
    fn broken(&mut self, fault: &Fault) -> Option<Bytes> {
        self.phase = Phase::Over;
        tracing::debug!(act = self.call.operation, request_id = self.call.request_id, "{}", fault.sentence);
        None
    }

    async fn batch(&mut self) -> Result<Option<Bytes>, Fault> {
        let pieces = self.source.next(&self.house, &self.call).await?;
        let mut text = String::new();
        for piece in &pieces {
            piece.write(&mut text).map_err(fault::internal)?;
        }
        Ok((!text.is_empty()).then(|| text.into()))
    }
}
