//! The name of a schedule.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;

use crate::ids::{BadId, excerpt};

const NAME_BYTES_MAX: usize = 63;

/// `[a-z0-9][a-z0-9-]{0,62}` with at least one letter or dash, unique in its office: what is only digits is an id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
pub struct ScheduleName(String);

impl ScheduleName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Who created a task, when a schedule did. No agent can be called so.
    pub fn as_creator(&self) -> String {
        format!("schedule:{}", self.0)
    }
}

impl FromStr for ScheduleName {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let well_formed = bytes.first().is_some_and(|b| legal(*b))
            && bytes.len() <= NAME_BYTES_MAX
            && bytes.iter().all(|b| legal(*b) || *b == b'-')
            && !bytes.iter().all(u8::is_ascii_digit);
        if well_formed {
            return Ok(Self(text.to_owned()));
        }
        Err(BadId {
            what: "schedule name",
            given: excerpt(text),
            rule: "lower-case letters, digits and dashes, 1 to 63 of them, not starting with a dash, not only digits",
        })
    }
}

impl<'de> Deserialize<'de> for ScheduleName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for ScheduleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
