//! A task as it goes on: its events, what moves its subtasks, new lines in its log, new comments.
//!
//! A client that comes new gets the whole task first. Where the client is, is two numbers: the last event and the last
//! line; both rise in the order of commits.

use mi_core::ids::TaskId;
use mi_core::wire::tasks::TaskDetail;
use serde_json::json;

use super::store::notes::{self, Said};
use super::{service, store};
use crate::events;
use crate::events::live::{self, Interval, Piece, Source};
use crate::house::{House, View};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Reply};
use crate::infra::wakeups::Interest;

/// Events and lines in one piece each.
const BATCH_ROWS: i64 = 100;

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    event: i64,
    line: i64,
}

impl Place {
    fn id(self) -> String {
        format!("{}-{}", self.event, self.line)
    }

    fn read(text: &str) -> Option<Self> {
        let (event, line) = text.trim().split_once('-')?;
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
        Some(Self { event: number(event)?, line: number(line)? })
    }
}

struct TaskSource {
    id: TaskId,
    /// `None`: the client has nothing yet.
    place: Option<Place>,
}

pub async fn open(house: House, call: Call, id: TaskId) -> Result<Reply, Fault> {
    let sent = call.header("last-event-id").filter(|text| !text.is_empty());
    let unreadable =
        || fault::bad_request("Last-Event-ID is not one of this stream").hint("leave it out to begin anew");
    let place = sent.map(|text| Place::read(text).ok_or_else(unreadable)).transpose()?;
    let look = move |view: &mut View<'_>, _: &Member| {
        store::get(view.tx, view.office, id)?.ok_or_else(|| fault::no_such_task(id))
    };
    house.look(&call, look).await?;
    live::open(house, call, TaskSource { id, place }, Interest::EventsAndLines, Interval::KeepAlive).await
}

impl Source for TaskSource {
    async fn next(&mut self, house: &House, call: &Call) -> Result<Vec<Piece>, Fault> {
        let (id, place) = (self.id, self.place);
        let look = move |view: &mut View<'_>, _: &Member| match place {
            None => snapshot(view, id),
            Some(place) => news(view, id, place),
        };
        let (place, pieces) = house.look(call, look).await?;
        self.place = Some(place);
        Ok(pieces)
    }
}

fn snapshot(view: &mut View<'_>, id: TaskId) -> Result<(Place, Vec<Piece>), Fault> {
    let place = Place { event: view.head.event_seq, line: view.head.row_seq };
    let detail: TaskDetail = service::detail(view, id)?;
    Ok((place, vec![Piece::named("snapshot", place.id(), &detail)?]))
}

/// Lines before events, so that a task's last words come before its end.
fn news(view: &mut View<'_>, id: TaskId, mut place: Place) -> Result<(Place, Vec<Piece>), Fault> {
    let pruned = events::service::pruned_up_to(view.tx, view.office)?;
    let is_ahead = place.event > view.head.event_seq || place.line > view.head.row_seq;
    if place.event < pruned || is_ahead {
        let reason = if is_ahead { "unknown" } else { "pruned" };
        let (place, snapshot) = snapshot(view, id)?;
        let mut pieces = vec![Piece::reset(place.id(), &json!({ "reason": reason }))?];
        pieces.extend(snapshot);
        return Ok((place, pieces));
    }
    let mut pieces = Vec::new();
    for said in notes::said(view.tx, view.office, id, place.line, BATCH_ROWS)? {
        place.line = said.id();
        pieces.push(match said {
            Said::Log(log) => Piece::named("log", place.id(), &log)?,
            Said::Comment(comment) => Piece::named("comment", place.id(), &comment)?,
        });
    }
    for event in events::service::of_task(view.tx, view.office, id, place.event, BATCH_ROWS)? {
        place.event = event.seq;
        pieces.push(Piece::named("event", place.id(), &event)?);
    }
    Ok((place, pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        let place = Place { event: 7, line: 12 };
        assert_eq!(Place::read(&place.id()), Some(place));
        for bad in ["", "7", "7-", "-7", "7-x", "7--1", "7-1-2"] {
            assert_eq!(Place::read(bad), None, "{bad}");
        }
    }
}
