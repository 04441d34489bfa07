//! Identity: what people are called, and what they may do in an office.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{AgentName, BadId};

/// Names under which events and conversations show somebody else.
const RESERVED_NAMES: [&str; 8] = ["owner", "system", "office", "group", "all", "checks", "everybody", "nobody"];

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

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a person is called, by the rule of agents' names; unique on a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(AgentName);

impl UserName {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn is_reserved(&self) -> bool {
        RESERVED_NAMES.contains(&self.as_str())
    }
}

impl FromStr for UserName {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        text.parse().map(Self).map_err(|bad: BadId| BadId { what: "user name", ..bad })
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_named_like_agents_and_never_like_the_house() {
        for good in ["vera", "v2", "a-b", &"x".repeat(63)] {
            assert!(!good.parse::<UserName>().unwrap().is_reserved(), "{good}");
        }
        for bad in ["", "-a", "Vera", "a b", "user:vera", "ä", &"x".repeat(64)] {
            assert!(bad.parse::<UserName>().is_err(), "{bad}");
        }
        for taken in RESERVED_NAMES {
            assert!(taken.parse::<UserName>().unwrap().is_reserved(), "{taken}");
        }
    }
}
