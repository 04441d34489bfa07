//! What is told of one thing.

use serde::Serialize;

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// It works with less, or it is something that not everybody needs.
    Less,
    /// Needed, and missing or broken.
    Wrong,
}

/// Under which head a thing is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    Configuration,
    Data,
    Server,
    Walls,
    Limits,
    Machine,
    Programs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub section: Section,
    pub name: String,
    pub state: State,
    pub detail: String,
    /// One line; `None` where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub fn ok(section: Section, name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { section, name: name.into(), state: State::Ok, detail: detail.into(), fix: None }
    }

    pub fn less(section: Section, name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Less, fix: Some(fix.into()), ..Self::ok(section, name, detail) }
    }

    pub fn wrong(section: Section, name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Wrong, ..Self::less(section, name, detail, fix) }
    }
}
