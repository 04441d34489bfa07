//! Commands and shells in an agent's pod. JSON in camelCase.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agents::CommandLine;
use crate::casing::loose_number;

/// `POST …/employees/{name}/debug/{target}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DebugCommand {
    /// A line for `sh -c`, or a program with its arguments.
    pub command: CommandLine,
    /// After so many seconds it is ended: 1 to 600, or else 60.
    #[serde(default, deserialize_with = "loose_number", skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i64>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DebugOutcome {
    pub stdout: String,
    pub stderr: String,
    /// 128 and more stand for a signal, as in a shell.
    pub exit_code: i32,
    /// It was ended because its time was over.
    pub timed_out: bool,
    /// It wrote more than is kept of one stream.
    pub truncated: bool,
}

/// What a runner learns with `next` or a beat: somebody waits for it at `…/runner/terminals/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TerminalOrder {
    pub id: i64,
}

/// The first frame that a runner gets: what it shall run, and in which environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalPlan {
    pub program: TerminalProgram,
    /// The office's and the agent's variables, without any credential.
    pub variables: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalProgram {
    /// Without input; its two outputs are kept apart.
    Command(CommandLine),
    /// An interactive shell in a window of this size, and what kind of terminal shows it.
    Shell { columns: u16, rows: u16, term: String },
}
