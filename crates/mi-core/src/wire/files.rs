//! Files on the shared drive: camelCase on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::drive::DrivePath;
use crate::time::Time;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriveFile {
    pub name: DrivePath,
    pub size: i64,
    pub modified_at: Time,
    pub sha256: String,
}

/// `GET …/_changes?since=`; times are integer milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Changes {
    pub events: Vec<Change>,
    #[serde(rename = "serverTime")]
    pub server_time: i64,
    /// The caller was away too long: list everything again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_refresh: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    pub name: DrivePath,
    pub timestamp: i64,
}

crate::tasks::status::words! {
    ChangeKind { Created = "created", Modified = "modified", Deleted = "deleted" }
}
