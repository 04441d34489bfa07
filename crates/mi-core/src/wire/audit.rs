//! The chain of an office's events, looked at from outside: snake_case.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::TaskId;
use crate::time::Time;

/// An event with its links, as it is exported: one line each. Nothing stands in it that its tag doesn't cover.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    pub seq: i64,
    pub created_at: Time,
    pub category: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub actor: String,
    /// Whose activity it is, if an agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
    pub summary: String,
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
    /// The tag of the event before; empty for the first one.
    pub prev: String,
    /// The keyed tag over all of the above.
    pub mac: String,
}

/// A place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainPoint {
    pub seq: i64,
    pub mac: String,
}

/// Up to where older events were pruned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checkpoint {
    /// The last event that was pruned.
    pub seq: i64,
    pub created_at: Time,
}

/// The newest end of the chain that was written outside of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublishedHead {
    pub seq: i64,
    pub published_at: Time,
}

crate::tasks::status::words! {
    BreakKind {
        Missing = "missing",
        Altered = "altered",
        Reordered = "reordered",
        CutOff = "cut_off",
        Forked = "forked",
        Beyond = "beyond",
        ForgedCheckpoint = "forged_checkpoint",
        ForgedHead = "forged_head",
    }
}

/// The first thing that is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Broken {
    /// The first event that is not as it was written.
    pub seq: i64,
    pub kind: BreakKind,
    /// A sentence for a person.
    pub what: String,
}

/// What was found of the chain, or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// Nothing wrong was found in what was looked at.
    pub ok: bool,
    /// How many events were looked at.
    pub events: i64,
    /// The first event that should be there.
    pub first_seq: i64,
    /// The end of the chain, as the office remembers it.
    pub head: ChainPoint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedHead>,
    /// Go on with `after` = this number; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
}

/// A part of an export, to be looked at by the server that wrote it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CheckExport {
    /// Where the part before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ChainPoint>,
    pub events: Vec<AuditEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckReport {
    pub ok: bool,
    pub events: i64,
    /// How many of them the store still holds, and holds alike.
    pub stored: i64,
    /// The first event of this part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seq: Option<i64>,
    /// The end of the chain, as the office remembers it now.
    pub head: ChainPoint,
    /// Where this part ended: `after` of the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<ChainPoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
}
