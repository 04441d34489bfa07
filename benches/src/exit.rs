//! How a program here ends: what went wrong in one line of words, never a trace of calls.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;

/// The exit code already says that it failed; a closed stderr can't be told anything more.
pub fn with(outcome: Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) => match writeln!(std::io::stderr(), "error: {error:#}") {
            Ok(()) | Err(_) => ExitCode::FAILURE,
        },
    }
}
