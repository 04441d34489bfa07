//! Backups of workspaces, and a look into one. Answers in camelCase.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{AgentId, AgentName};
use crate::time::Time;

crate::tasks::status::words! {
    /// Why a backup was made.
    BackupCause { Manual = "manual", Fired = "fired", Archived = "archived", Ended = "ended" }
}

/// A workspace as it was in one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    pub id: String,
    /// Whose it was; somebody else may have the name now.
    pub agent_name: AgentName,
    pub agent_id: AgentId,
    pub cause: BackupCause,
    pub files: u64,
    /// Of all files.
    pub bytes: u64,
    /// Of the archive, a tar compressed with zstd.
    pub size: u64,
    /// What an archive can't hold: sockets, pipes, names that are no text.
    pub skipped: u64,
    /// Of the archive, SHA-256 in hex.
    pub sha256: String,
    pub created_at: Time,
}

/// `POST …/backups/{id}/restore`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreBackup {
    /// Into whose workspace; left out: that of the agent that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// `POST …/employees/{name}/restore`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreAgent {
    /// Which backup its workspace is taken from; left out: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
}

crate::tasks::status::words! {
    /// What stands at a name of a workspace.
    WorkspaceEntryKind { File = "file", Folder = "folder", Other = "other" }
}

/// One name in a folder of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceEntry {
    pub name: String,
    pub kind: WorkspaceEntryKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Time>,
}
