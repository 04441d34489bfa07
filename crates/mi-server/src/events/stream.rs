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
    // A number from the future (the store was restored from a backup) would wait for ever.
    let after = after.map_or(newest, |after| after.min(newest));
    live::open(house, call, Events { after }, Interest::Events, Interval::KeepAlive).await
}

impl Source for Events {
    async fn next(&mut self, house: &House, call: &Call) -> Result<Vec<Piece>, Fault> {
        let page = Page { limit: BATCH_ROWS, offset: 0 };
        let wanted = Wanted { since: self.after, category: None, task: None, page };
        let read = move |view: &mut View<'_>, _: &Member| {
            let pruned = service::pruned_up_to(view.tx, view.office)?;
            Ok((pruned, service::next(view.tx, view.office, &wanted)?))
        };
        let (pruned, events) = house.look(call, read).await?;
        let mut pieces = Vec::new();
        if self.after < pruned {
            self.after = pruned;
            pieces.push(Piece::reset(pruned.to_string(), &json!({"reason": "pruned", "after": pruned}))?);
        }
        for event in &events {
            self.after = event.seq;
            pieces.push(of_event(event)?);
        }
        Ok(pieces)
    }
}

fn of_event(event: &Event) -> Result<Piece, Fault> {
    Piece::message(event.seq.to_string(), event)
}
