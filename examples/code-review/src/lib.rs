//! The code review of `mi demo`: two small honest analysers, used as agents when there is no model.
//!
//! They read the Go file they are given and report what their named rules really find, with line numbers. Nothing is
//! known about any particular file. They are no compiler: text in, findings out, and a rule that can't tell is silent.
//!
//! Acts: [`analyse`] one text; [`work()`] a task, as a program for the harness `command`.
//! Elsewhere: telling the queue about it (log, artifacts, result) is the caller's part, `mi example code-review`.

mod bugs;
mod lexer;
mod locks;
mod performance;
mod reach;
mod report;
mod review;
mod rules;
mod syntax;
mod work;

#[cfg(test)]
mod tests;

pub use report::{FINDINGS_MAX, Finding, Language, Lens, Measures, QUOTE_CHARS_MAX, Report, Severity};
pub use review::{SOURCE_BYTES_MAX, analyse, analyse_bytes};
pub use work::{CONTEXT_BYTES_MAX, REVIEW_FILES_MAX, Work, WorkError, work};

/// The name under which the demo puts its file on the drive.
pub const SAMPLE_NAME: &str = "rate-limiter.go";
/// The demo's file, so that a lone binary can show it.
pub const SAMPLE_SOURCE: &str = include_str!("../rate-limiter.go");
