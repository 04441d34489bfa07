//! Tasks: snake_case on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::casing::{loose_list, loose_number};
use crate::credits::{Ceiling, Micro, optional_ceiling};
use crate::ids::{AgentName, ClaimToken, TaskId, TaskName};
use crate::moment::{Moment, optional_moment};
use crate::tasks::status::{BlockedKind, Kind, Status, Verification, words};
use crate::tasks::why::Why;
use crate::time::Time;
use crate::wire::checks::TaskCheck;
use crate::wire::sessions::{Used, WakeCause};
use crate::wire::usage::BudgetCard;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Task {
    pub id: TaskId,
    /// Unique in the office, for those who declare tasks by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<TaskName>,
    pub parent_id: Option<TaskId>,
    pub title: String,
    pub description: Option<String>,
    pub kind: Kind,
    pub priority: i64,
    pub status: Status,
    pub assigned_agent: Option<String>,
    pub claimed_by: Option<AgentName>,
    /// An agent's name, `owner`, or `schedule:` and the schedule's name.
    pub created_by: String,
    /// Comma-separated task ids.
    pub depends_on: Option<String>,
    pub required_tools: Vec<String>,
    pub result_summary: Option<String>,
    pub error: Option<String>,
    pub attempts: i64,
    pub max_attempts: i64,
    pub verification: Verification,
    pub subtask_count: i64,
    pub lease_expires_at: Option<Time>,
    /// Of a task of kind `verify` that the server asked for: the done task that it judges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifies: Option<TaskId>,
    /// When a block by quota ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_until: Option<Time>,
    /// Why it waits: while it is queued or blocked, or done and not yet judged.
    pub why: Option<Why>,
    /// It is not offered before.
    #[serde(default)]
    pub not_before: Option<Time>,
    /// It is late when it isn't finished by then; nothing else happens to it.
    #[serde(default)]
    pub deadline: Option<Time>,
    #[serde(default)]
    pub late: bool,
    /// What it was waiting for at its deadline, or who held it.
    #[serde(default)]
    pub why_late: Option<Why>,
    pub created_at: Time,
    pub updated_at: Time,
    pub started_at: Option<Time>,
    pub completed_at: Option<Time>,
    /// What all its sessions used so far.
    #[serde(default)]
    pub used: Used,
    /// The same with everything below it; only on a task that has subtasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_with_subtasks: Option<Used>,
    /// Only in the answer to a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimGrant>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClaimGrant {
    pub token: ClaimToken,
    pub lease_expires_at: Time,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateTask {
    pub title: String,
    /// Unique in the office for ever: 1 to 128 letters, digits, dots, dashes, slashes and underscores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// 0 critical, 50 normal, 100 low.
    #[serde(default, deserialize_with = "loose_number", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub priority: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<TaskId>,
    /// Task ids: `"3"`, `"3,4"`, `3` or `[3, 4]`.
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub depends_on: Option<Vec<String>>,
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub required_tools: Option<Vec<String>>,
    /// Not offered before: RFC 3339, or a length from now such as `+2h`; null or empty takes it away.
    #[serde(default, deserialize_with = "optional_moment", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "2026-04-27T09:30:00Z")]
    pub not_before: Option<Moment>,
    /// When it should be finished, written like `notBefore`.
    #[serde(default, deserialize_with = "optional_moment", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "2026-04-27T17:00:00Z")]
    pub deadline: Option<Moment>,
    /// What the server checks when `done` is reported: objects with a `kind`, or texts such as `cmd: cargo test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub checks: Option<Vec<serde_json::Value>>,
    /// Credits that the task and everything below it may spend on models; null takes the limit away.
    #[serde(default, deserialize_with = "optional_ceiling", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub budget: Option<Ceiling>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimTask {
    /// The agent that claims; an agent's own key needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Seconds to wait for a task, at most 60.
    #[serde(default, deserialize_with = "loose_number", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub wait: Option<i64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateTask {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(default, alias = "resultSummary", skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_kind: Option<BlockedKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration_id: Option<String>,
    /// With `blockedKind: quota`: when the provider takes calls again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_until: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_agent: Option<String>,
    #[serde(default, deserialize_with = "loose_number", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub priority: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub depends_on: Option<Vec<String>>,
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub required_tools: Option<Vec<String>>,
    /// Not offered before: RFC 3339, or a length from now such as `+2h`; null or empty takes it away.
    #[serde(default, deserialize_with = "optional_moment", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "2026-04-27T09:30:00Z")]
    pub not_before: Option<Moment>,
    /// When it should be finished, written like `notBefore`.
    #[serde(default, deserialize_with = "optional_moment", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "2026-04-27T17:00:00Z")]
    pub deadline: Option<Moment>,
    /// What the server checks when `done` is reported: objects with a `kind`, or texts such as `cmd: cargo test`.
    /// They replace those that the task has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub checks: Option<Vec<serde_json::Value>>,
    /// Credits that the task and everything below it may spend on models; null takes the limit away.
    #[serde(default, deserialize_with = "optional_ceiling", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub budget: Option<Ceiling>,
}

/// `GET …/{id}`: the task with everything that hangs on it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskDetail {
    pub task: Task,
    pub logs: Vec<TaskLog>,
    pub comments: Vec<Comment>,
    pub subtasks: Vec<Task>,
    pub artifacts: Vec<Artifact>,
    #[schema(value_type = Vec<Object>)]
    pub linked_messages: Vec<serde_json::Value>,
    pub sessions: Vec<Session>,
    #[serde(default)]
    pub reviews: Vec<Review>,
    #[serde(default)]
    pub late_results: Vec<LateResult>,
    /// What it is measured by, with what was found the last time.
    #[serde(default)]
    pub checks: Vec<TaskCheck>,
    /// What it and everything below it may spend, if somebody set a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetCard>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskLog {
    pub id: i64,
    pub agent: String,
    pub event: Option<String>,
    pub message: String,
    pub attempt: Option<i64>,
    pub created_at: Time,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Comment {
    pub id: i64,
    pub agent: String,
    pub message: String,
    pub created_at: Time,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    pub id: i64,
    pub kind: String,
    pub path: String,
    pub label: Option<String>,
    /// Of the file at the moment it was linked.
    pub sha256: String,
    pub size: i64,
    /// Whether the file is still the one that was linked; a changed one is no proof.
    pub state: ArtifactState,
    /// The attempt that linked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<ClaimToken>,
    pub created_by: String,
    pub created_at: Time,
}

words! {
    /// How a linked file stands to its digest now.
    ArtifactState { Unchanged = "unchanged", Changed = "changed", Missing = "missing" }
}

/// One judgement about a task's work.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Review {
    pub id: i64,
    /// The attempt whose work was judged.
    pub session: Option<ClaimToken>,
    pub reviewer: String,
    pub accepted: bool,
    pub comments: Option<String>,
    pub created_at: Time,
}

words! {
    /// What became of a late result.
    LateState { Waiting = "waiting", Accepted = "accepted", Dropped = "dropped" }
}

/// What a claim reported after it was lost: it counts only if an operator accepts it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LateResult {
    /// 1, 2, 3… per task.
    pub id: i64,
    pub task_id: TaskId,
    /// The lost claim.
    pub session: ClaimToken,
    pub attempt: Option<i64>,
    pub agent: AgentName,
    /// `done` or `failed`.
    pub status: Status,
    /// The result, or the error of a failure.
    pub text: String,
    pub state: LateState,
    pub decided_by: Option<String>,
    pub decided_at: Option<Time>,
    pub created_at: Time,
}

/// Everything that one attempt has to show for itself (`GET …/{id}/proof`).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProofRecord {
    pub session: Session,
    pub provider: Option<String>,
    /// What the attempt reported, if it did.
    pub result: Option<Reported>,
    pub artifacts: Vec<Artifact>,
    pub reviews: Vec<Review>,
    /// The last lines that its harness wrote.
    pub log_tail: Vec<String>,
}

/// A result or a failure as it was reported.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Reported {
    /// `done` or `failed`.
    pub status: Status,
    pub text: String,
    /// Of the text, in UTF-8; the event of the report holds the same.
    pub sha256: String,
    /// It came after the claim was lost.
    pub late: bool,
    pub created_at: Time,
}

/// One attempt of one agent on a task, or one wake-up by a message.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    pub id: ClaimToken,
    pub agent: AgentName,
    pub task_id: Option<TaskId>,
    pub attempt: Option<i64>,
    /// `live` or how it ended.
    pub state: String,
    /// What it was begun for; not known of sessions before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<WakeCause>,
    /// The program that really ran; until the runner has said so, the one that the agent has.
    pub harness: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    pub model: Option<String>,
    pub exit: Option<String>,
    pub summary: Option<String>,
    pub input_tokens: i64,
    /// A part of the input that the provider had read before.
    #[serde(default)]
    pub cached_tokens: i64,
    pub output_tokens: i64,
    pub cost: Micro,
    /// When what it is about came into the queue, or the message was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_at: Option<Time>,
    /// When a model first answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_at: Option<Time>,
    /// When it was claimed.
    pub started_at: Time,
    pub ended_at: Option<Time>,
}

/// `GET …/stats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskStats {
    pub total: i64,
    pub queued: i64,
    pub claimed: i64,
    pub running: i64,
    pub blocked: i64,
    pub done: i64,
    pub failed: i64,
    pub cancelled: i64,
    /// queued + blocked
    pub pending: i64,
    /// done
    pub completed: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LeaseRenewed {
    pub lease_expires_at: Time,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddLog {
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddComment {
    /// An agent's own key speaks as that agent whatever stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    pub message: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddArtifact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyTask {
    pub accepted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    #[serde(default, alias = "comment", skip_serializing_if = "Option::is_none")]
    pub comments: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryTask {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_agent: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelTask {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
