//! Cloning an agent, with its state. Requests read liberally, answers in snake_case.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{AgentId, AgentName, OfficeId};
use crate::time::Time;
use crate::transfer::StateKind;

/// `POST /api/agents/clone`, by the agent itself; `POST …/employees/{name}/clone`, by whoever stands behind it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneAgent {
    /// An invite for agents, of the office into which the clone goes; without one that is the agent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The clone's name; made of the agent's own where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the clone's model comes from, when not from where the agent's does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

crate::tasks::status::words! {
    /// How far a transfer is.
    TransferState { Waiting = "waiting", Done = "done", Expired = "expired" }
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Cloned {
    pub clone_name: AgentName,
    pub clone_id: AgentId,
    pub office_id: OfficeId,
    pub origin_name: AgentName,
    pub status: TransferState,
    pub transfer_id: String,
}

/// What a bundle holds: the only names that are unpacked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Manifest {
    pub files: Vec<StateFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateFile {
    /// Relative to the folder of its kind. In the archive it is named `KIND/PATH`.
    pub path: String,
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
    /// Permission bits; only whether its owner may run it is carried.
    #[serde(default)]
    pub mode: u32,
    pub kind: StateKind,
}

/// `POST /api/agents/clone/transfer`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendState {
    pub transfer_id: String,
    pub manifest: Manifest,
    /// A tar of the manifest's files, compressed with zstd, in base64 (RFC 4648 §4).
    pub bundle_base64: String,
}

/// How far a transfer is, and what was unpacked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Transfer {
    pub transfer_id: String,
    pub status: TransferState,
    pub clone_name: AgentName,
    pub clone_id: AgentId,
    pub office_id: OfficeId,
    pub origin_name: AgentName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<TransferReport>,
    pub created_at: Time,
    /// When a state that has not come is not waited for any more.
    pub expires_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Time>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferReport {
    pub files: u64,
    pub bytes: u64,
    pub workspace_files: u64,
    pub memory_files: u64,
    pub skill_files: u64,
}
