//! An answer on its way out: taken from the provider whether the caller reads or not, and ended if it doesn't.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use mi_core::time::Millis;
use tokio::sync::mpsc;

use super::bill::Pieces;
use super::places::Place;
use crate::house::House;

/// So long a caller may take nothing of an answer that is there for it.
pub const UNREAD_SECONDS_MAX: i64 = 120;

/// What the caller gets to see.
enum Step {
    Piece(std::io::Result<Bytes>),
    /// The last of it.
    End,
}

/// The same pieces; the call's place is free when the last of them is taken, the caller is gone, or takes nothing for too
/// long.
pub fn handed_on(house: &House, mut pieces: Pieces, place: Place) -> Pieces {
    let (give, take) = mpsc::channel(1);
    let clock = house.clock.clone();
    tokio::spawn(async move {
        let _place = place;
        loop {
            let step = tokio::select! {
                piece = pieces.next() => piece.map_or(Step::End, Step::Piece),
                () = give.closed() => return,
            };
            let is_last = matches!(step, Step::End);
            let until = clock.now() + Millis::seconds(UNREAD_SECONDS_MAX);
            match clock.timeout_at(until, give.send(step)).await {
                Some(Ok(())) if !is_last => {}
                Some(Ok(()) | Err(_)) => return,
                None => return tracing::debug!("a caller took nothing of its answer for too long"),
            }
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
