//! A session as it goes on: part after part of its transcript, and how it stands.
//!
//! A part comes when something was said, and when the session moves on; the last one is of a session that is over. Where a
//! client is, is the number of the next item.

use mi_core::ids::ClaimToken;
use mi_core::wire::sessions::Transcript;

use super::transcript::{self, Part};
use crate::events::live::{self, Interval, Piece, Source};
use crate::house::{House, View};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Reply};
use crate::infra::wakeups::Interest;

struct SessionSource {
    number: ClaimToken,
    from: i64,
    /// How the session stood when the client last heard of it; `None`: it has heard nothing yet.
    told: Option<String>,
}

pub async fn open(house: House, call: Call, number: ClaimToken) -> Result<Reply, Fault> {
    let sent = call.header("last-event-id").filter(|text| !text.is_empty());
    let unreadable =
        || fault::bad_request("Last-Event-ID is not one of this stream").hint("leave it out to begin anew");
    let from = match sent {
        Some(text) => text.trim().parse().ok().filter(|from: &i64| *from >= 0).ok_or_else(unreadable)?,
        None => 0,
    };
    let look = move |view: &mut View<'_>, member: &Member| transcript::may_read(view, member, number).map(|_| ());
    house.look(&call, look).await?;
    let source = SessionSource { number, from, told: None };
    live::open(house, call, source, Interest::EventsAndLines, Interval::KeepAlive).await
}

impl Source for SessionSource {
    async fn next(&mut self, house: &House, call: &Call) -> Result<Vec<Piece>, Fault> {
        let (number, part) = (self.number, Part::from(self.from));
        let look = move |view: &mut View<'_>, member: &Member| transcript::read(view, member, number, part);
        let part: Transcript = house.look(call, look).await?;
        if part.items.is_empty() && self.told.as_ref() == Some(&part.session.state) {
            return Ok(Vec::new());
        }
        self.from = part.next;
        self.told = Some(part.session.state.clone());
        Ok(vec![Piece::named("part", part.next.to_string(), &part)?])
    }
}
