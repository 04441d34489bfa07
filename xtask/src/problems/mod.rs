//! A page for every problem code, so that nobody who meets one stands alone with it.
//!
//! The table in mi-core is the truth about code, status and meaning. `run` writes the pages that are missing; a page
//! that exists belongs to whoever edits it and is left alone (tidy compares its head with the table).
//!
//! Elsewhere: the sentences on what to do are in `advice`.

mod advice;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::Write;

use anyhow::{Context, Result};

use crate::repo;
use crate::source::Source;

/// Where the codes are listed, relative to the root.
pub const TABLE: &str = "crates/mi-core/src/problem.rs";

/// The folder of the pages, relative to the root.
pub const PAGES: &str = "docs/problems";

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub code: String,
    pub status: u16,
    pub meaning: String,
}

impl Row {
    /// What every page of this code has to say first.
    pub fn head(&self) -> String {
        format!("# {}\n\n**HTTP {}.** {}\n", self.code, self.status, self.meaning)
    }
}

/// Writes the missing pages.
pub fn run(out: &mut dyn Write) -> Result<()> {
    let root = repo::root()?;
    let table = fs::read_to_string(root.join(TABLE)).with_context(|| format!("can't read {TABLE}"))?;
    let pages = root.join(PAGES);
    fs::create_dir_all(&pages)?;
    let mut written = 0_usize;
    for row in read_table(&table) {
        let path = pages.join(format!("{}.md", row.code));
        if path.exists() {
            continue;
        }
        fs::write(&path, page(&row)).with_context(|| format!("can't write {}", path.display()))?;
        writeln!(out, "wrote {PAGES}/{}.md", row.code)?;
        written += 1;
    }
    writeln!(out, "{written} pages written")?;
    Ok(())
}

/// Rows look like `NoSuchTask => 404 "no_such_task" "There is no such task.";`, however they are broken into lines.
pub fn read_table(text: &str) -> Vec<Row> {
    let source = Source::scan(text);
    let lines: Vec<&str> = source.code.lines().collect();
    let mut rows = Vec::new();
    for (index, literal) in source.strings.iter().enumerate() {
        let Some(status) = lines.get(literal.line - 1).and_then(|line| status_in(line)) else { continue };
        if is_snake_case(&literal.text) {
            let meaning = source.strings.get(index + 1).map(|next| next.text.clone()).unwrap_or_default();
            rows.push(Row { code: literal.text.clone(), status, meaning });
        }
    }
    rows
}

/// The number after `=>`, when it is one of HTTP's errors.
fn status_in(line: &str) -> Option<u16> {
    let (_, after) = line.split_once("=>")?;
    let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|status| (400..600).contains(status))
}

fn is_snake_case(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_')
}

fn page(row: &Row) -> String {
    let Row { code, status, .. } = row;
    let head = row.head();
    let advice = advice::for_row(row);
    let retry = advice::about_retrying(*status);
    let exit = advice::exit_code(*status);
    format!(
        "{head}\n## What to do\n\n{advice}\n\n## For programs\n\n{retry} `mi` ends with exit code {exit}.\n\n\
         ```json\n{{\"error\": \"…\", \"code\": \"{code}\", \"hint\": \"…\", \"request_id\": \"…\"}}\n```\n\n\
         Branch on `code`, never on the sentence: sentences get better, codes stay. `request_id` finds the request in\n\
         the server's log.\n"
    )
}
