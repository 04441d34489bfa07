//! Names of files on the shared drive.
//!
//! A name is relative, `/`-separated, NFC and can't leave the drive: what is
//! wrong is refused at the door, never repaired.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use crate::limits::DRIVE_PATH_BYTES_MAX;

/// Top-level names that the API itself uses below `files/`.
const RESERVED_PREFIXES: [&str; 2] = ["_changes", "_permissions"];

/// A file's name on the drive of an office, for example `reports/2-bugs.md`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
pub struct DrivePath(String);

/// Why a text is no name on the drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    #[error("a file name is empty")]
    Empty,
    #[error("a file name is longer than {DRIVE_PATH_BYTES_MAX} bytes")]
    TooLong,
    #[error("a file name is relative to the drive, so it doesn't start with a slash")]
    Absolute,
    #[error("a part of a file name is empty, `.` or `..`")]
    Dots,
    #[error("a file name holds a control character")]
    Control,
    #[error("a file name holds a backslash")]
    Backslash,
    #[error("names starting with `_changes` or `_permissions` are the API's own")]
    Reserved,
}

impl DrivePath {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Accepts what agents and people type: `/shared/files/x` and `./x` mean `x`.
    pub fn from_typed(text: &str) -> Result<Self, BadPath> {
        let text = text.strip_prefix("/shared/files/").unwrap_or(text);
        text.strip_prefix("./").unwrap_or(text).parse()
    }

    /// The last part: `2-bugs.md`.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl FromStr for DrivePath {
    type Err = BadPath;
    fn from_str(text: &str) -> Result<Self, BadPath> {
        let name: String = text.nfc().collect();
        if name.is_empty() {
            return Err(BadPath::Empty);
        }
        if name.len() > DRIVE_PATH_BYTES_MAX {
            return Err(BadPath::TooLong);
        }
        if name.starts_with('/') {
            return Err(BadPath::Absolute);
        }
        if name.chars().any(char::is_control) {
            return Err(BadPath::Control);
        }
        if name.contains('\\') {
            return Err(BadPath::Backslash);
        }
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(BadPath::Dots);
        }
        if RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(BadPath::Reserved);
        }
        Ok(Self(name))
    }
}

impl<'de> Deserialize<'de> for DrivePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for DrivePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tricks_are_refused() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a\0b",
            "a\nb",
            "_changes",
            "_permissions/x",
            "a\\b",
        ] {
            assert!(bad.parse::<DrivePath>().is_err(), "{bad:?}");
        }
        for good in ["a", "a/b.md", "…", ".hidden", "a b", "..a", "x/_changes"] {
            assert!(good.parse::<DrivePath>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn names_are_composed() {
        assert_eq!("e\u{301}".parse::<DrivePath>().unwrap().as_str(), "é");
        assert_eq!(DrivePath::from_typed("/shared/files/a/b").unwrap().as_str(), "a/b");
    }
}
