//! The rules of the house that a machine can check.
//!
//! Each rule reads the whole repository and answers findings; no rule changes anything. A finding names the place and
//! what to do. Rules that the compiler or clippy can enforce are theirs (the lints in `Cargo.toml`), not ours.
//!
//! `sizes` files and functions · `arrows` who may use what · `manifests` which crate may know which ·
//! `leftovers` what must not stay behind · `pages` door plates and problem pages.

mod arrows;
mod leftovers;
mod manifests;
mod pages;
mod sizes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Write;
use std::ops::RangeInclusive;

use anyhow::{Result, bail};

use crate::repo::{self, File};
use crate::source::Source;

/// Folders of which everything is compiled for tests only.
const TEST_FOLDERS: [&str; 3] = ["tests", "facts", "testing"];

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    /// 0 when the whole file is meant.
    pub line: usize,
    pub what: String,
}

impl Finding {
    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }

    fn whole(path: &str, what: impl Into<String>) -> Self {
        Self::at(path, 0, what)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(out, "{}: {}", self.path, self.what);
        }
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// A Rust file, taken apart, that knows which of its lines only tests compile.
struct RustFile<'a> {
    path: &'a str,
    text: &'a str,
    source: Source,
    test_lines: Vec<RangeInclusive<usize>>,
}

impl<'a> RustFile<'a> {
    fn new(file: &'a File) -> Self {
        let source = Source::scan(&file.text);
        let test_lines = source.test_lines();
        Self { path: &file.path, text: &file.text, source, test_lines }
    }

    fn is_test_file(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or(self.path);
        self.path.split('/').any(|part| TEST_FOLDERS.contains(&part))
            || name == "tests.rs"
            || name.ends_with("_tests.rs")
    }

    fn is_test_line(&self, line: usize) -> bool {
        self.is_test_file() || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Whether it lies in one of these folders, or is one of these files.
    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }
}

/// Checks everything and fails when there is a finding.
pub fn run(out: &mut dyn Write) -> Result<()> {
    let root = repo::root()?;
    let files = repo::files(&root)?;
    let mut findings = check(&files);
    findings.extend(manifests::check_tree(&root)?);
    findings.sort();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    if !findings.is_empty() {
        bail!("tidy: {} findings", findings.len());
    }
    writeln!(out, "tidy: {} files, nothing to say", files.len())?;
    Ok(())
}

/// Every rule that needs nothing but the files.
fn check(files: &[File]) -> Vec<Finding> {
    let rust: Vec<RustFile<'_>> = files.iter().filter(|file| file.path.ends_with(".rs")).map(RustFile::new).collect();
    let mut findings = Vec::new();
    for file in &rust {
        findings.extend(sizes::check(file));
        findings.extend(arrows::check(file));
        findings.extend(leftovers::check_rust(file));
        findings.extend(pages::check_door_plate(file));
    }
    for file in files {
        findings.extend(leftovers::check_text(file));
    }
    findings.extend(manifests::check(files));
    findings.extend(pages::check_problems(files));
    findings
}
