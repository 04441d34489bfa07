//! What the model answers, before any wire gives it a shape.

use super::scenario::{Cut, ErrorScript, Wait};
use super::tools::Takes;
use serde_json::Value;

/// Letters of one streamed fragment: small, so that text and arguments really arrive in pieces.
const FRAGMENT_LETTERS: usize = 12;

/// When every answer was made, in Unix seconds: recordings of two runs compare equal.
pub(super) const CREATED_AT_SECONDS: u64 = 1_750_000_000;

#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// Counts the answers of one server; ids are made from it.
    pub serial: u64,
    pub model: String,
    pub text: Option<String>,
    pub calls: Vec<Call>,
    /// `None`: the provider reports none.
    pub usage: Option<Tokens>,
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub id: String,
    pub name: String,
    /// A string where the tool takes a text.
    pub arguments: Value,
    pub takes: Takes,
    pub namespace: Option<String>,
}

/// Token counts; `input` contains `cached_input`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tokens {
    pub input: u64,
    pub cached_input: u64,
    pub output: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Call(&'a Call),
}

impl Answer {
    /// The text first, then the calls: the order in which models speak.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let text = self.text.as_deref().map(Part::Text);
        text.into_iter().chain(self.calls.iter().map(Part::Call)).collect()
    }
}

/// A refusal in the provider's shape.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub status: u16,
    pub message: String,
    pub retry_after_seconds: Option<u64>,
}

impl Fault {
    pub fn bad_request(message: String) -> Self {
        Self { status: 400, message, retry_after_seconds: None }
    }

    pub fn bad_key() -> Self {
        Self { status: 401, message: default_message(401).to_owned(), retry_after_seconds: None }
    }

    pub fn scripted(script: &ErrorScript) -> Self {
        let message = script.message.clone().unwrap_or_else(|| default_message(script.status).to_owned());
        Self { status: script.status, message, retry_after_seconds: script.retry_after_seconds }
    }
}

fn default_message(status: u16) -> &'static str {
    match status {
        401 => "The API key is not valid.",
        402 => "The account has no credit left.",
        403 => "The key may not do this.",
        404 => "There is no such model.",
        429 => "Too many requests. Try again later.",
        503 | 529 => "The service is overloaded.",
        500..600 => "The server had an error while processing the request.",
        _ => "The request is not valid.",
    }
}

#[derive(Debug, Clone)]
pub(super) enum Reply {
    Answer(Answer),
    Fault(Fault),
}

/// A reply and how it travels.
#[derive(Debug, Clone)]
pub(super) struct Scripted {
    pub reply: Reply,
    pub wait: Option<Wait>,
    pub cut: Option<Cut>,
}

impl Scripted {
    pub fn at_once(fault: Fault) -> Self {
        Self { reply: Reply::Fault(fault), wait: None, cut: None }
    }
}

/// Splits a text into the pieces in which it is streamed; an empty text has none.
pub(super) fn fragments(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(FRAGMENT_LETTERS).map(|piece| piece.iter().collect()).collect()
}
