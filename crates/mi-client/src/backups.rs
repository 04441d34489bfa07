//! Backups of workspaces.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::wire::backups::{Backup, RestoreBackup};
use reqwest::Method;

use crate::Paging;
use crate::call::{Call, Draft};
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Backups {
    client: Client,
    office: OfficeId,
}

impl Backups {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn all(&self) -> String {
        format!("{}/backups", path_of(self.office))
    }

    /// The newest first; of everybody who had that name, if one is named.
    pub fn list(&self, agent: Option<&AgentName>, paging: Paging) -> Call<(Vec<Backup>, u64)> {
        let draft = Draft::read(self.all()).query("agent", agent.map(AgentName::as_str));
        Call::list(&self.client, draft.query("limit", paging.limit).query("offset", paging.offset))
    }

    /// Of a workspace as it is now, which may take a while.
    pub fn create(&self, agent: &AgentName) -> Call<Backup> {
        let draft = Draft::write(Method::POST, format!("{}/employees/{agent}/backups", path_of(self.office)));
        Call::json(&self.client, Draft { answer_within: None, ..draft })
    }

    /// Into the workspace of a stopped agent.
    pub fn restore(&self, id: &str, wish: &RestoreBackup) -> Call<Backup> {
        let draft = Draft::write(Method::POST, format!("{}/{id}/restore", self.all()));
        Call::json(&self.client, Draft { answer_within: None, ..draft }.json(wish))
    }

    pub fn delete(&self, id: &str) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::DELETE, format!("{}/{id}", self.all())))
    }
}
