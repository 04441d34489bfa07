//! Who is calling.

use std::fmt;

/// What a request shows about its caller. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credential {
    /// Health, readiness and nothing else.
    #[default]
    Nobody,
    /// An API key (`mi_…`), a ticket (`mit_…`), a runner's (`mir_…`) or a session's (`mis_…`) token.
    Bearer(String),
    /// The key of an agent that joined, as `X-Agent-Api-Key`.
    AgentKey(String),
}

impl Credential {
    pub fn is_secret(&self) -> bool {
        !matches!(self, Credential::Nobody)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::Nobody => "Nobody",
            Credential::Bearer(_) => "Bearer(***)",
            Credential::AgentKey(_) => "AgentKey(***)",
        })
    }
}
