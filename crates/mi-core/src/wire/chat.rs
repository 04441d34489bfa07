//! Groups and conversations: snake_case on the wire; times are milliseconds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::casing::loose_list;
use crate::ids::GroupId;
use crate::tasks::status::words;

words! {
    /// The group of the whole office, or another one.
    GroupKind { Office = "office", Group = "group" }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub kind: GroupKind,
    /// Names of agents, and `owner`.
    pub members: Vec<String>,
    pub created_by: String,
    pub created_at: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateGroup {
    pub name: String,
    /// Who is in it beside you and the owner.
    #[serde(deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<String>>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RenameGroup {
    pub name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddMember {
    pub agent_name: String,
}

/// The answer to a message in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupSent {
    pub message_id: i64,
}

words! {
    ConversationKind { Direct = "direct", Group = "group" }
}

/// Who talks with whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// `ada:owner` for two, the group's id for a group.
    pub id: String,
    pub kind: ConversationKind,
    pub name: String,
    pub members: Vec<String>,
    pub last_message_at: Option<i64>,
}
