//! Messages among the agents of an office and its owner.

use mi_core::ids::OfficeId;
use mi_core::wire::runner::InboxMessage;
use reqwest::Method;
use serde::Serialize;

use crate::call::{Answer, Call, Draft, segment};
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Messages {
    client: Client,
    office: OfficeId,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    to: &'a str,
    content: &'a str,
}

impl Messages {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    /// Speaks as the caller, to an agent or to `owner`.
    pub fn send(&self, to: &str, content: &str) -> Call<Answer> {
        let draft = Draft::write(Method::POST, format!("{}/messages/send", path_of(self.office)));
        Call::whole(&self.client, draft.json(&Outgoing { to, content }))
    }

    /// What an agent and somebody else wrote to each other.
    pub fn between(&self, agent: &str, peer: &str, limit: Option<i64>) -> Call<(Vec<InboxMessage>, u64)> {
        let path = format!("{}/xmtp/messages/{}/{}", path_of(self.office), segment(agent), segment(peer));
        Call::list(&self.client, Draft::read(path).query("limit", limit))
    }
}
