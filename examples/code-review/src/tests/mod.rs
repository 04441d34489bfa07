//! Snippets for each rule, whole reports of the example files, and tasks on a drive.

mod bugs;
mod performance;
mod reports;
mod work;

use crate::{Lens, analyse};
use expect_test::Expect;

/// Findings of a snippet as `line rule` lines. The package clause stands on line 1 with the imports left out.
fn check(lens: Lens, body: &str, expected: Expect) {
    let source = format!("package x; {}", body.trim_start());
    let report = analyse(lens, "x.go", &source);
    let lines: Vec<String> = report
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.line, finding.rule, finding.message))
        .collect();
    expected.assert_eq(&lines.join("\n"));
}
