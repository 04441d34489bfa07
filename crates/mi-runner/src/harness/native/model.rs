//! What the native loop wants of a model: one turn at a time, tools, usage.
//!
//! The crate that speaks to real models stays behind this; tests bring scripted ones.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mi_core::wire::runner::ModelChoice;
use serde::Serialize;
use serde_json::Value;

use crate::harness::Missing;

/// Opens the model of a session.
pub trait ModelSource: Send + Sync {
    /// `credential` is the session's; `endpoint` the server's address as children see it.
    fn open(&self, choice: &ModelChoice, endpoint: &str, credential: &str) -> Result<Box<dyn Model>, Missing>;
}

pub trait Model: Send + Sync {
    /// What the model says to the conversation so far. The first message is the system's.
    fn turn<'a>(
        &'a self,
        conversation: &'a [Message],
        tools: &'a [ToolSpec],
    ) -> BoxFuture<'a, Result<Turn, ModelError>>;
}

#[derive(Debug, Clone)]
pub enum Message {
    System(String),
    User(String),
    Assistant(Turn),
    Results(Vec<ToolResult>),
}

#[derive(Debug, Clone, Default)]
pub struct Turn {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub usage: Usage,
    /// What the provider wants to see again with this turn (thought signatures).
    pub carry: Option<Carry>,
}

/// Opaque to the loop; made and read by the same implementation of `Model`.
#[derive(Clone)]
pub struct Carry(pub Arc<dyn Any + Send + Sync>);

impl fmt::Debug for Carry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carry")
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    pub id: String,
    pub name: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    pub name: &'static str,
    pub description: &'static str,
    /// JSON Schema of the arguments.
    pub schema: Value,
}

/// Tokens of one turn as the provider tells them; the gateway's own count is the one that is charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cached_tokens: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Repeating can't help: bad credential, no credits, unknown model.
    #[error("{cause}: {detail}")]
    Refused { cause: String, detail: String, status: u16 },
    /// The claim is gone; the session must stop.
    #[error("the claim is no longer the live one")]
    Stale,
    /// Busy, broken off, unreachable, too slow.
    #[error("{detail}")]
    Passing { detail: String, retry_after_s: Option<u64>, status: Option<u16> },
}
