//! What must not stay behind: half-done work, sleeping tests, traces of somebody's machine.

use crate::repo::File;

use super::{Finding, RustFile};

/// Files that tools write, with addresses in them that aren't ours to choose.
const WRITTEN_BY_TOOLS: &[&str] = &["Cargo.lock", "package-lock.json"];

/// In halves, so that this file doesn't find itself.
const FOLDERS_OF_MACHINES: &[(&str, &str)] = &[("/wo", "rk/"), ("/fa", "rm/"), ("/Us", "ers/"), ("/root/.ca", "rgo")];
const REGISTRY_HOSTS: &[(&str, &str)] =
    &[("registry.np", "mjs"), ("pyp", "i.org"), ("deb.deb", "ian"), ("crat", "es.io"), ("proxy.gol", "ang")];

const NOTES_TO_SELF: &[&str] = &["TODO", "FIXME", "XXX"];
const UNFINISHED_MACROS: &[&str] = &["todo", "unimplemented", "dbg"];

/// A function that waits for a state with a limit may pause between two looks; its name says that it does.
const WAITING_NAMES: &[&str] = &["wait", "until", "eventually"];

pub fn check_rust(file: &RustFile<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(check_unfinished(file));
    findings.extend(check_ignored(file));
    findings.extend(check_sleeps(file));
    findings
}

fn check_unfinished(file: &RustFile<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in UNFINISHED_MACROS {
        let lines = file.source.lines_with(name, "!");
        findings.extend(lines.into_iter().map(|line| Finding::at(file.path, line, format!("`{name}!` left behind"))));
    }
    for comment in &file.source.comments {
        let words = comment.text.split(|character: char| !character.is_alphanumeric());
        for word in words.filter(|word| NOTES_TO_SELF.contains(word)) {
            findings.push(Finding::at(
                file.path,
                comment.line,
                format!("`{word}` left behind: do it or open an issue"),
            ));
        }
    }
    findings
}

fn check_ignored(file: &RustFile<'_>) -> Vec<Finding> {
    let attributes = file.source.words("ignore").into_iter().filter(|at| file.source.code[..*at].ends_with("#["));
    let lines = attributes.map(|at| file.source.line_of(at));
    lines.map(|line| Finding::at(file.path, line, "an ignored test proves nothing: mend it or remove it")).collect()
}

fn check_sleeps(file: &RustFile<'_>) -> Vec<Finding> {
    let functions = file.source.functions();
    let waits = |line: usize| {
        let around = functions.iter().filter(|function| function.lines.contains(&line));
        around.into_iter().any(|function| WAITING_NAMES.iter().any(|name| function.name.contains(name)))
    };
    let lines = file.source.words("sleep").into_iter().filter(|at| is_free_call(&file.source.code, *at));
    let lines = lines.map(|at| file.source.line_of(at)).filter(|line| file.is_test_line(*line) && !waits(*line));
    lines.map(|line| Finding::at(file.path, line, "a test sleeps: move the clock, or wait for a state")).collect()
}

/// `sleep(…)` or `path::sleep(…)`; `clock.sleep(…)` is a method of a clock that tests move.
fn is_free_call(code: &str, at: usize) -> bool {
    let before = code[..at].trim_end();
    let called = code[at + "sleep".len()..].trim_start().starts_with('(');
    called && !before.ends_with('.') && !before.ends_with("fn")
}

pub fn check_text(file: &File) -> Vec<Finding> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    if WRITTEN_BY_TOOLS.contains(&name) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        if FOLDERS_OF_MACHINES.iter().any(|halves| has_folder(line, &joined(halves))) {
            findings.push(Finding::at(&file.path, number + 1, "a path of somebody's machine"));
        }
        if REGISTRY_HOSTS.iter().any(|halves| line.contains(&joined(halves))) {
            findings.push(Finding::at(&file.path, number + 1, "the host of a package registry"));
        }
    }
    findings
}

fn joined((first, second): &(&str, &str)) -> String {
    format!("{first}{second}")
}

/// Whether the line names this absolute folder; the same letters inside a longer path are another folder.
fn has_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && !"._-$}~*".contains(before))
    })
}
