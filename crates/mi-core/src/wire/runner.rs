//! The runner protocol: how the process in a pod takes work and brings back proof.
//!
//! Design §3 has the steps: hello (1), next (2), context and env (3), beat (4),
//! events (5), end (6). Each call may be repeated after a lost reply.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agents::{Agent, CommandLine, HarnessKind};
use super::checks::TaskCheck;
use super::files::DriveFile;
use super::tasks::{Artifact, Comment, Review, Session, Task, TaskLog};
use super::terminals::TerminalOrder;
use crate::ids::{AgentName, ClaimToken, GroupId, OfficeId, TaskId};
use crate::tasks::status::words;
use crate::time::Time;

/// In a pod, beside the socket of the API: the socket of the proxy that leads out.
pub const PROXY_SOCKET_NAME: &str = "out.sock";

/// Step 1: `POST employees/{agent}/runner`, with a ticket (once) as Bearer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunnerHello {
    /// The same id asked twice gets the same answer; another one is the next epoch.
    pub boot_id: String,
    pub version: String,
    #[serde(default)]
    pub harnesses: Vec<HarnessKind>,
    #[serde(default = "one")]
    pub slots: i64,
}

fn one() -> i64 {
    1
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunnerWelcome {
    pub runner: String,
    pub epoch: i64,
    /// `mir_…`, only in the runner's memory.
    pub token: String,
    pub expires_at: Time,
    pub server_time: Time,
    pub beat_s: i64,
    pub poll_s: i64,
}

/// Step 2: `POST employees/{agent}/runner/next`; 204 when there is nothing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextRequest {
    /// Rises by one with each new question; repeating it repeats the answer.
    pub poll: i64,
    /// Seconds to park, at most 60.
    #[serde(default)]
    pub wait: i64,
    #[serde(default = "one")]
    pub free_slots: i64,
    /// Elsewhere: whose models do the work. Those of the machine need no key of the office, and aren't charged to it.
    #[serde(default = "of_the_office")]
    pub models: ModelsOf,
}

words! {
    /// Who brings the models of a session.
    ModelsOf { Office = "office", Machine = "machine" }
}

fn of_the_office() -> ModelsOf {
    ModelsOf::Office
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NextAnswer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionGrant>,
    /// Who waits for a terminal in this pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terminals: Vec<TerminalOrder>,
}

words! {
    Control { Hibernate = "hibernate", Restart = "restart", Drain = "drain", Suspend = "suspend" }
}

words! {
    /// What a session was started for.
    Cause { Task = "task", Message = "message" }
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionGrant {
    pub id: ClaimToken,
    /// The fencing token; the same number as `id`.
    pub token: ClaimToken,
    /// `mis_…`, given to the harness.
    pub credential: String,
    pub cause: Cause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i64>,
    pub harness: HarnessKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelChoice>,
    pub deadline_at: Time,
    pub lease_expires_at: Time,
    pub server_time: Time,
    pub env_rev: i64,
}

/// Which model a session uses and how it is reached through the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelChoice {
    pub provider: String,
    pub model: String,
    pub wire: Wire,
    /// Below `MI_ENDPOINT`, for example `/llm/openai/v1`.
    pub base_path: String,
}

words! {
    /// The protocol that a model endpoint speaks.
    Wire {
        OpenaiChat = "openai-chat", OpenaiResponses = "openai-responses",
        Anthropic = "anthropic", Gemini = "gemini",
    }
}

/// Step 3: `GET sessions/{s}/context`; also what the harness `command` reads on stdin.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionContext {
    pub office: OfficeCard,
    pub agent: Agent,
    pub colleagues: Vec<Colleague>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    pub logs: Vec<TaskLog>,
    pub comments: Vec<Comment>,
    pub subtasks: Vec<Task>,
    pub artifacts: Vec<Artifact>,
    pub sessions: Vec<Session>,
    /// Judgements about earlier attempts, oldest first.
    #[serde(default)]
    pub reviews: Vec<Review>,
    /// From the parent up to the root.
    pub ancestors: Vec<Task>,
    pub siblings: Vec<Task>,
    pub dependencies: Vec<DependencyCard>,
    pub messages: Vec<InboxMessage>,
    /// What the server checks when the task is reported done, with what was found the last time.
    #[serde(default)]
    pub checks: Vec<TaskCheck>,
    pub files: Vec<DriveFile>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OfficeCard {
    pub id: OfficeId,
    pub name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Colleague {
    pub name: AgentName,
    pub role: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DependencyCard {
    pub task: Task,
    pub artifacts: Vec<Artifact>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InboxMessage {
    pub id: i64,
    pub from_agent: String,
    /// `group` where it was written in one.
    pub to_agent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    pub body: String,
    /// Milliseconds.
    pub created_at: i64,
}

/// Step 4: `POST sessions/{s}/beat`, parked for `wait` seconds unless there are orders.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BeatRequest {
    /// The number of the last order seen.
    #[serde(default)]
    pub seen: i64,
    #[serde(default)]
    pub wait: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BeatAnswer {
    pub lease_expires_at: Time,
    pub server_time: Time,
    pub orders: Vec<Order>,
    /// Who waits for a terminal in this pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terminals: Vec<TerminalOrder>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    pub n: i64,
    #[serde(rename = "do")]
    pub act: OrderAct,
    pub reason: String,
    pub grace_s: i64,
}

words! {
    OrderAct { Cancel = "cancel", Stop = "stop", Message = "message" }
}

/// Step 5: `POST sessions/{s}/events`; items are numbered from `from`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionEvents {
    pub from: i64,
    pub items: Vec<SessionItem>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionItem {
    pub at: Time,
    pub kind: ItemKind,
    pub text: String,
    /// Of kind `tool`: which one, and how it went. Without it the tool's name is the first word of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolCalled>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolCalled {
    pub name: String,
    #[serde(default)]
    pub failed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<i64>,
}

words! {
    /// `prompt` is what a model was told first, `transcript` what it said.
    ItemKind { Log = "log", Tool = "tool", Usage = "usage", Transcript = "transcript", Prompt = "prompt" }
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventsAnswer {
    /// The number the next item will have.
    pub next: i64,
}

/// Step 6: `POST sessions/{s}/end`. Idempotent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndSession {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    pub cause: EndCause,
    #[serde(default)]
    pub summary: String,
    /// The program that really ran, where the runner chose another one than it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harness: Option<HarnessKind>,
    /// The number after the last item sent in step 5.
    #[serde(default)]
    pub last: i64,
}

words! {
    /// Why the runner ended a session. Only the task's own status decides what becomes of the task.
    EndCause {
        Finished = "finished", Failed = "failed", Deadline = "deadline", Killed = "killed",
        HarnessMissing = "harness_missing", Drain = "drain", Stopped = "stopped", Stale = "stale",
        HarnessTooOld = "harness_too_old", HarnessHung = "harness_hung", DidNothing = "did_nothing", Loop = "loop",
        Unauthorized = "unauthorized", NoModelKey = "no_model_key", OutOfCredits = "out_of_credits",
        RateLimited = "rate_limited", ProviderFailed = "provider_failed", StreamCut = "stream_cut",
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Ended {
    pub ok: bool,
    /// What the task was found to be, or became.
    pub task_status: Option<crate::tasks::status::Status>,
}
