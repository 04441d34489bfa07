//! Names and numbers of things. An id is never a bare integer or string.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::limits::{AGENT_NAME_BYTES_MAX, TASK_NAME_BYTES_MAX};

/// Text that isn't the id it should be. `what` names the kind of id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?} is not valid: {rule}")]
pub struct BadId {
    pub what: &'static str,
    pub given: String,
    pub rule: &'static str,
}

macro_rules! uuid_id {
    ($name:ident, $what:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Uuid::parse_str(text).map(Self).map_err(|_| BadId {
                    what: $what,
                    given: excerpt(text),
                    rule: "it is a UUID",
                })
            }
        }
    };
}

uuid_id!(OfficeId, "office id", "An office (= colony): UUID v4, so that it can't be guessed.");
uuid_id!(AgentId, "agent id", "An agent (= employee = bot): UUID v4.");
uuid_id!(GroupId, "group id", "A group of agents who talk with each other: UUID v4.");
uuid_id!(UserId, "user id", "A person who operates offices: UUID v4.");

macro_rules! number_id {
    ($name:ident, $what:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                match text.trim().parse::<i64>() {
                    Ok(n) if n > 0 => Ok(Self(n)),
                    _ => Err(BadId { what: $what, given: excerpt(text), rule: "it is a whole number from 1" }),
                }
            }
        }

        /// The guide's examples mix numbers and strings, so both are read.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::casing::number_or_text(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

number_id!(TaskId, "task id", "A task: 1, 2, 3… in its office.");
number_id!(
    ClaimToken,
    "claim token",
    "A claim, an attempt and a session are one row; its number, rising in the office, is the fencing token."
);

/// Names that stand for somebody else in conversations.
pub const RESERVED_NAMES: [&str; 6] = ["owner", "system", "office", "group", "all", "checks"];

/// The name of an agent: `[a-z0-9][a-z0-9-]{0,62}`, unique in its office.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
pub struct AgentName(String);

impl AgentName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_reserved(&self) -> bool {
        RESERVED_NAMES.contains(&self.as_str())
    }
}

impl FromStr for AgentName {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let well_formed = bytes.first().is_some_and(|b| legal(*b))
            && bytes.len() <= AGENT_NAME_BYTES_MAX
            && bytes.iter().all(|b| legal(*b) || *b == b'-');
        if well_formed {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId {
            what: "agent name",
            given: excerpt(text),
            rule: "lower-case letters, digits and dashes, 1 to 63 of them, not starting with a dash",
        })
    }
}

impl<'de> Deserialize<'de> for AgentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name that a task may have beside its number: `[A-Za-z0-9][A-Za-z0-9._/-]{0,127}` with a letter in it, unique in its
/// office for ever, so that whoever declares tasks by name finds them again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct TaskName(String);

impl TaskName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TaskName {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bytes = text.as_bytes();
        let well_formed = bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.len() <= TASK_NAME_BYTES_MAX
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"._/-".contains(b))
            // A name of digits alone would be taken for a number.
            && bytes.iter().any(u8::is_ascii_alphabetic);
        if well_formed {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId {
            what: "task name",
            given: excerpt(text),
            rule: "letters, digits, dots, dashes, slashes and underscores, 1 to 128 of them, a letter among them, \
                   starting with a letter or a digit",
        })
    }
}

impl<'de> Deserialize<'de> for TaskName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Enough of a text to recognise it, never more than an error sentence can bear.
pub fn excerpt(text: &str) -> String {
    const EXCERPT_CHARS_MAX: usize = 80;
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_contract() {
        for good in ["a", "analyst", "a-1", "0", &"x".repeat(63)] {
            assert!(good.parse::<AgentName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a b", "ä", "a/b", "..", &"x".repeat(64)] {
            assert!(bad.parse::<AgentName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_tasks_are_never_numbers() {
        for good in ["collect", "a", "wave-1/check_2.v3", "7a", &"x".repeat(128)] {
            assert!(good.parse::<TaskName>().is_ok(), "{good}");
        }
        for bad in ["", "7", "1.2", "-a", "/a", "a b", "ä", "a,b", "a\nb", &"x".repeat(129)] {
            assert!(bad.parse::<TaskName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn task_ids_come_as_numbers_and_as_text() {
        assert_eq!(serde_json::from_str::<TaskId>("7").unwrap(), TaskId(7));
        assert_eq!(serde_json::from_str::<TaskId>("\"7\"").unwrap(), TaskId(7));
        for bad in ["0", "-1", "\"x\"", "1.5", "true", "\"\""] {
            assert!(serde_json::from_str::<TaskId>(bad).is_err(), "{bad}");
        }
    }
}
