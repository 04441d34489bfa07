//! Identity: what people may do in an office.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person is in an office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Opened the office, and alone invites colleagues, gives roles and deletes it.
    Owner,
    /// May do everything else.
    Operator,
    /// Sees what agents may see, and changes nothing.
    Viewer,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Operator => "operator",
            Role::Viewer => "viewer",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Role::Owner, Role::Operator, Role::Viewer].into_iter().find(|role| role.as_str() == text)
    }
}
