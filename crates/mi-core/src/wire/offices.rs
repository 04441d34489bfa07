//! Offices: snake_case on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::credits::Micro;
use crate::identity::Role;
use crate::ids::{AgentName, OfficeId, UserId};
use crate::limits;
use crate::tasks::status::{Kind, words};
use crate::time::Time;

words! {
    /// Whether an office works.
    OfficeStatus { Provisioning = "provisioning", Active = "active", Suspended = "suspended" }
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Office {
    pub id: OfficeId,
    pub name: String,
    pub owner_id: UserId,
    pub status: OfficeStatus,
    pub created_at: Time,
    pub settings: Settings,
    /// What the caller is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateOffice {
    pub name: String,
}

/// `GET …/status`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OfficeOverview {
    /// `ready`, `provisioning`, `degraded` or `suspended`.
    pub phase: String,
    pub message: String,
    /// Agents by phase.
    pub agents: BTreeMap<String, i64>,
    /// Tasks by status.
    pub tasks: BTreeMap<String, i64>,
    pub credits: Micro,
}

/// What an office may set; unknown keys are kept as they came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    pub allow_agent_hiring: bool,
    pub max_agents: i64,
    pub hire_limit: HireLimit,
    pub idle_timeout_seconds: i64,
    pub task_max_attempts: i64,
    pub lease_seconds: i64,
    pub require_verification: Vec<String>,
    /// Agents that are asked to judge done work that needs a judgement; `*` stands for any that had no hand in it.
    pub reviewers: Vec<String>,
    /// `personal`, `team` or `public`.
    pub office_type: String,
    /// `open`: whoever has a code comes in; `approve`: agents apply, and the owner decides.
    pub join_policy: JoinPolicy,
    pub allow_v1_signatures: bool,
    /// Where pods and checks may go; by default nowhere.
    #[schema(value_type = Vec<EgressEntry>)]
    pub egress: Vec<serde_json::Value>,
    pub timezone: String,
    /// Models that answer where the one asked for can't, each as `provider/model`, of providers of the same wire.
    pub fallback_models: Vec<String>,
    /// How many wake-ups among agents may follow one another without an operator's act in between.
    pub wake_chain_max: i64,
    /// Whether a session's prompts, replies and tool calls are kept in its transcript.
    pub keep_transcripts: bool,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

// Describes the API; `mi_core::egress` reads what came.
/// A host that pods and checks may reach.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EgressEntry {
    /// `example.com`, `example.com:8443`, `*.example.com`, `*`. Without a port: 80 and 443.
    Text(String),
    Place {
        host: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        ports: Option<Vec<u16>>,
        /// Without them: all.
        #[serde(skip_serializing_if = "Option::is_none")]
        methods: Option<Vec<String>>,
    },
}

words! {
    /// What a code is worth to an agent from elsewhere.
    JoinPolicy { Open = "open", Approve = "approve" }
}

/// How many agents may be hired in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, expecting = "an object with count and windowSeconds")]
pub struct HireLimit {
    pub count: i64,
    pub window_seconds: i64,
}

impl Default for HireLimit {
    fn default() -> Self {
        Self { count: limits::HIRE_LIMIT_COUNT_DEFAULT, window_seconds: limits::HIRE_LIMIT_WINDOW_SECONDS_DEFAULT }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_agent_hiring: true,
            max_agents: limits::AGENTS_PER_OFFICE_MAX,
            hire_limit: HireLimit::default(),
            idle_timeout_seconds: limits::IDLE_TIMEOUT_SECONDS_DEFAULT,
            task_max_attempts: limits::TASK_ATTEMPTS_MAX_DEFAULT,
            lease_seconds: limits::LEASE_SECONDS_DEFAULT,
            require_verification: Vec::new(),
            reviewers: Vec::new(),
            office_type: "personal".to_owned(),
            join_policy: JoinPolicy::Open,
            allow_v1_signatures: true,
            egress: Vec::new(),
            timezone: "UTC".to_owned(),
            fallback_models: Vec::new(),
            wake_chain_max: limits::WAKE_CHAIN_MAX_DEFAULT,
            keep_transcripts: true,
            other: serde_json::Map::new(),
        }
    }
}

impl Settings {
    /// The first value that no office can work with, as a sentence.
    pub fn fault(&self) -> Option<&'static str> {
        const LEASE_SECONDS: std::ops::RangeInclusive<i64> = 5..=3_600;
        const YEAR: std::ops::RangeInclusive<i64> = 1..=365 * 24 * 3_600;
        const CHAIN: std::ops::RangeInclusive<i64> = 1..=1_000;
        const ATTEMPTS: std::ops::RangeInclusive<i64> = 1..=20;
        if !LEASE_SECONDS.contains(&self.lease_seconds) {
            return Some("leaseSeconds lies between 5 and 3600");
        }
        if !ATTEMPTS.contains(&self.task_max_attempts) {
            return Some("taskMaxAttempts lies between 1 and 20");
        }
        if self.max_agents < 0 || self.hire_limit.count < 0 || !YEAR.contains(&self.hire_limit.window_seconds) {
            return Some("maxAgents and hireLimit.count are 0 or more, hireLimit.windowSeconds 1 to 31536000, a year");
        }
        if self.reviewers.len() > limits::REVIEWERS_MAX || self.reviewers.iter().any(|name| !is_reviewer(name)) {
            return Some("reviewers are names of agents, at most 50, or \"*\" for any that had no hand in the work");
        }
        if self.require_verification.iter().any(|kind| kind.parse::<Kind>().is_err()) {
            return Some("requireVerification lists kinds of tasks: general, code, research, browser, review");
        }
        if !YEAR.contains(&self.idle_timeout_seconds) {
            return Some("idleTimeoutSeconds lies between 1 and 31536000, a year");
        }
        if self.fallback_models.len() > limits::FALLBACK_MODELS_MAX
            || self.fallback_models.iter().any(|text| !is_model(text))
        {
            return Some("fallbackModels are at most 5 models, each written as provider/model");
        }
        if !CHAIN.contains(&self.wake_chain_max) {
            return Some("wakeChainMax lies between 1 and 1000");
        }
        if !["personal", "team", "public"].contains(&self.office_type.as_str()) {
            return Some("officeType is personal, team or public");
        }
        None
    }
}

fn is_model(text: &str) -> bool {
    let parts = text.split_once('/');
    parts.is_some_and(|(provider, model)| !provider.trim().is_empty() && !model.trim().is_empty())
        && text.len() <= limits::FALLBACK_MODEL_BYTES_MAX
}

fn is_reviewer(name: &str) -> bool {
    name == "*" || name.parse::<AgentName>().is_ok()
}

/// `GET …/credits`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Credits {
    pub office_id: OfficeId,
    pub balance: Micro,
    /// Balance less what is put aside.
    pub available: Micro,
    /// Put aside for model calls under way, and for time of pods that the ledger doesn't say yet.
    #[serde(default)]
    pub held: Micro,
}

/// `GET /api/v1/whoami`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WhoAmI {
    /// `user`, `agent`, `runner` or `session`.
    pub kind: String,
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub office_id: Option<OfficeId>,
    /// What the key that came is called, for `mi keys revoke`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}
