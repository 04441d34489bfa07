//! What models were used: snake_case on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::credits::Micro;

/// `GET …/usage/llm/summary`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct LlmSummary {
    pub total_tokens: i64,
    /// In US dollars.
    pub total_cost: f64,
    pub total_credits: Micro,
    /// Agents that called a model.
    pub agents: i64,
}

/// `GET …/usage/llm`: one model call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LlmCall {
    pub agent: String,
    pub session: i64,
    pub task_id: Option<i64>,
    pub provider: String,
    pub model: String,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub credits: Micro,
    pub status: i64,
    pub created_at: crate::time::Time,
}
