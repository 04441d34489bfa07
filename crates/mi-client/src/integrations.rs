//! Integrations of an office: the catalogue, its secrets, who may use what.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::wire::integrations::{
    AgentCredentials, AgentIntegrations, AskIntegration, Integration, IntegrationCredentials, IntegrationRequest,
    IntegrationToggled, ModelPing, PingModel, ProviderModel, SetSecret, ToggleIntegration, UpdateIntegration,
};
use reqwest::Method;

use crate::call::{Call, Draft, segment};
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Integrations {
    client: Client,
    office: OfficeId,
}

impl Integrations {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn all(&self) -> String {
        format!("{}/integrations", path_of(self.office))
    }

    /// By id or alias.
    fn one(&self, id: &str) -> String {
        format!("{}/{}", self.all(), segment(id))
    }

    fn requests_path(&self) -> String {
        format!("{}/integration-requests", path_of(self.office))
    }

    /// The whole catalogue, each with its status in the office.
    pub fn list(&self) -> Call<(Vec<Integration>, u64)> {
        Call::list(&self.client, Draft::read(self.all()))
    }

    pub fn get(&self, id: &str) -> Call<Integration> {
        Call::json(&self.client, Draft::read(self.one(id)))
    }

    /// For operators.
    pub fn set_secret(&self, id: &str, secret: &SetSecret) -> Call<Integration> {
        let draft = Draft::write(Method::POST, format!("{}/secret", self.one(id)));
        Call::json(&self.client, draft.json(secret))
    }

    pub fn delete_secret(&self, id: &str) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::DELETE, format!("{}/secret", self.one(id))))
    }

    /// Whether hosted agents get the real values.
    pub fn set_raw_keys(&self, id: &str, raw_keys: bool) -> Call<Integration> {
        let change = UpdateIntegration { raw_keys: Some(raw_keys) };
        Call::json(&self.client, Draft::write(Method::PATCH, self.one(id)).json(&change))
    }

    pub fn toggle_agent(&self, id: &str, agent: &AgentName, enabled: bool) -> Call<IntegrationToggled> {
        let draft = Draft::write(Method::POST, format!("{}/agents/{agent}", self.one(id)));
        Call::json(&self.client, draft.json(&ToggleIntegration { enabled }))
    }

    /// What is enabled for an agent.
    pub fn of_agent(&self, name: &AgentName) -> Call<AgentIntegrations> {
        let path = format!("{}/employees/{name}/integrations", path_of(self.office));
        Call::json(&self.client, Draft::read(path))
    }

    /// For that agent alone.
    pub fn credentials_of_agent(&self, name: &AgentName) -> Call<AgentCredentials> {
        let path = format!("{}/employees/{name}/integration-credentials", path_of(self.office));
        Call::json(&self.client, Draft::read(path))
    }

    /// For that agent alone.
    pub fn credentials(&self, id: &str, name: &AgentName) -> Call<IntegrationCredentials> {
        Call::json(&self.client, Draft::read(format!("{}/agents/{name}/credentials", self.one(id))))
    }

    /// An agent for itself, an operator for any agent.
    pub fn request(&self, ask: &AskIntegration) -> Call<IntegrationRequest> {
        Call::json(&self.client, Draft::write(Method::POST, self.requests_path()).json(ask))
    }

    /// All of them, or those that are `pending` or `granted`.
    pub fn requests(&self, status: Option<&str>) -> Call<(Vec<IntegrationRequest>, u64)> {
        Call::list(&self.client, Draft::read(self.requests_path()).query("status", status))
    }

    /// One tiny call of a model. For operators.
    pub fn ping_model(&self, wish: &PingModel) -> Call<ModelPing> {
        let path = format!("{}/llm/ping", path_of(self.office));
        Call::json(&self.client, Draft::write(Method::POST, path).json(wish))
    }

    /// The models that tiers stand for, of all providers; or of one, with what it lists itself.
    pub fn models(&self, provider: Option<&str>) -> Call<(Vec<ProviderModel>, u64)> {
        let path = format!("{}/provider-models", path_of(self.office));
        Call::list(&self.client, Draft::read(path).query("provider", provider))
    }
}
