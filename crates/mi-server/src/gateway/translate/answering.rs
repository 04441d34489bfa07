//! An answer on its way back: a provider's bytes in, the caller's bytes out.
//!
//! A provider may answer whole although events were wanted, and the other way round.

use super::errors::Failure;
use super::request::{Asked, Delivery};
use super::response::Head;
use super::sse::{DONE, Events, Piece};
use super::stream::{ANSWER_BYTES_MAX, Turning};

/// What the provider's answer looks like.
#[derive(Debug)]
enum Source {
    Events(Events),
    Whole(Vec<u8>),
}

#[derive(Debug)]
pub struct Answering {
    source: Source,
    delivery: Delivery,
    turning: Turning,
}

impl Answering {
    /// `seed` makes the ids of the response and of its items.
    pub fn new(asked: Asked, comes: Delivery, seed: String, created_at_seconds: i64) -> Self {
        let source = match comes {
            Delivery::Events => Source::Events(Events::default()),
            Delivery::Whole => Source::Whole(Vec::new()),
        };
        let head = Head { seed, created_at_seconds, echo: asked.echo };
        Self { source, delivery: asked.delivery, turning: Turning::new(head, asked.tools) }
    }

    /// What the caller is told after these bytes; often nothing.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        match &mut self.source {
            Source::Events(events) => {
                for piece in events.feed(bytes) {
                    turn(&mut self.turning, piece);
                }
            }
            Source::Whole(_) if self.turning.is_over() => {}
            Source::Whole(body) if body.len() + bytes.len() > ANSWER_BYTES_MAX => {
                *body = Vec::new();
                self.turning.fail(Failure::server("the model's answer is too long"));
            }
            Source::Whole(body) => body.extend_from_slice(bytes),
        }
        self.told()
    }

    /// Nothing more of the provider is of use.
    pub fn is_over(&self) -> bool {
        self.turning.is_over()
    }

    /// It ended before its time.
    pub fn has_failed(&self) -> bool {
        self.turning.response().is_some_and(|response| response["status"] == "failed")
    }

    /// The provider's answer has ended.
    pub fn end(mut self) -> Vec<u8> {
        match std::mem::replace(&mut self.source, Source::Whole(Vec::new())) {
            Source::Events(events) => {
                for piece in events.finish() {
                    turn(&mut self.turning, piece);
                }
                self.turning.cut();
            }
            Source::Whole(body) => {
                if !self.turning.is_over() {
                    self.turning.chunk(&body);
                    self.turning.done();
                }
            }
        }
        self.last()
    }

    /// The connection to the provider broke.
    pub fn cut(mut self) -> Vec<u8> {
        self.turning.cut();
        self.last()
    }

    fn told(&mut self) -> Vec<u8> {
        let events = self.turning.take();
        match self.delivery {
            Delivery::Events => events,
            Delivery::Whole => Vec::new(),
        }
    }

    fn last(mut self) -> Vec<u8> {
        let events = self.turning.take();
        match (self.delivery, self.turning.response()) {
            (Delivery::Events, _) | (_, None) => events,
            (Delivery::Whole, Some(response)) => response.to_string().into_bytes(),
        }
    }
}

fn turn(turning: &mut Turning, piece: Piece) {
    match piece {
        Piece::Data(data) if data.trim_ascii() == DONE => turning.done(),
        Piece::Data(data) => turning.chunk(&data),
        Piece::Error(error) => {
            let told = serde_json::from_slice(&error).unwrap_or_default();
            turning.fail(Failure::of(&told));
        }
        Piece::Comment => turning.comment(),
        Piece::TooLong => turning.fail(Failure::server("the model's provider sent an event that is too long")),
    }
}
