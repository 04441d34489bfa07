//! Messages as they come, as server-sent events.
//!
//! Each round parks before it reads, so that a wake-up in between is never lost; the keep-alive
//! is the slow poll under it. The id of a piece is the message's number, from which a client
//! that comes back goes on.

use bytes::Bytes;
use futures_util::stream::{Stream, unfold};
use mi_core::ids::excerpt;
use mi_core::time::{Millis, Time};
use serde::Serialize;

use super::groups::service as groups;
use super::service::Message;
use super::store;
use crate::agents::service as agents;
use crate::house::{House, View};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::wakeups::Interest;

/// Messages in one piece; a client that lags gets the next ones when it has taken these.
const BATCH_ROWS: i64 = 100;
/// Proxies cut connections that are silent for longer; also the longest a lost wake-up can cost.
const KEEP_ALIVE_MS: i64 = 15_000;
/// How long a client waits before it comes back.
const RECONNECT_MS: i64 = 1_000;

/// What is sent of a message.
#[derive(Serialize)]
struct Piece<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    message: &'a Message,
}

struct Follower {
    house: House,
    call: Call,
    /// Whose messages.
    who: String,
    /// The last message sent.
    after: i64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Following,
    Over,
}

/// What the caller (or, for an operator, the agent that it names) writes and is written, after a message or from now on.
pub async fn open(
    house: House,
    call: Call,
    named: Option<String>,
    after: Option<i64>,
) -> Result<impl Stream<Item = std::io::Result<Bytes>> + Send, Fault> {
    let look =
        move |view: &mut View<'_>, member: &Member| Ok((whose(view, member, named.as_deref())?, view.head.row_seq));
    let (who, newest) = house.look(&call, look).await?;
    // A number from the future (the store was restored from a backup) would wait for ever.
    let after = after.map_or(newest, |after| after.min(newest));
    let follower = Follower { house, call, who, after, phase: Phase::Opening };
    Ok(unfold(follower, |mut follower| async move {
        let piece = follower.next().await?;
        Some((piece, follower))
    }))
}

fn whose(view: &mut View<'_>, member: &Member, named: Option<&str>) -> Result<String, Fault> {
    let named = named.filter(|named| *named != member.name());
    let Some(named) = named else { return Ok(member.name().to_owned()) };
    let agent = agents::find(view.tx, view.office, named)?;
    match member {
        Member::Person(_) => Ok(agent.name.to_string()),
        Member::Agent { id, .. } if *id == agent.id => Ok(agent.name.to_string()),
        Member::Agent { .. } => Err(fault::not_you(&excerpt(named))),
    }
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
        let office = self.call.office().ok()?;
        loop {
            let mut parked = self.house.wakeups.park(office, Interest::Events);
            match self.batch().await {
                Ok(Some(piece)) => return Some(Ok(piece)),
                Ok(None) if self.house.is_draining() => return None,
                Ok(None) => {}
                Err(fault) => return self.broken(&fault),
            }
            if self.house.clock.timeout_at(until, parked.woken()).await.is_none() {
                return Some(Ok(Bytes::from_static(b": still here\n\n")));
            }
        }
    }

    /// The session ended, the office was deleted, the store closed: the client asks anew and is told why.
    fn broken(&mut self, fault: &Fault) -> Option<std::io::Result<Bytes>> {
        self.phase = Phase::Over;
        tracing::debug!(act = self.call.operation, request_id = self.call.request_id, "{}", fault.sentence);
        None
    }

    /// The first that came after the last one sent, in their order.
    async fn batch(&mut self) -> Result<Option<Bytes>, Fault> {
        let (who, after) = (self.who.clone(), self.after);
        let read = move |view: &mut View<'_>, member: &Member| {
            let since = since(view, member, &who)?;
            let seat = if who == member.name() { member.seat() } else { who.as_str() };
            let mut news = store::after(view.tx, view.office, &who, after, since, BATCH_ROWS)?;
            news.extend(groups::after(view.tx, view.office, seat, after, BATCH_ROWS)?);
            news.sort_by_key(|message| message.id);
            news.truncate(usize::try_from(BATCH_ROWS).unwrap_or(usize::MAX));
            Ok(news)
        };
        let news = self.house.look(&self.call, read).await?;
        let Some(last) = news.last() else { return Ok(None) };
        self.after = last.id;
        let lines: Result<Vec<String>, Fault> = news.iter().map(lines).collect();
        Ok(Some(lines?.concat().into()))
    }
}

/// An agent sees nothing of an earlier one of its name.
fn since(view: &mut View<'_>, member: &Member, who: &str) -> Result<Time, Fault> {
    let hired = match (member, who) {
        (Member::Person(_), who) if who == member.name() => None,
        (Member::Person(_) | Member::Agent { .. }, name) => agents::by_name(view.tx, view.office, name)?,
    };
    Ok(hired.map_or(Time(0), |agent| agent.created_at))
}

/// JSON holds no line breaks, so one `data` line is enough.
fn lines(message: &Message) -> Result<String, Fault> {
    let data = serde_json::to_string(&Piece { kind: "message", message }).map_err(fault::internal)?;
    Ok(format!("id: {}\ndata: {data}\n\n", message.id))
}
