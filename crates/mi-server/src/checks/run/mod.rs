//! Running the checks of a round, one after the other, outside every transaction.
//!
//! Files and addresses are looked at by the server itself; commands and schemas run in a sandbox of their own.

mod command;
mod file;
mod http;
pub mod json;
mod sandbox;

use mi_core::checks::Check;
use mi_core::checks::judge::Judgement;
use mi_core::time::Time;
use mi_core::wire::checks::Verdict;

use super::service::Job;
use crate::house::House;

/// Of an office's folder: homes and outputs of sandboxes while they run.
pub const FOLDER: &str = "checks";

/// What one check found.
#[derive(Debug, Clone)]
pub struct Finding {
    pub check: Check,
    pub verdict: Verdict,
    pub detail: String,
    pub exit_code: Option<i64>,
    pub output: Option<String>,
    pub duration_ms: i64,
    pub finished_at: Time,
}

/// Why a check can't be run; a reason of ours, or of how the office is set up, and never the agent's fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unable(pub String);

/// What a kind of check gives.
struct Found {
    judgement: Judgement,
    exit_code: Option<i64>,
    output: Option<String>,
}

impl From<Judgement> for Found {
    fn from(judgement: Judgement) -> Self {
        Self { judgement, exit_code: None, output: None }
    }
}

pub async fn all(house: &House, job: &Job) -> Result<Vec<Finding>, Unable> {
    let mut findings = Vec::with_capacity(job.checks.len());
    for check in &job.checks {
        let began = house.clock.now();
        let found = one(house, job, check).await?;
        let finished_at = house.clock.now();
        let (verdict, detail) = match found.judgement {
            Judgement::Passed(detail) => (Verdict::Passed, detail),
            Judgement::Failed(detail) => (Verdict::Failed, detail),
        };
        findings.push(Finding {
            check: check.clone(),
            verdict,
            detail: storable(&detail),
            exit_code: found.exit_code,
            output: found.output.as_deref().map(storable),
            duration_ms: (finished_at - began).0,
            finished_at,
        });
    }
    Ok(findings)
}

async fn one(house: &House, job: &Job, check: &Check) -> Result<Found, Unable> {
    match check {
        Check::Command(check) => command::run(house, job, check).await,
        Check::File(check) => file::run(house, job, check).await,
        Check::JsonSchema(check) => json::run(house, job, check).await,
        Check::Http(check) => http::run(house, job, check).await,
    }
}

/// No store takes a NUL, and programs print what they like.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The end of a text, at most so many bytes, from the beginning of a line where there is one.
pub fn tail(text: &str, bytes_max: usize) -> &str {
    let mut from = text.len().saturating_sub(bytes_max);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let end = &text[from..];
    match end.find('\n') {
        Some(line) if from > 0 && line + 1 < end.len() => &end[line + 1..],
        Some(_) | None => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_bounded_and_begins_with_a_line() {
        assert_eq!(tail("one\ntwo\nthree", 100), "one\ntwo\nthree");
        assert_eq!(tail("one\ntwo\nthree", 8), "three");
        assert_eq!(tail("äöü", 3), "ü");
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
    }
}
