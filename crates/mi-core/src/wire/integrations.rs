//! Integrations: camelCase on the wire. Secrets go in and never come out again.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{AgentName, TaskId};
use crate::tasks::status::words;
use crate::time::Time;

words! {
    /// What an integration is for.
    IntegrationCategory { Llm = "llm", Communication = "communication", Services = "services" }
}

words! {
    /// How it is set up: with a secret, without one, or by a consent in the browser.
    IntegrationType { Secret = "secret", Service = "service", Oauth = "oauth" }
}

words! {
    /// Pending: something is missing. Configured: it could be used. Active: an agent may use it.
    IntegrationStatus { Pending = "pending", Configured = "configured", Active = "active" }
}

/// One service of the catalogue, as it stands in an office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Integration {
    pub id: String,
    pub name: String,
    pub description: String,
    pub category: IntegrationCategory,
    #[serde(rename = "type")]
    pub kind: IntegrationType,
    /// Other words for it; they work wherever the id does.
    pub aliases: Vec<String>,
    pub capabilities: Vec<String>,
    /// Variables that its agents find in their environment.
    pub agent_env_vars: Vec<String>,
    /// Ways of talking that it brings.
    pub channels: Vec<String>,
    pub required_secrets: Vec<RequiredSecret>,
    /// Its manifest comes with the server.
    pub verified: bool,
    pub status: IntegrationStatus,
    pub metadata: IntegrationMetadata,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequiredSecret {
    pub key: String,
    pub label: String,
    /// `secret`, `text` or `json`.
    #[serde(rename = "type")]
    pub kind: String,
    pub required: bool,
    pub hint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationMetadata {
    /// Where the service explains its keys.
    pub docs: String,
    /// The hosts that belong to it.
    pub hosts: Vec<String>,
    /// The owner lets hosted agents have the real values.
    pub raw_keys: bool,
    /// The agents for which it is enabled.
    pub agents: Vec<AgentName>,
    /// Required secrets that are not set yet.
    pub missing: Vec<String>,
    /// What else its status needs to be understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `POST …/integrations/{id}/secret`. Besides `key` and `data`, each secret may stand at the top under its own name.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetSecret {
    /// The value, where the integration needs only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Values by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<BTreeMap<String, String>>,
    /// Hosted agents get the real values instead of placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_keys: Option<bool>,
    /// Of a provider of models: false leaves out the call that finds out whether it takes the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<bool>,
}

/// Values stay out of logs.
impl fmt::Debug for SetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.data.iter().flat_map(BTreeMap::keys).collect();
        let key = self.key.as_ref().map(|_| "***");
        f.debug_struct("SetSecret").field("key", &key).field("data", &names).field("raw_keys", &self.raw_keys).finish()
    }
}

/// `PATCH …/integrations/{id}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateIntegration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_keys: Option<bool>,
}

/// `POST …/integrations/{id}/agents/{agent}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ToggleIntegration {
    pub enabled: bool,
}

/// What came of a toggle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationToggled {
    pub integration_id: String,
    pub agent_name: AgentName,
    pub enabled: bool,
    pub status: IntegrationStatus,
    /// Blocked tasks that went back to the queue with it.
    pub unblocked: Vec<TaskId>,
}

/// `GET …/employees/{name}/integrations`: what is enabled for an agent. `rev` changes whenever the list does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentIntegrations {
    pub integrations: Vec<Integration>,
    pub rev: String,
}

/// `GET …/employees/{name}/integration-credentials`, by id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentCredentials {
    pub integrations: BTreeMap<String, EnabledIntegration>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnabledIntegration {
    pub enabled: bool,
    pub env: BTreeMap<String, String>,
}

/// `GET …/integrations/{id}/agents/{name}/credentials`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationCredentials {
    pub env_vars: BTreeMap<String, String>,
}

/// `POST …/integration-requests`. An agent asks for itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AskIntegration {
    #[serde(alias = "integration")]
    pub integration_id: String,
    #[serde(default, alias = "agent", skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

words! {
    /// Whether a request was answered yet.
    IntegrationRequestStatus { Pending = "pending", Granted = "granted" }
}

/// What an agent asked for. There is one for each agent and integration; asking again renews it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationRequest {
    pub id: i64,
    pub integration_id: String,
    pub agent_name: AgentName,
    pub reason: String,
    pub status: IntegrationRequestStatus,
    /// The task that was blocked for it.
    pub task_id: Option<TaskId>,
    pub created_at: Time,
    pub resolved_at: Option<Time>,
}

/// `GET …/provider-models`: snake_case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderModel {
    /// The same as `model_id`.
    pub id: String,
    pub provider: String,
    pub model_id: String,
    pub name: String,
    /// The office or the server has a key for its provider.
    pub available: bool,
    /// Why the provider's own list is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `POST …/llm/ping`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PingModel {
    /// Without one, the provider that an agent gets that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// A model's own name or a tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What came of a ping: snake_case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelPing {
    pub ok: bool,
    pub provider: String,
    pub model: String,
    /// Whose key was used: `office` or `server`.
    pub key_of: String,
    /// What the provider answered with.
    pub status: i64,
    pub latency_ms: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// What such a call costs an agent; a ping itself costs the office nothing.
    pub credits: crate::credits::Micro,
    /// What is wrong, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}
