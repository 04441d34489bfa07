//! Time zones by their IANA names; their history and rules are compiled in.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::time::Time;

#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    name: String,
    pub(super) rules: TimeZone,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no time zone; they are named like Europe/Berlin, America/New_York or UTC")]
pub struct BadZone {
    given: String,
}

impl Zone {
    /// In either case: `europe/berlin` is `Europe/Berlin`.
    pub fn parse(name: &str) -> Result<Self, BadZone> {
        let bad = || BadZone { given: crate::ids::excerpt(name) };
        let rules = TimeZone::get(name.trim()).map_err(|_| bad())?;
        let name = rules.iana_name().ok_or_else(bad)?.to_owned();
        Ok(Self { name, rules })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What clocks there show: `2026-03-29T03:00:00+02:00`. Empty for times that no calendar holds.
    pub fn local(&self, at: Time) -> String {
        let Ok(at) = Timestamp::from_millisecond(at.0) else { return String::new() };
        at.display_with_offset(self.rules.to_offset(at)).to_string()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
