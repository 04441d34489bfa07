//! How a reply travels: as one body, as events, held at a gate, cut off.

use super::answer::{Answer, Fault};
use super::conversation::Delivery;
use super::scenario::{Cut, CutKind, Wait};
use super::stage::Stage;
use super::wires::{Wire, gemini};
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::io;
use std::sync::Arc;

/// An event that no reader understands.
const GARBAGE: &[u8] = b"data: {\"type\": \"gar\n\n";

pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    with_type(status, "application/json", Body::from(body.to_string()))
}

pub(super) fn fault(wire: Wire, fault: &Fault) -> Response {
    // A scenario's statuses are checked when it is read; any other is this server's own mistake.
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &wire.fault(fault));
    if let Some(seconds) = fault.retry_after_seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

pub(super) fn answer(
    stage: Arc<Stage>,
    wire: Wire,
    delivery: Delivery,
    answer: &Answer,
    wait: Option<Wait>,
    cut: Option<Cut>,
) -> Response {
    let (content_type, pieces) = match delivery {
        Delivery::Whole => ("application/json", halves(&wire.whole(answer).to_string())),
        Delivery::Events { usage } => ("text/event-stream; charset=utf-8", wire.events(answer, usage)),
        Delivery::Array => ("application/json", gemini::array_pieces(answer)),
    };
    let pieces = cut_off(pieces, cut);
    let mut response = with_type(StatusCode::OK, content_type, body(stage, pieces, wait));
    let id = HeaderValue::from(answer.serial);
    response.headers_mut().insert(HeaderName::from_static(wire.request_id_header()), id);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A whole body in two pieces, so that it too can be held or cut in its middle.
fn halves(body: &str) -> Vec<String> {
    let middle = body.floor_char_boundary(body.len() / 2);
    vec![body[..middle].to_owned(), body[middle..].to_owned()]
}

enum Piece {
    Sent(Bytes),
    /// The connection dies here.
    Broken,
}

fn cut_off(pieces: Vec<String>, cut: Option<Cut>) -> Vec<Piece> {
    let last = pieces.len().saturating_sub(1);
    let kept = cut.map_or(pieces.len(), |cut| cut.after_events.min(last));
    let mut cut_off: Vec<Piece> = pieces.into_iter().take(kept).map(|piece| Piece::Sent(Bytes::from(piece))).collect();
    match cut.map(|cut| cut.how) {
        Some(CutKind::Reset) => cut_off.push(Piece::Broken),
        Some(CutKind::Garbage) => cut_off.push(Piece::Sent(Bytes::from_static(GARBAGE))),
        Some(CutKind::End) | None => {}
    }
    cut_off
}

fn body(stage: Arc<Stage>, pieces: Vec<Piece>, wait: Option<Wait>) -> Body {
    let last = pieces.len().saturating_sub(1);
    let pieces = stream::iter(pieces.into_iter().enumerate()).then(move |(index, piece)| {
        let stage = Arc::clone(&stage);
        // A short answer stands before its last piece, rather than not at all.
        let here = |wait: &&Wait| wait.after_events.is_some_and(|events| events.min(last) == index);
        let gate = wait.as_ref().filter(here).map(|wait| wait.gate.clone());
        async move {
            if let Some(gate) = gate {
                stage.pass_gate(&gate).await;
            }
            sent(piece).await
        }
    });
    Body::from_stream(pieces)
}

async fn sent(piece: Piece) -> io::Result<Bytes> {
    match piece {
        Piece::Sent(bytes) => Ok(bytes),
        Piece::Broken => {
            // Gives the connection the chance to flush what came before, so that the cut is where it is said to be.
            tokio::task::yield_now().await;
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    }
}
