//! Paths in a bundle: relative, below their folder, and each a different file on every file system.

use std::collections::HashMap;
use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::limits::{STATE_DEPTH_MAX, STATE_PART_BYTES_MAX, STATE_PATH_BYTES_MAX};

/// Where a file of a bundle goes, relative to the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(String);

/// Why a text is no such place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {STATE_PATH_BYTES_MAX} bytes")]
    TooLong,
    #[error("a part of it is longer than {STATE_PART_BYTES_MAX} bytes")]
    PartTooLong,
    #[error("it is more than {STATE_DEPTH_MAX} folders deep")]
    TooDeep,
    #[error("it is absolute")]
    Absolute,
    #[error("a part of it is empty, `.` or `..`")]
    Dots,
    #[error("it holds a control character or a backslash")]
    Unprintable,
}

impl Place {
    pub fn parse(text: &str) -> Result<Self, BadPlace> {
        if text.is_empty() {
            return Err(BadPlace::Empty);
        }
        if text.len() > STATE_PATH_BYTES_MAX {
            return Err(BadPlace::TooLong);
        }
        if text.starts_with('/') {
            return Err(BadPlace::Absolute);
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(BadPlace::Unprintable);
        }
        let mut depth = 0;
        for part in text.split('/') {
            if matches!(part, "" | "." | "..") {
                return Err(BadPlace::Dots);
            }
            if part.len() > STATE_PART_BYTES_MAX {
                return Err(BadPlace::PartTooLong);
            }
            depth += 1;
        }
        if depth > STATE_DEPTH_MAX { Err(BadPlace::TooDeep) } else { Ok(Self(text.to_owned())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders on the way, outermost first: `a`, `a/b` for `a/b/c`.
    fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(end, _)| &self.0[..end])
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Two places that some file system would take for one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it collides with {0}")]
pub struct Clash(pub String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    File,
    Folder,
}

/// All places of a bundle, held apart: not the same, not the same but for case or composition, and none below another
/// file.
#[derive(Debug, Default)]
pub struct Layout {
    taken: HashMap<String, (String, Stand)>,
}

impl Layout {
    /// Takes the place, or names what stands there.
    pub fn take(&mut self, place: &Place) -> Result<(), Clash> {
        for folder in place.folders() {
            match self.taken.get(&folded(folder)) {
                Some((known, Stand::Folder)) if known == folder => {}
                Some((known, Stand::Folder | Stand::File)) => return Err(Clash(known.clone())),
                None => {}
            }
        }
        if let Some((known, _)) = self.taken.get(&folded(place.as_str())) {
            return Err(Clash(known.clone()));
        }
        for folder in place.folders() {
            self.taken.entry(folded(folder)).or_insert_with(|| (folder.to_owned(), Stand::Folder));
        }
        self.taken.insert(folded(place.as_str()), (place.as_str().to_owned(), Stand::File));
        Ok(())
    }
}

/// Equal for names that only differ in case or in how their letters are composed.
fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tricks_are_refused() {
        let (long, deep) = ("a".repeat(STATE_PART_BYTES_MAX + 1), vec!["a"; STATE_DEPTH_MAX + 1].join("/"));
        for bad in
            ["", "/etc/passwd", "..", "a/../b", "../x", "a//b", "a/", "./a", "a\0b", "a\nb", "a\\b", &long, &deep]
        {
            assert!(Place::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a/b.md", "…", ".hidden", "a b", "..a", "a..", "e\u{301}"] {
            assert_eq!(Place::parse(good).map(|place| place.0), Ok(good.to_owned()));
        }
    }

    fn taken(names: &[&str]) -> Result<(), String> {
        let mut layout = Layout::default();
        for name in names {
            layout.take(&Place::parse(name).unwrap()).map_err(|clash| format!("{name}: {clash}"))?;
        }
        Ok(())
    }

    #[test]
    fn places_that_a_file_system_might_confuse_collide() {
        assert_eq!(taken(&["a/x", "a/y", "b/x", "a.x"]), Ok(()));
        for (names, told) in [
            (&["a", "a"][..], "a: it collides with a"),
            (&["readme", "README"], "README: it collides with readme"),
            (&["é", "e\u{301}"], "e\u{301}: it collides with é"),
            (&["a", "a/b"], "a/b: it collides with a"),
            (&["a/b", "a"], "a: it collides with a"),
            (&["A/x", "a/y"], "a/y: it collides with A"),
            (&["ﬁ", "fi"], "fi: it collides with ﬁ"),
        ] {
            assert_eq!(taken(names), Err(told.to_owned()));
        }
    }
}
