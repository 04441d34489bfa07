//! An answer on its way out: taken from the provider to its end, whether the caller reads it or not, so that what it used is
//! known and paid. Who leaves early doesn't pay less.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use mi_core::time::Millis;
use tokio::sync::mpsc;

use super::bill::Pieces;
use super::places::Place;
use crate::house::House;
use crate::infra::clock::Clock;

/// So long a caller may take nothing of an answer that is there for it.
pub const UNREAD_SECONDS_MAX: i64 = 120;
/// So long an answer is read to its end when nobody takes it any more.
pub const UNWANTED_SECONDS_MAX: i64 = 300;
/// The same while nothing comes of it.
const UNWANTED_SILENCE_SECONDS_MAX: i64 = 30;

/// What the caller gets to see.
enum Step {
    Piece(std::io::Result<Bytes>),
    /// The last of it.
    End,
}

/// The same pieces; the call's place is free when the provider has given the last of them.
pub fn handed_on(house: &House, mut pieces: Pieces, place: Arc<Place>) -> Pieces {
    let (give, take) = mpsc::channel(1);
    let clock = house.clock.clone();
    tokio::spawn(async move {
        let _place = place;
        if give_all(&clock, &mut pieces, give).await == Given::Whole {
            return;
        }
        let until = clock.now() + Millis::seconds(UNWANTED_SECONDS_MAX);
        if clock.timeout_at(until, read_to_end(&clock, &mut pieces)).await.is_none() {
            tracing::debug!("an answer that nobody takes doesn't end");
        }
    });
    Box::pin(unfold(Some(take), |take| async move {
        let mut take = take?;
        match take.recv().await {
            Some(Step::Piece(piece)) => Some((piece, Some(take))),
            Some(Step::End) => None,
            None => Some((Err(std::io::Error::other("the answer was not read in time")), None)),
        }
    }))
}

/// Or until nothing more comes for a while.
async fn read_to_end(clock: &Clock, pieces: &mut Pieces) {
    loop {
        let until = clock.now() + Millis::seconds(UNWANTED_SILENCE_SECONDS_MAX);
        if !matches!(clock.timeout_at(until, pieces.next()).await, Some(Some(_))) {
            return;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Whole,
    /// The caller is gone, or took nothing for too long.
    InPart,
}

async fn give_all(clock: &Clock, pieces: &mut Pieces, give: mpsc::Sender<Step>) -> Given {
    loop {
        let step = tokio::select! {
            piece = pieces.next() => piece.map_or(Step::End, Step::Piece),
            () = give.closed() => return Given::InPart,
        };
        let is_last = matches!(step, Step::End);
        let until = clock.now() + Millis::seconds(UNREAD_SECONDS_MAX);
        match clock.timeout_at(until, give.send(step)).await {
            Some(_) if is_last => return Given::Whole,
            Some(Ok(())) => {}
            Some(Err(_)) => return Given::InPart,
            None => {
                tracing::debug!("a caller took nothing of its answer for too long");
                return if is_last { Given::Whole } else { Given::InPart };
            }
        }
    }
}
