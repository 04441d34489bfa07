//! Agents (= employees): camelCase on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sessions::Used;
use crate::casing::loose_list;
use crate::credits::{Ceiling, Micro, optional_ceiling};
use crate::ids::{AgentId, AgentName, TaskId};
use crate::tasks::status::words;
use crate::time::Time;
use crate::wire::usage::BudgetCard;

words! {
    /// What an agent is doing, seen from outside.
    AgentPhase {
        Pending = "Pending", Running = "Running", Idle = "Idle", Hibernated = "Hibernated", Stopped = "Stopped",
        Suspended = "Suspended", Offline = "Offline", Failed = "Failed", Archived = "Archived",
    }
}

words! {
    /// Where an agent lives: in a pod of ours, or elsewhere.
    AgentKind { Hosted = "hosted", External = "external" }
}

words! {
    /// The program that does the work of a session.
    HarnessKind {
        Native = "native", Command = "command", ClaudeCode = "claude-code",
        OpenaiCodex = "openai-codex", GeminiCli = "gemini-cli",
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    pub id: AgentId,
    pub name: AgentName,
    pub role: Option<String>,
    pub model_tier: Option<String>,
    pub model_provider: Option<String>,
    pub harness: HarnessKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandLine>,
    pub skills: Vec<String>,
    pub system_prompt: Option<String>,
    pub kind: AgentKind,
    pub spawned_by: Option<AgentName>,
    pub public_key: Option<String>,
    pub xmtp_address: Option<String>,
    pub created_at: Time,
    /// What it may spend, if somebody set a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetCard>,
    pub status: AgentStatus,
    /// What all its sessions used so far.
    #[serde(default)]
    pub used: AgentUsed,
}

/// What model calls used. `cachedTokens` are a part of `inputTokens`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentUsed {
    pub input_tokens: i64,
    pub cached_tokens: i64,
    pub output_tokens: i64,
    /// In credits.
    pub cost: Micro,
}

impl From<Used> for AgentUsed {
    fn from(Used { input_tokens, cached_tokens, output_tokens, cost }: Used) -> Self {
        Self { input_tokens, cached_tokens, output_tokens, cost }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    pub phase: AgentPhase,
    pub ready: bool,
    pub message: String,
    pub last_seen: Option<Time>,
    pub current_task: Option<TaskId>,
}

/// A shell line (run by `sh -c`) or an argument vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum CommandLine {
    Shell(String),
    Argv(Vec<String>),
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HireAgent {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, alias = "model", skip_serializing_if = "Option::is_none")]
    pub model_tier: Option<String>,
    #[serde(default, alias = "modelProvider", skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandLine>,
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub integrations: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Credits that it may spend on models; null takes the limit away.
    #[serde(default, deserialize_with = "optional_ceiling", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub budget: Option<Ceiling>,
    /// The same for each day, in UTC.
    #[serde(default, deserialize_with = "optional_ceiling", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub budget_per_day: Option<Ceiling>,
}

/// The share of the machine that a pod may take; what is not set has its default. A word that isn't here is refused: a limit
/// that somebody thinks they set must not be none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    #[serde(default, alias = "memory_mib", skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    /// Processes and threads together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u64>,
    /// Thousandths of one processor.
    #[serde(default, alias = "cpu_millis", skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u64>,
    /// What the workspace may hold.
    #[serde(default, alias = "disk_mib", skip_serializing_if = "Option::is_none")]
    pub disk_mib: Option<u64>,
    /// How many files and folders the workspace may hold.
    #[serde(default, alias = "disk_files", skip_serializing_if = "Option::is_none")]
    pub disk_files: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateAgent {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, alias = "model", skip_serializing_if = "Option::is_none")]
    pub model_tier: Option<String>,
    #[serde(default, alias = "modelProvider", skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandLine>,
    /// Credits that it may spend on models; null takes the limit away.
    #[serde(default, deserialize_with = "optional_ceiling", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub budget: Option<Ceiling>,
    /// The same for each day, in UTC.
    #[serde(default, deserialize_with = "optional_ceiling", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub budget_per_day: Option<Ceiling>,
}

/// `POST …/credentials/rotate`. An API key is always made anew; a public key only if one is sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotateCredentials {
    /// Of an external agent's new pair, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// What an agent is known by from now on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotatedCredentials {
    pub name: AgentName,
    pub public_key: Option<String>,
    pub xmtp_address: Option<String>,
    /// An external agent's, shown this once.
    pub api_key: Option<String>,
}

/// `GET …/keys`: a key by which an agent is or was known; never the key itself.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentKey {
    pub id: String,
    /// `public` of a pair, or `api`.
    pub kind: String,
    /// The address of a pair, the first characters of an API key.
    pub shown: Option<String>,
    pub created_at: Time,
    /// To the minute; requests by an API key or a signature count, what runners do with their tokens doesn't.
    pub last_used_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

/// `POST …/lifecycle`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    pub action: LifecycleAction,
}

words! {
    LifecycleAction { Stop = "stop", Start = "start", Restart = "restart" }
}

/// `GET …/logs`: the last lines that the agent's pod and sessions wrote.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentLogs {
    pub logs: String,
    pub pod: String,
}

/// `GET …/activity`: one thing that the agent did or met.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    pub id: String,
    pub category: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub summary: String,
    pub timestamp: Time,
    #[schema(value_type = Object)]
    pub metadata: serde_json::Value,
}

/// `POST …/events`: what an agent says of itself, such as a standup.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentReport {
    /// A word: `standup`, or another one.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// `GET …/presence`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Presence {
    pub online: bool,
    pub last_seen: Option<Time>,
}

/// `GET …/last-error`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct LastError {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Time>,
}
