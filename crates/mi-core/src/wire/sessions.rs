//! What a session said, to be read afterwards or while it works. JSON in snake_case.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::runner::ItemKind;
use super::tasks::Session;
use crate::time::Time;

/// `GET …/sessions/{session}`: the session, and a part of its transcript.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Transcript {
    pub session: Session,
    pub items: Vec<TranscriptItem>,
    /// The `from` of the part that follows this one.
    pub next: i64,
    /// There is more by now.
    pub more: bool,
}

/// One thing that a session said: a line of its log, a tool with its answer, what a model call used, a model's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TranscriptItem {
    pub n: i64,
    pub at: Time,
    pub kind: ItemKind,
    pub text: String,
}
