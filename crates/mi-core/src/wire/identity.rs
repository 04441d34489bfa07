//! Keys and people: camelCase on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::casing::{loose_list, loose_number};
use crate::identity::Role;
use crate::ids::{OfficeId, UserId};
use crate::time::Time;

/// `POST /api/v1/keys`
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateKey {
    /// What it is for.
    pub name: String,
    /// When it ends; never unless told, or with the key that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The same in days from now.
    #[serde(default, deserialize_with = "loose_number", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub expires_in_days: Option<i64>,
    /// The offices that it opens, by id or name; all of the user's unless told.
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub offices: Option<Vec<String>>,
}

/// A key of a person's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    pub created_at: Time,
    /// To the minute.
    pub last_used_at: Option<Time>,
    pub expires_at: Option<Time>,
    pub revoked_at: Option<Time>,
    /// The offices that it opens; null where it opens all of its user's.
    pub offices: Option<Vec<OfficeId>>,
    /// Shown once, where it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A person with a role in an office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfficeMember {
    pub user_id: UserId,
    pub name: String,
    pub role: Role,
    /// Since when.
    pub created_at: Time,
    /// Who brought them in; the owner came first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_by: Option<String>,
}

/// `POST …/members`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddMember {
    /// A person of this server, by name or id.
    pub user: String,
    /// `operator` or `viewer`.
    pub role: Role,
}

/// `PATCH …/members/{user}`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetRole {
    /// `operator` or `viewer`.
    pub role: Role,
}
