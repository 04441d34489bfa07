//! Environment variables of an office and of its agents.

use std::collections::BTreeMap;

use mi_core::ids::{AgentName, OfficeId};
use mi_core::wire::env::EnvVar;
use reqwest::Method;

use crate::call::{Call, Draft, segment};
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Env {
    client: Client,
    office: OfficeId,
}

impl Env {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    /// Keys only.
    pub fn list(&self) -> Call<(Vec<EnvVar>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/env", path_of(self.office))))
    }

    pub fn values(&self) -> Call<(Vec<EnvVar>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/env/values", path_of(self.office))))
    }

    pub fn of_agent(&self, name: &AgentName) -> Call<(Vec<EnvVar>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/employees/{name}/env", path_of(self.office))))
    }

    /// Sets variables of the office.
    pub fn set(&self, variables: &BTreeMap<String, String>) -> Call<()> {
        let draft = Draft::write(Method::PUT, format!("{}/env", path_of(self.office)));
        Call::done(&self.client, draft.json(variables))
    }

    /// Sets a variable of one agent.
    pub fn set_for_agent(&self, name: &AgentName, key: &str, value: &str) -> Call<()> {
        let path = format!("{}/employees/{name}/env/{}", path_of(self.office), segment(key));
        let body = BTreeMap::from([("value", value)]);
        Call::done(&self.client, Draft::write(Method::PUT, path).json(&body))
    }

    /// Removes a variable of one agent.
    pub fn delete_for_agent(&self, name: &AgentName, key: &str) -> Call<()> {
        let path = format!("{}/env/{}", path_of(self.office), segment(key));
        let draft = Draft::write(Method::DELETE, path).query("scope", Some("agent")).query("agentName", Some(name));
        Call::done(&self.client, draft)
    }

    pub fn delete(&self, key: &str) -> Call<()> {
        let path = format!("{}/env/{}", path_of(self.office), segment(key));
        Call::done(&self.client, Draft::write(Method::DELETE, path))
    }
}
