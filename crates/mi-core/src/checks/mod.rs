//! Completion checks: what a task states that must hold before it counts as done.
//!
//! The server runs them when `done` is reported, and their verdict closes the task or sends it back; what an agent says
//! about its work doesn't. Here stand their shapes, how they are read and written, and how what was found is judged.
//!
//! `read` takes them in at the door, `short` is the one-line form, `judge` compares, `rules` says who may change them.
//! Elsewhere: rounds, runs and sandboxes are in the server's `checks`.

pub mod judge;
pub mod read;
pub mod rules;
pub mod short;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::drive::DrivePath;

/// One check of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Check {
    Command(CommandCheck),
    File(FileCheck),
    JsonSchema(JsonCheck),
    Http(HttpCheck),
}

/// A line of the shell, run in a clean sandbox whose working folder is the drive, read-only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandCheck {
    pub command: String,
    /// The exit code that passes.
    #[serde(default)]
    pub exit: i64,
    #[serde(default = "default_seconds")]
    pub timeout_seconds: i64,
}

/// A regular file on the drive, and what is asked of it beside being there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileCheck {
    #[schema(value_type = String)]
    pub path: DrivePath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// In bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_min: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_max: Option<i64>,
    /// Pieces of text between white space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_min: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_max: Option<i64>,
}

/// A JSON file on the drive, and the JSON Schema that it has to follow: given here, or read from the drive when the
/// check runs. With neither, it only has to be JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JsonCheck {
    #[schema(value_type = String)]
    pub path: DrivePath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub schema_path: Option<DrivePath>,
}

/// An address that answers with this status; asked once, no redirect followed, only where the office's `egress` allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HttpCheck {
    /// GET, HEAD or OPTIONS.
    #[serde(default = "default_method")]
    pub method: String,
    pub url: String,
    #[serde(default = "default_status")]
    pub status: i64,
    #[serde(default = "default_http_seconds")]
    pub timeout_seconds: i64,
}

const fn default_seconds() -> i64 {
    crate::limits::CHECK_SECONDS_DEFAULT
}

const fn default_http_seconds() -> i64 {
    crate::limits::HTTP_CHECK_SECONDS_DEFAULT
}

fn default_method() -> String {
    "GET".to_owned()
}

const fn default_status() -> i64 {
    200
}

impl Check {
    /// The word that begins its short form.
    pub const fn word(&self) -> &'static str {
        match self {
            Check::Command(_) => "cmd",
            Check::File(_) => "file",
            Check::JsonSchema(_) => "json",
            Check::Http(_) => "http",
        }
    }

    /// How long it may run.
    pub const fn seconds(&self) -> i64 {
        match self {
            Check::Command(check) => check.timeout_seconds,
            Check::Http(check) => check.timeout_seconds,
            Check::File(_) | Check::JsonSchema(_) => crate::limits::FILE_CHECK_SECONDS,
        }
    }
}
