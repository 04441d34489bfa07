//! Environment variables: camelCase on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::AgentName;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `office` or `agent`.
    pub scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<AgentName>,
}

/// `[A-Za-z_][A-Za-z0-9_]{0,127}`.
pub fn is_env_key(key: &str) -> bool {
    const ENV_KEY_BYTES_MAX: usize = 128;
    let head = key.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    head && key.len() <= ENV_KEY_BYTES_MAX && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The platform's own: `PATH`, `LD_*`, `MI_*`.
pub fn is_reserved_env_key(key: &str) -> bool {
    key == "PATH" || key.starts_with("LD_") || key.starts_with("MI_")
}
