//! Why a pod didn't come up, as the server will hear it.

use std::fmt::Display;

pub(crate) struct Failure {
    /// The wall that is missing, or `start` when the walls aren't to blame.
    pub wall: &'static str,
    pub detail: String,
}

impl Failure {
    pub(crate) fn start(detail: impl Into<String>) -> Self {
        Self { wall: "start", detail: detail.into() }
    }
}

/// Blames this wall for whatever went wrong.
pub(crate) fn wall<E: Display>(wall: &'static str) -> impl FnOnce(E) -> Failure {
    move |error| Failure { wall, detail: error.to_string() }
}

/// Blames this wall and names what was being done.
pub(crate) fn wall_at<E: Display>(wall: &'static str, act: impl Display) -> impl FnOnce(E) -> Failure {
    move |error| Failure { wall, detail: format!("{act}: {error}") }
}
