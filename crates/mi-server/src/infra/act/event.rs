//! An event: what an act did, chained to the one before.

use mi_core::ids::{AgentName, OfficeId, TaskId};
use mi_core::time::Time;
use serde_json::Value;

use crate::infra::keys::Keys;

/// What is about to be recorded. `kind` is the act's name: `tasks.claim`.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    pub category: Category,
    pub kind: &'static str,
    pub actor: &'a str,
    /// Whose activity this is, if an agent's.
    pub agent: Option<&'a AgentName>,
    pub task: Option<TaskId>,
    pub summary: String,
    pub data: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    Task,
    Message,
    /// What an agent says of itself, in a few words.
    Standup,
    Session,
    Lifecycle,
    Terminal,
    Office,
    File,
}

impl Category {
    pub const fn as_str(self) -> &'static str {
        match self {
            Category::Task => "task",
            Category::Message => "message",
            Category::Standup => "standup",
            Category::Session => "session",
            Category::Lifecycle => "lifecycle",
            Category::Terminal => "terminal",
            Category::Office => "office",
            Category::File => "file",
        }
    }
}

impl NewEvent<'_> {
    pub fn mac(&self, keys: &Keys, office: OfficeId, seq: i64, at: Time, prev: &str) -> String {
        let data = self.data.to_string();
        let tagged = Tagged {
            seq,
            at,
            category: self.category.as_str(),
            kind: self.kind,
            actor: self.actor,
            agent: self.agent.map(AgentName::as_str),
            task: self.task.map(|id| id.0),
            summary: &self.summary,
            data: &data,
            prev,
        };
        tagged.mac(keys, office)
    }
}

/// Every field of an event that its tag covers, whether it is about to be written or was read again.
pub struct Tagged<'a> {
    pub seq: i64,
    pub at: Time,
    pub category: &'a str,
    pub kind: &'a str,
    pub actor: &'a str,
    pub agent: Option<&'a str>,
    pub task: Option<i64>,
    pub summary: &'a str,
    pub data: &'a str,
    pub prev: &'a str,
}

impl Tagged<'_> {
    /// The keyed tag over the event and its predecessor's tag; fields are length-prefixed, and a field that is absent
    /// is another than an empty one.
    pub fn mac(&self, keys: &Keys, office: OfficeId) -> String {
        hex::encode(keys.mac(
            "event",
            &[
                office.0.as_bytes(),
                &self.seq.to_be_bytes(),
                &self.at.0.to_be_bytes(),
                self.category.as_bytes(),
                self.kind.as_bytes(),
                self.actor.as_bytes(),
                &[u8::from(self.agent.is_some())],
                self.agent.unwrap_or_default().as_bytes(),
                &[u8::from(self.task.is_some())],
                &self.task.unwrap_or_default().to_be_bytes(),
                self.summary.as_bytes(),
                self.data.as_bytes(),
                self.prev.as_bytes(),
            ],
        ))
    }
}
