//! One file through one lens.

use crate::report::{FINDINGS_MAX, Finding, Language, Lens, Measures, QUOTE_CHARS_MAX, Report};
use crate::rules::{Program, Rule};
use crate::syntax::{GoFile, NESTING_MAX};
use crate::{bugs, performance};
use std::collections::HashSet;

/// Bytes of a source file that the rules read; a longer one is only measured.
pub const SOURCE_BYTES_MAX: usize = 1024 * 1024;

/// Reviews a text. Only `.go` files are understood; of others the report gives plain measures and says so.
pub fn analyse(lens: Lens, file_name: &str, source: &str) -> Report {
    let rules = rules(lens);
    let mut report = Report {
        file_name: file_name.to_owned(),
        lens,
        language: Language::Other,
        rules_applied: 0,
        findings: Vec::new(),
        findings_total: 0,
        measures: Measures::of(source, 0),
        notes: Vec::new(),
    };
    if let Some(obstacle) = obstacle(file_name, source) {
        report.notes.push(obstacle);
        return report;
    }
    let file = GoFile::parse(source);
    if file.nesting > NESTING_MAX {
        report.notes.push(format!("brackets are nested more than {NESTING_MAX} deep."));
        return report;
    }
    report.language = Language::Go;
    report.rules_applied = rules.len();
    report.measures.functions = file.functions.iter().filter(|function| !function.name.is_empty()).count();
    report.notes.extend(doubts(&file));
    let program = Program::new(file);
    let findings = findings(rules, &program, source);
    report.findings_total = findings.len();
    report.findings = findings.into_iter().take(FINDINGS_MAX).collect();
    report
}

/// Like [`analyse`], for bytes: what is not UTF-8 is replaced, and the report says so.
pub fn analyse_bytes(lens: Lens, file_name: &str, bytes: &[u8]) -> Report {
    let source = String::from_utf8_lossy(bytes);
    let mut report = analyse(lens, file_name, &source);
    if let Err(fault) = std::str::from_utf8(bytes) {
        let line = 1 + bytes[..fault.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        report.notes.push(format!("the file is not valid UTF-8 (first on line {line}); those bytes were replaced."));
    }
    report
}

fn rules(lens: Lens) -> &'static [Rule] {
    match lens {
        Lens::Bugs => &bugs::RULES,
        Lens::Performance => &performance::RULES,
    }
}

/// Why the rules can't read this text, if so.
fn obstacle(file_name: &str, source: &str) -> Option<String> {
    let is_go = file_name.len() > ".go".len() && file_name.to_ascii_lowercase().ends_with(".go");
    if !is_go {
        Some("the rules understand only Go, and the name doesn't end in .go.".to_owned())
    } else if source.len() > SOURCE_BYTES_MAX {
        Some(format!("the file is larger than the {SOURCE_BYTES_MAX} bytes that the rules read."))
    } else if source.contains('\0') {
        Some("the file holds NUL bytes, so it is no Go text.".to_owned())
    } else {
        None
    }
}

fn doubts(file: &GoFile<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if file.tokens.is_empty() {
        notes.push("the file holds no code.".to_owned());
    } else if file.text(0) != "package" {
        notes.push("the file has no package clause, so it may be only a part of a program.".to_owned());
    }
    if let Some(line) = file.unbalanced_line {
        notes.push(format!(
            "a bracket on line {line} has no partner; the file doesn't compile and findings may be missing."
        ));
    }
    notes
}

/// By line; a rule speaks at most once about a line.
fn findings(rules: &'static [Rule], program: &Program<'_>, source: &str) -> Vec<Finding> {
    let lines: Vec<&str> = source.lines().collect();
    let mut seen = HashSet::new();
    let mut findings = Vec::new();
    for rule in rules {
        for hit in (rule.find)(program) {
            let line = program.file.line(hit.token);
            if seen.insert((rule.id, line)) {
                let code = quote(lines.get(line.saturating_sub(1)).copied().unwrap_or(""));
                let message = hit.message;
                findings.push(Finding { line, rule: rule.id, severity: rule.severity, message, why: rule.why, code });
            }
        }
    }
    findings.sort_by(|a, b| (a.line, a.severity, a.rule).cmp(&(b.line, b.severity, b.rule)));
    findings
}

fn quote(line: &str) -> String {
    let line = line.trim();
    if line.chars().count() <= QUOTE_CHARS_MAX {
        return line.to_owned();
    }
    line.chars().take(QUOTE_CHARS_MAX).chain(" …".chars()).collect()
}
