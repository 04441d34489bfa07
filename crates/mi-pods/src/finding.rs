//! What was found out about one wall or one limit of this machine, for `/readyz`, `mi doctor` and people.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A word: `seccomp`, `memory`.
    pub name: String,
    pub kind: FindingKind,
    pub state: FindingState,
    /// How it holds, or what is in its way.
    pub why: String,
    /// What to do about it; empty when there is nothing to do.
    pub fix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// No pod starts while one is missing.
    Wall,
    /// One that doesn't hold is said, and keeps a pod from starting only where it was asked for.
    Limit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    Raised,
    /// It holds in part, or others stand in for it.
    Degraded,
    Missing,
}

impl Finding {
    pub(crate) fn wall(name: &str, state: FindingState, why: impl Into<String>) -> Self {
        Self { name: name.into(), kind: FindingKind::Wall, state, why: why.into(), fix: String::new() }
    }

    pub(crate) fn limit(name: &str, state: FindingState, why: impl Into<String>) -> Self {
        Self { name: name.into(), kind: FindingKind::Limit, state, why: why.into(), fix: String::new() }
    }

    pub(crate) fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: fix.into(), ..self }
    }

    #[must_use]
    pub fn is_missing_wall(&self) -> bool {
        self.kind == FindingKind::Wall && self.state == FindingState::Missing
    }
}
