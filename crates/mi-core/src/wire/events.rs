//! Events of an office: what happened, in order, chained.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::TaskId;
use crate::time::Time;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Rises by one in the office.
    pub seq: i64,
    pub category: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// An agent's name, `owner` or `system`.
    pub actor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    pub summary: String,
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
    pub created_at: Time,
}
