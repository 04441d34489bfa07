//! What has to be written down: a door plate on every module's folder, a page for every problem code.

use std::collections::BTreeMap;

use crate::problems;
use crate::repo::File;

use super::{Finding, RustFile};

pub fn check_door_plate(file: &RustFile<'_>) -> Option<Finding> {
    let name = file.path.rsplit('/').next().unwrap_or(file.path);
    let has_door = file.path.contains("/src/") && !file.is_test_file() && (name == "mod.rs" || name == "lib.rs");
    let what = "opens without its door plate (`//!`): what it is, what is always true, its acts";
    (has_door && !file.text.starts_with("//!")).then(|| Finding::whole(file.path, what))
}

/// Every code has its page, which opens with what the table says; no page is about a code that is gone.
pub fn check_problems(files: &[File]) -> Vec<Finding> {
    let Some(table) = files.iter().find(|file| file.path == problems::TABLE) else { return Vec::new() };
    let rows = problems::read_table(&table.text);
    let pages: BTreeMap<&str, &File> = files.iter().filter_map(|file| Some((page_code(&file.path)?, file))).collect();
    let mut findings = Vec::new();
    for row in &rows {
        let what = match pages.get(row.code.as_str()) {
            Some(page) if page.text.starts_with(&row.head()) => continue,
            Some(_) => format!("the page of {} doesn't open with what the table says", row.code),
            None => format!("{} has no page: `cargo xtask problems` writes it", row.code),
        };
        findings.push(Finding::whole(problems::TABLE, what));
    }
    let gone = pages.iter().filter(|(code, _)| !rows.iter().any(|row| row.code == **code));
    findings.extend(gone.map(|(_, page)| Finding::whole(&page.path, "a page about a code that doesn't exist")));
    findings
}

fn page_code(path: &str) -> Option<&str> {
    path.strip_prefix(problems::PAGES)?.strip_prefix('/')?.strip_suffix(".md")
}
