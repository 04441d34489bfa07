//! What a program found: a table of figures, sentences about what must never be, and the exit code that follows.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::figures::report::Report;

const VIOLATIONS_SHOWN: usize = 20;

#[derive(Debug, Default)]
pub struct Verdict {
    pub report: Report,
    /// None if all is well.
    pub violations: Vec<String>,
}

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    Table,
    Json,
}

impl Telling {
    pub fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Table }
    }
}

impl Verdict {
    /// Prints it; a violation and a missed aim are failures.
    pub fn tell(&self, telling: Telling) -> Result<ExitCode> {
        let mut out = std::io::stdout().lock();
        match telling {
            Telling::Json => {
                let mut whole = self.report.json();
                whole["violations"] = json!(self.violations);
                writeln!(out, "{whole:#}")?;
            }
            Telling::Table => {
                write!(out, "{}", self.report)?;
                for violation in self.violations.iter().take(VIOLATIONS_SHOWN) {
                    writeln!(out, "violation: {violation}")?;
                }
                writeln!(out, "{} violations", self.violations.len())?;
            }
        }
        Ok(if self.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    pub fn holds(&self) -> bool {
        self.violations.is_empty() && self.report.all_met()
    }
}
