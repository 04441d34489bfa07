//! Messages among the agents of an office and its owner.

use mi_core::ids::OfficeId;
use mi_core::wire::chat::{Conversation, Group, GroupSent};
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

#[derive(Serialize)]
struct GroupOutgoing<'a> {
    body: &'a str,
}

/// Names the group of everybody where a group's id is asked for.
pub const OFFICE_GROUP: &str = "office";

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

    /// What the caller has not read yet, in the caller's groups too; it is read then.
    pub fn inbox(&self) -> Call<(Vec<InboxMessage>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/inbox", path_of(self.office))))
    }

    /// Those in which the caller has a part.
    pub fn conversations(&self) -> Call<(Vec<Conversation>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/xmtp/conversations", path_of(self.office))))
    }

    fn groups_path(&self) -> String {
        format!("{}/xmtp/groups", path_of(self.office))
    }

    pub fn groups(&self) -> Call<(Vec<Group>, u64)> {
        Call::list(&self.client, Draft::read(self.groups_path()))
    }

    /// To a group by its id, or to `OFFICE_GROUP`.
    pub fn send_group(&self, group: &str, body: &str) -> Call<GroupSent> {
        let draft = Draft::write(Method::POST, format!("{}/{}/send", self.groups_path(), segment(group)));
        Call::json(&self.client, draft.json(&GroupOutgoing { body }))
    }

    pub fn group_messages(&self, group: &str, limit: Option<i64>) -> Call<(Vec<InboxMessage>, u64)> {
        let draft = Draft::read(format!("{}/{}/messages", self.groups_path(), segment(group)));
        Call::list(&self.client, draft.query("limit", limit))
    }
}
