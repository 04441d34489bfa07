//! What a session said, to be read afterwards or while it works. JSON in snake_case.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::runner::ItemKind;
use super::tasks::Session;
use crate::credits::Micro;
use crate::tasks::status::words;
use crate::time::Time;

words! {
    /// What a session was begun for: a task from the queue; an unread message to the agent alone or one in a group that
    /// mentions it; a claim that the agent made by itself, with its own key.
    WakeKind { Task = "task", Message = "message", Claim = "claim" }
}

/// Why a session was begun: idling costs nothing, so there is always a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WakeCause {
    pub kind: WakeKind,
    /// Who made the task or wrote the message: `owner`, `user:NAME`, an agent's name, `schedule:NAME`, `system`.
    pub by: Option<String>,
    /// The newest message that woke it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<i64>,
    /// How many wake-ups among agents led here, one by the other, since an operator's act.
    pub chain: i64,
}

/// What model calls used. `cached_tokens` are a part of `input_tokens`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Used {
    pub input_tokens: i64,
    pub cached_tokens: i64,
    pub output_tokens: i64,
    /// In credits.
    pub cost: Micro,
}

/// How a session used one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolUse {
    pub name: String,
    pub calls: i64,
    pub failures: i64,
    /// All its calls together, where the harness told how long they took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
}

/// `GET …/sessions/{session}`: the session, and a part of its transcript.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Transcript {
    pub session: Session,
    /// Most called first.
    #[serde(default)]
    pub tools: Vec<ToolUse>,
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
