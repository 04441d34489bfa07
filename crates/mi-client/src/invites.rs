//! Invites of an office, and who asks to be let in.

use mi_core::ids::OfficeId;
use mi_core::wire::invites::{Application, CreateInvite, Decision, Invite, NewInvite};
use reqwest::Method;

use crate::Paging;
use crate::call::{Call, Draft, segment};
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Invites {
    client: Client,
    office: OfficeId,
}

impl Invites {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn all(&self) -> String {
        format!("{}/invites", path_of(self.office))
    }

    /// The answer holds the code, and no other one does.
    pub fn create(&self, wish: &CreateInvite) -> Call<NewInvite> {
        Call::json(&self.client, Draft::write(Method::POST, self.all()).json(wish))
    }

    /// The newest first.
    pub fn list(&self, paging: Paging) -> Call<(Vec<Invite>, u64)> {
        let draft = Draft::read(self.all()).query("limit", paging.limit).query("offset", paging.offset);
        Call::list(&self.client, draft)
    }

    /// By number or by code.
    pub fn revoke(&self, named: &str) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::DELETE, format!("{}/{}", self.all(), segment(named))))
    }

    fn applications_path(&self) -> String {
        format!("{}/applications", path_of(self.office))
    }

    /// The newest first.
    pub fn applications(&self, paging: Paging) -> Call<(Vec<Application>, u64)> {
        let draft = Draft::read(self.applications_path()).query("limit", paging.limit).query("offset", paging.offset);
        Call::list(&self.client, draft)
    }

    pub fn approve(&self, id: i64) -> Call<Application> {
        Call::json(&self.client, Draft::write(Method::POST, format!("{}/{id}/approve", self.applications_path())))
    }

    pub fn refuse(&self, id: i64, decision: &Decision) -> Call<Application> {
        let draft = Draft::write(Method::POST, format!("{}/{id}/refuse", self.applications_path()));
        Call::json(&self.client, draft.json(decision))
    }
}
