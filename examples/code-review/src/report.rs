//! What a review says: findings with their lines, measures, and what it can't know.

use serde::Serialize;
use std::collections::HashSet;
use std::fmt::Write;

/// Findings that one report lists; the number of all of them is given as well.
pub const FINDINGS_MAX: usize = 200;
/// Characters of a code line that a finding quotes.
pub const QUOTE_CHARS_MAX: usize = 160;
/// Findings that a summary names.
const SUMMARY_FINDINGS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lens {
    Bugs,
    Performance,
}

impl Lens {
    pub const fn name(self) -> &'static str {
        match self {
            Lens::Bugs => "bugs",
            Lens::Performance => "performance",
        }
    }
}

/// Most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    High,
    Medium,
    Low,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Go,
    /// Anything else: only measured.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub line: usize,
    pub rule: &'static str,
    pub severity: Severity,
    /// What is there.
    pub message: String,
    /// Why it matters.
    pub why: &'static str,
    /// The line itself, shortened to [`QUOTE_CHARS_MAX`].
    pub code: String,
}

/// Plain measures that any text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Measures {
    pub lines: usize,
    pub blank_lines: usize,
    pub longest_line: usize,
    pub longest_line_chars: usize,
    pub functions: usize,
}

impl Measures {
    pub(crate) fn of(source: &str, functions: usize) -> Self {
        let lengths: Vec<usize> = source.lines().map(|line| line.chars().count()).collect();
        let longest_line_chars = lengths.iter().copied().max().unwrap_or(0);
        let longest_line = lengths.iter().position(|length| *length == longest_line_chars).map_or(0, |index| index + 1);
        let blank_lines = source.lines().filter(|line| line.trim().is_empty()).count();
        Measures { lines: lengths.len(), blank_lines, longest_line, longest_line_chars, functions }
    }
}

/// The review of one file through one lens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub file_name: String,
    pub lens: Lens,
    pub language: Language,
    pub rules_applied: usize,
    /// By line, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    pub findings_total: usize,
    pub measures: Measures,
    /// What the reader must know about this review, such as bytes that were no UTF-8.
    pub notes: Vec<String>,
}

impl Report {
    /// One paragraph: the counts, and the most severe findings with their lines.
    pub fn summary(&self) -> String {
        let mut text = format!("{} ({}), {}: ", self.file_name, counted(self.measures.lines, "line"), self.lens.name());
        match (self.language, self.findings_total) {
            (Language::Other, _) => {
                text.push_str("not reviewed, only measured: ");
                text.push_str(&self.measures_sentence());
            }
            (Language::Go, 0) => text.push_str(&format!(
                "none of the {} rules applies. That is no proof of the absence of weaknesses.",
                self.rules_applied
            )),
            (Language::Go, total) => {
                text.push_str(&format!("{} ({}). {}", counted(total, "finding"), self.counts(), self.worst()));
            }
        }
        for note in &self.notes {
            text.push_str(" Note: ");
            text.push_str(note);
        }
        text
    }

    fn counts(&self) -> String {
        let each = [Severity::High, Severity::Medium, Severity::Low].map(|severity| {
            let count = self.findings.iter().filter(|finding| finding.severity == severity).count();
            format!("{count} {}", severity.name())
        });
        each.join(", ")
    }

    fn worst(&self) -> String {
        // By line already, so the first of each rule comes before its repetitions.
        let mut seen = HashSet::new();
        let keyed = self.findings.iter().map(|finding| (finding.severity, !seen.insert(finding.rule), finding));
        let mut worst: Vec<_> = keyed.collect();
        worst.sort_by_key(|(severity, repeated, finding)| (*severity, *repeated, finding.line));
        let named: Vec<String> = worst
            .iter()
            .take(SUMMARY_FINDINGS)
            .map(|(_, _, finding)| {
                format!("line {} [{}, {}] {}", finding.line, finding.severity.name(), finding.rule, finding.message)
            })
            .collect();
        format!("Most severe: {}", named.join(" · "))
    }

    fn measures_sentence(&self) -> String {
        if self.measures.lines == 0 {
            return "The file is empty.".to_owned();
        }
        let Measures { lines, blank_lines, longest_line, longest_line_chars, .. } = self.measures;
        format!(
            "{lines} lines, {blank_lines} of them blank; the longest, line {longest_line}, has {longest_line_chars} characters."
        )
    }

    pub fn to_markdown(&self) -> String {
        let mut page = format!("# {}: {}\n\n{}\n", self.file_name, self.lens.name(), self.summary());
        if !self.findings.is_empty() {
            page.push_str("\n| line | severity | rule |\n|---:|---|---|\n");
        }
        for finding in &self.findings {
            append(&mut page, format_args!("| {} | {} | {} |\n", finding.line, finding.severity.name(), finding.rule));
        }
        for finding in &self.findings {
            append(
                &mut page,
                format_args!(
                    "\n## Line {}: {} ({})\n\n````go\n{}\n````\n\n{} {}\n",
                    finding.line,
                    finding.rule,
                    finding.severity.name(),
                    finding.code,
                    finding.message,
                    finding.why
                ),
            );
        }
        if self.findings_total > self.findings.len() {
            let hidden = self.findings_total - self.findings.len();
            append(&mut page, format_args!("\n{hidden} more findings are not listed.\n"));
        }
        page.push_str(&self.colophon());
        page
    }

    fn colophon(&self) -> String {
        let mut text = format!("\n## About this review\n\n{}", self.measures_sentence());
        match self.language {
            Language::Go => append(
                &mut text,
                format_args!(
                    " {}. {} named rules were applied to the text of this one file; types are not checked and \
                 other files are not read. A rule that can't tell stays silent, so a finding deserves a look and \
                 silence proves nothing.\n",
                    counted(self.measures.functions, "named function"),
                    self.rules_applied
                ),
            ),
            Language::Other => text.push_str(" No rule was applied.\n"),
        }
        text
    }
}

pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Writing to a `String` can't fail.
fn append(page: &mut String, text: std::fmt::Arguments<'_>) {
    let written = page.write_fmt(text);
    debug_assert!(written.is_ok());
}
