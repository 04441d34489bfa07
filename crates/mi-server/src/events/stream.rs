//! An office's events as they happen.

use mi_core::wire::events::Event;
use serde_json::json;

use super::live::{self, Interval, Piece, Source};
use super::service::{self, Wanted};
use crate::house::{House, View};
use crate::infra::caller::Member;
use crate::infra::fault::Fault;
use crate::infra::http::call::Page;
use crate::infra::http::{Call, Reply};
use crate::infra::wakeups::Interest;

/// Events in one piece; a client that lags gets the next ones when it has taken these.
const BATCH_ROWS: i64 = 100;

struct Events {
    /// The last event sent.
    after: i64,
}

/// Starts after event `after`, or with the next one that happens.
pub async fn open(house: House, call: Call, after: Option<i64>) -> Result<Reply, Fault> {
    let newest = house.look(&call, |view, _| Ok(view.head.event_seq)).await?;
    let after = after.unwrap_or(newest);
    live::open(house, call, Events { after }, Interest::Events, Interval::KeepAlive).await
}

impl Source for Events {
    async fn next(&mut self, house: &House, call: &Call) -> Result<Vec<Piece>, Fault> {
        let after = self.after;
        let read = move |view: &mut View<'_>, _: &Member| {
            let pruned = service::pruned_up_to(view.tx, view.office)?;
            let gap = gap(after, pruned, view.head.event_seq);
            let page = Page { limit: BATCH_ROWS, offset: 0 };
            let since = gap.map_or(after, |(_, place)| place);
            let wanted = Wanted { since, category: None, task: None, page };
            Ok((gap, service::next(view.tx, view.office, &wanted)?))
        };
        let (gap, events) = house.look(call, read).await?;
        let mut pieces = Vec::new();
        if let Some((reason, place)) = gap {
            self.after = place;
            pieces.push(Piece::reset(place.to_string(), &json!({"reason": reason, "after": place}))?);
        }
        for event in &events {
            self.after = event.seq;
            pieces.push(of_event(event)?);
        }
        Ok(pieces)
    }
}

/// Why a client can't go on where it is, and where it goes on instead.
fn gap(after: i64, pruned: i64, newest: i64) -> Option<(&'static str, i64)> {
    match after {
        // A number from the future (an older store was put back) would wait for ever.
        after if after > newest => Some(("unknown", newest)),
        after if after < pruned => Some(("pruned", pruned)),
        _ => None,
    }
}

fn of_event(event: &Event) -> Result<Piece, Fault> {
    Piece::message(event.seq.to_string(), event)
}
