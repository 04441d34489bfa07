//! Keys of one's own, colleagues of an office, and how a terminal gets a key.

use mi_core::identity::Role;
use mi_core::ids::OfficeId;
use mi_core::wire::identity::{AddMember, ApiKey, CreateKey, OfficeMember, SetRole};
use mi_core::wire::login::{BeginLogin, LoginAnswer, LoginBegun, LoginLink, PollLogin};
use reqwest::Method;

use crate::Paging;
use crate::call::{Call, Draft, segment};
use crate::offices::path_of;
use crate::transport::Client;

const KEYS: &str = "/api/v1/keys";

/// The caller's own keys.
#[derive(Debug, Clone)]
pub struct Keys {
    client: Client,
}

impl Keys {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    /// The newest first.
    pub fn list(&self, paging: Paging) -> Call<(Vec<ApiKey>, u64)> {
        let draft = Draft::read(KEYS.to_owned());
        Call::list(&self.client, draft.query("limit", paging.limit).query("offset", paging.offset))
    }

    /// The answer holds the key, and no other one does.
    pub fn create(&self, wish: &CreateKey) -> Call<ApiKey> {
        Call::json(&self.client, Draft::write(Method::POST, KEYS.to_owned()).json(wish))
    }

    pub fn revoke(&self, id: &str) -> Call<ApiKey> {
        Call::json(&self.client, Draft::write(Method::DELETE, format!("{KEYS}/{}", segment(id))))
    }
}

/// The people of an office.
#[derive(Debug, Clone)]
pub struct Members {
    client: Client,
    office: OfficeId,
}

impl Members {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn all(&self) -> String {
        format!("{}/members", path_of(self.office))
    }

    fn one(&self, user: &str) -> String {
        format!("{}/{}", self.all(), segment(user))
    }

    pub fn list(&self, paging: Paging) -> Call<(Vec<OfficeMember>, u64)> {
        let draft = Draft::read(self.all());
        Call::list(&self.client, draft.query("limit", paging.limit).query("offset", paging.offset))
    }

    /// Somebody who is known on the server already, by name or id.
    pub fn add(&self, wish: &AddMember) -> Call<OfficeMember> {
        Call::json(&self.client, Draft::write(Method::POST, self.all()).json(wish))
    }

    pub fn set_role(&self, user: &str, role: Role) -> Call<OfficeMember> {
        Call::json(&self.client, Draft::write(Method::PATCH, self.one(user)).json(&SetRole { role }))
    }

    pub fn remove(&self, user: &str) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::DELETE, self.one(user)))
    }
}

/// A terminal's way to a key.
#[derive(Debug, Clone)]
pub struct Login {
    client: Client,
}

impl Login {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    pub fn begin(&self, wish: &BeginLogin) -> Call<LoginBegun> {
        Call::json(&self.client, Draft::write(Method::POST, "/auth/device".to_owned()).json(wish))
    }

    /// Whether somebody has said yes; the key comes once.
    pub fn poll(&self, wish: &PollLogin) -> Call<LoginAnswer> {
        Call::json(&self.client, Draft::write(Method::POST, "/auth/device/token".to_owned()).json(wish))
    }

    /// A link that signs a browser in, once.
    pub fn link(&self) -> Call<LoginLink> {
        Call::json(&self.client, Draft::write(Method::POST, "/auth/link".to_owned()))
    }
}
