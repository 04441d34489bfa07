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
            Category::Office => "office",
            Category::File => "file",
        }
    }
}

impl NewEvent<'_> {
    /// The keyed tag over the event and its predecessor's tag; fields are length-prefixed.
    pub fn mac(&self, keys: &Keys, office: OfficeId, seq: i64, at: Time, prev: &str) -> String {
        let data = self.data.to_string();
        hex::encode(keys.mac(
            "event",
            &[
                office.0.as_bytes(),
                &seq.to_be_bytes(),
                &at.0.to_be_bytes(),
                self.category.as_str().as_bytes(),
                self.kind.as_bytes(),
                self.actor.as_bytes(),
                self.agent.map_or("", AgentName::as_str).as_bytes(),
                &self.task.map_or(0, |id| id.0).to_be_bytes(),
                self.summary.as_bytes(),
                data.as_bytes(),
                prev.as_bytes(),
            ],
        ))
    }
}
