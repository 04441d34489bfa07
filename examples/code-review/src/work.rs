//! One task, from the session's context on stdin to reports on the drive.
//!
//! A task with subtasks is the synthesis of their results; any other is a review of the files that it, or else its
//! ancestors, name, or else of every Go file on the drive. What is missing is an error: the task then fails with it.

use crate::report::{Lens, counted};
use crate::review::analyse_bytes;
use serde::Deserialize;
use std::fs;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

/// Files that one task reviews.
pub const REVIEW_FILES_MAX: usize = 20;
/// Bytes of context that are read.
pub const CONTEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of one file that are read; the rules themselves read less.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Characters of a subtask's result that a synthesis quotes.
const QUOTED_RESULT_CHARS_MAX: usize = 4000;
const DRIVE: &str = "/shared/files";
const REPORTS: &str = "reports";

/// What a task brought: to be told to the queue by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub task: u64,
    /// Relative to the drive.
    pub report_paths: Vec<String>,
    pub result: String,
    pub log: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    #[error("the session's context can't be read from stdin: {0}")]
    Stdin(#[source] std::io::Error),
    #[error("the session's context is larger than {CONTEXT_BYTES_MAX} bytes")]
    ContextTooLarge,
    #[error("the session's context on stdin is not the expected JSON: {0}")]
    Context(#[source] serde_json::Error),
    #[error("the task names {names}, which is not on the drive; upload it with `mi files push` and retry the task")]
    Missing { names: String },
    #[error(
        "no Go file is on the drive and the task names no file; upload one with `mi files push` and retry the task"
    )]
    NothingToReview,
    #[error("{name} on the drive is not a plain file or folder inside it")]
    NotRegular { name: String },
    #[error("{name} is larger than {FILE_BYTES_MAX} bytes")]
    FileTooLarge { name: String },
    #[error("{name} can't be read: {cause}")]
    Unreadable { name: String, cause: std::io::Error },
    #[error("the report {name} can't be written: {cause}")]
    Unwritable { name: String, cause: std::io::Error },
    #[error("subtask {id} is still {status}; its parent can only sum up finished subtasks")]
    SubtaskOpen { id: u64, status: String },
}

#[derive(Debug, Deserialize)]
struct Context {
    task: TaskText,
    #[serde(default)]
    ancestors: Vec<TaskText>,
    #[serde(default)]
    subtasks: Vec<Subtask>,
    #[serde(default)]
    files: Vec<FileEntry>,
}

#[derive(Debug, Deserialize)]
struct TaskText {
    /// Ancestors may come without.
    #[serde(default)]
    id: u64,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Subtask {
    id: u64,
    #[serde(default)]
    title: String,
    status: String,
    #[serde(default)]
    result_summary: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FileEntry {
    name: String,
}

/// Does the task. `environment` answers variables; `MI_SHARED_FILES` replaces the drive's usual place.
pub fn work(lens: Lens, stdin: impl Read, environment: impl Fn(&str) -> Option<String>) -> Result<Work, WorkError> {
    let context = read_context(stdin)?;
    let drive = Drive { root: environment("MI_SHARED_FILES").map_or_else(|| PathBuf::from(DRIVE), PathBuf::from) };
    if context.subtasks.is_empty() { review(lens, &context, &drive) } else { synthesis(&context, &drive) }
}

fn read_context(stdin: impl Read) -> Result<Context, WorkError> {
    let mut bytes = Vec::new();
    stdin.take(CONTEXT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(WorkError::Stdin)?;
    if bytes.len() as u64 > CONTEXT_BYTES_MAX {
        return Err(WorkError::ContextTooLarge);
    }
    serde_json::from_slice(&bytes).map_err(WorkError::Context)
}

fn review(lens: Lens, context: &Context, drive: &Drive) -> Result<Work, WorkError> {
    let chosen = choose(context, drive)?;
    let mut work = Work { task: context.task.id, report_paths: Vec::new(), result: String::new(), log: Vec::new() };
    let mut summaries = Vec::new();
    for name in chosen.iter().take(REVIEW_FILES_MAX) {
        let bytes = drive.read(name)?;
        work.log.push(format!("read {name} ({} bytes)", bytes.len()));
        let report = analyse_bytes(lens, name, &bytes);
        let path = report_path(context.task.id, lens, name, &work.report_paths);
        drive.write(&path, &report.to_markdown())?;
        work.log.push(format!("{name}: {}; wrote {path}", counted(report.findings_total, "finding")));
        summaries.push(report.summary());
        work.report_paths.push(path);
    }
    if chosen.len() > REVIEW_FILES_MAX {
        let left = chosen.len() - REVIEW_FILES_MAX;
        summaries.push(format!("{left} more files were not reviewed: one task takes at most {REVIEW_FILES_MAX}."));
    }
    work.result = summaries.join("\n\n");
    Ok(work)
}

/// `reports/<task>-<lens>-<stem>.md`, with a number where two files have one stem.
fn report_path(task: u64, lens: Lens, name: &str, taken: &[String]) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).replace('/', "-");
    let base = format!("{REPORTS}/{task}-{}-{stem}", lens.name());
    let numbered = (2..).map(|number| format!("{base}-{number}.md"));
    let free = std::iter::once(format!("{base}.md")).chain(numbered).find(|path| !taken.contains(path));
    free.unwrap_or(base)
}

/// The task's own words count before its ancestors', and those before everything on the drive.
fn choose(context: &Context, drive: &Drive) -> Result<Vec<String>, WorkError> {
    let listed: Vec<&str> = context.files.iter().map(|file| file.name.as_str()).collect();
    for text in std::iter::once(&context.task).chain(&context.ancestors) {
        let words = format!("{}\n{}", text.title, text.description.as_deref().unwrap_or(""));
        let named = named_files(&words, &listed, drive)?;
        if !named.is_empty() {
            return Ok(named);
        }
    }
    let mut all: Vec<String> = listed.into_iter().filter(|name| name.ends_with(".go")).map(str::to_owned).collect();
    all.sort();
    if all.is_empty() { Err(WorkError::NothingToReview) } else { Ok(all) }
}

/// Files that a text names by path or base name. A word that looks like a Go file and is nowhere is an error.
fn named_files(text: &str, listed: &[&str], drive: &Drive) -> Result<Vec<String>, WorkError> {
    let (mut found, mut missing) = (Vec::<String>::new(), Vec::new());
    for word in text.split(|letter: char| !(letter.is_alphanumeric() || "._-/".contains(letter))) {
        let word = word.trim_end_matches(['.', '-', '/']).trim_start_matches("./");
        let mut matches: Vec<String> = listed
            .iter()
            .filter(|name| **name == word || base_name(name) == word)
            .map(|name| (*name).to_owned())
            .collect();
        let is_go = word.len() > 3 && word.ends_with(".go");
        // The context lists only the drive's first files: look for the rest.
        if matches.is_empty() && is_go && drive.holds(word) {
            matches.push(word.to_owned());
        }
        if matches.is_empty() && is_go {
            missing.push(word.to_owned());
        }
        found.extend(matches);
    }
    if !missing.is_empty() {
        missing.sort();
        missing.dedup();
        return Err(WorkError::Missing { names: missing.join(", ") });
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn base_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn synthesis(context: &Context, drive: &Drive) -> Result<Work, WorkError> {
    if let Some(open) = context.subtasks.iter().find(|task| !is_finished(&task.status)) {
        return Err(WorkError::SubtaskOpen { id: open.id, status: open.status.clone() });
    }
    let done = context.subtasks.iter().filter(|task| task.status == "done").count();
    let mut result = format!("{}: {done} of {} subtasks done.", context.task.title, context.subtasks.len());
    for task in &context.subtasks {
        let said = task.result_summary.as_deref().or(task.error.as_deref()).unwrap_or("without a result");
        let said: String = said.chars().take(QUOTED_RESULT_CHARS_MAX).collect();
        result.push_str(&format!("\n\n- Task {}, {} ({}): {said}", task.id, task.title, task.status));
    }
    let path = format!("{REPORTS}/{}-synthesis.md", context.task.id);
    drive.write(&path, &format!("# {}\n\n{result}\n", context.task.title))?;
    let log = vec![format!("summed up {} subtasks; wrote {path}", context.subtasks.len())];
    Ok(Work { task: context.task.id, report_paths: vec![path], result, log })
}

fn is_finished(status: &str) -> bool {
    matches!(status, "done" | "failed" | "cancelled")
}

struct Drive {
    root: PathBuf,
}

impl Drive {
    fn holds(&self, name: &str) -> bool {
        self.regular_file(name).is_ok()
    }

    /// Other agents write here, too: links and devices are not followed, nor paths that lead out.
    fn regular_file(&self, name: &str) -> Result<PathBuf, WorkError> {
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        let mut path = self.root.clone();
        for part in Path::new(name).components() {
            path.push(part);
            let kind = fs::symlink_metadata(&path)
                .map_err(|cause| WorkError::Unreadable { name: name.to_owned(), cause })?
                .file_type();
            if !plain || !(kind.is_file() || kind.is_dir()) {
                return Err(WorkError::NotRegular { name: name.to_owned() });
            }
        }
        if path.is_file() { Ok(path) } else { Err(WorkError::NotRegular { name: name.to_owned() }) }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, WorkError> {
        let path = self.regular_file(name)?;
        let unreadable = |cause| WorkError::Unreadable { name: name.to_owned(), cause };
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(WorkError::FileTooLarge { name: name.to_owned() });
        }
        Ok(bytes)
    }

    /// Complete or not at all: written beside its place, then moved there.
    fn write(&self, name: &str, text: &str) -> Result<(), WorkError> {
        let folder = self.root.join(REPORTS);
        if fs::symlink_metadata(&folder).is_ok_and(|found| !found.is_dir()) {
            return Err(WorkError::NotRegular { name: REPORTS.to_owned() });
        }
        let path = self.root.join(name);
        let part = path.with_extension("part");
        let written = fs::create_dir_all(folder)
            .and_then(|()| write_anew(&part, text.as_bytes()))
            .and_then(|()| fs::rename(&part, &path));
        written.map_err(|cause| WorkError::Unwritable { name: name.to_owned(), cause })
    }
}

/// Replaces what a broken attempt left, and never writes through a link that somebody planted.
fn write_anew(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => return Err(fault),
        Ok(()) | Err(_) => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)
}
