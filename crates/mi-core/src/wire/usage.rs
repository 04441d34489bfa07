//! What there was to spend and what it went for: snake_case on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::credits::Micro;
use crate::ids::OfficeId;
use crate::tasks::status::words;
use crate::time::Time;

words! {
    /// What moved money.
    LedgerKind { Grant = "grant", Added = "added", Model = "model", Pods = "pods" }
}

words! {
    /// What was used: a model through the gateway, a model by somebody's own subscription, a pod's time.
    UsageKind { Model = "model", Subscription = "subscription", Pod = "pod" }
}

words! {
    /// What usage is summed by.
    UsageBy { Agent = "agent", Task = "task", Model = "model", Day = "day" }
}

/// `GET …/credits/history`: one line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    pub id: i64,
    pub office_id: OfficeId,
    pub kind: LedgerKind,
    /// Less than nothing where something was paid.
    pub amount: Micro,
    pub balance_after: Micro,
    pub reason: String,
    pub created_at: Time,
}

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
    /// Of the input, what the provider had in its cache.
    pub cached_tokens: i64,
    pub output_tokens: i64,
    pub credits: Micro,
    /// What is put aside for it while it runs.
    pub held: Micro,
    /// What it cost beyond what was put aside; nobody pays that.
    pub uncollected: Micro,
    /// The provider didn't tell all of what was used.
    pub estimated: bool,
    /// The list of prices doesn't know the model.
    pub default_price: bool,
    pub state: String,
    pub status: i64,
    pub created_at: Time,
}

/// `GET …/usage`: what was used in all by one agent, for one task, of one model, or on one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageRow {
    pub kind: UsageKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The day's beginning, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Time>,
    pub calls: i64,
    pub input_tokens: i64,
    pub cached_tokens: i64,
    pub output_tokens: i64,
    /// For a subscription: what it would have cost, which nobody here pays.
    pub credits: Micro,
    pub pod_minutes: i64,
}

/// `GET …/usage/summary` for always, `GET …/usage/current` for this day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageSummary {
    /// What pods may take of the machine, by the minutes that they were there.
    pub cpu_core_hours: f64,
    pub memory_gib_hours: f64,
    pub total_credits: Micro,
    /// Pods that are up now.
    pub pods: i64,
}

/// What an agent or a task may spend; `null` takes a limit away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BudgetCard {
    pub total: Option<Micro>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Micro>,
    pub spent: Micro,
    pub held: Micro,
}
