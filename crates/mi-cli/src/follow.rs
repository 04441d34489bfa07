//! Follows several tasks until all of them are over.

use std::collections::BTreeMap;
use std::time::Duration;

use mi_client::{ClientError, Tasks};
use mi_core::ids::TaskId;
use mi_core::tasks::status::{BlockedKind, Status};
use mi_core::wire::tasks::Task;
use tokio::time::Instant;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::tasks as view;

/// Looks in a row at which nobody answers, before the server counts as gone.
const SILENT_LOOKS_MAX: u32 = 30;

/// How a set of tasks stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Open,
    Good,
    /// Nothing moves any more, and not everything is done.
    Bad,
}

/// What can only wait for a failed or cancelled task waits for ever.
fn is_stuck(task: &Task) -> bool {
    let kinds = [BlockedKind::DependencyFailed, BlockedKind::DependencyCancelled];
    task.status == Status::Blocked && kinds.iter().any(|kind| waits_by(task, kind.as_str()))
}

/// It goes on only when others do.
fn waits_for_others(task: &Task) -> bool {
    ["waiting_for_dependency", "open_subtasks"].iter().any(|code| waits_by(task, code))
}

fn waits_by(task: &Task, code: &str) -> bool {
    task.why.as_ref().is_some_and(|why| why.code == code)
}

pub fn outcome<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> Outcome {
    let (mut moving, mut waiting, mut broken) = (false, false, false);
    for task in tasks {
        let is_open = task.status.is_open(task.verification);
        if is_stuck(task) || matches!(task.status, Status::Failed | Status::Cancelled) {
            broken = true;
        } else if is_open && waits_for_others(task) {
            waiting = true;
        } else if is_open {
            moving = true;
        }
    }
    match (moving, waiting, broken) {
        (true, _, _) | (false, true, false) => Outcome::Open,
        (false, _, true) => Outcome::Bad,
        (false, false, false) => Outcome::Good,
    }
}

/// Tells each change; ends with exit code 1 when something failed.
pub async fn tasks(desk: &mut Desk, tasks: &Tasks, ids: &[TaskId], limit: Option<Duration>) -> Result<(), Fault> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let mut seen: BTreeMap<TaskId, Task> = BTreeMap::new();
    let mut told: BTreeMap<TaskId, String> = BTreeMap::new();
    let mut looked_bad = false;
    loop {
        for id in ids {
            let is_over = seen.get(id).is_some_and(|task| !task.status.is_open(task.verification));
            if !is_over {
                let task = look(desk, tasks, *id).await?;
                tell(desk, &task, &mut told)?;
                seen.insert(*id, task);
            }
        }
        match outcome(seen.values()) {
            Outcome::Good => return Ok(()),
            // What came one after the other may have moved meanwhile: it has to look the same twice.
            Outcome::Bad if looked_bad => return Err(failed(seen.values())),
            Outcome::Bad => looked_bad = true,
            Outcome::Open => looked_bad = false,
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let open = seen.values().filter(|task| task.status.is_open(task.verification)).count();
            let are = if open == 1 { "task is" } else { "tasks are" };
            return Err(Fault::failed(format!("{open} {are} still open"), "`mi tasks why` says what they wait for"));
        }
        tokio::time::sleep(desk.pace).await;
    }
}

fn tell(desk: &mut Desk, task: &Task, told: &mut BTreeMap<TaskId, String>) -> Result<(), Fault> {
    let line = view::standing(task, desk.out.screen);
    if desk.out.format == Format::Json || told.get(&task.id) == Some(&line) {
        return Ok(());
    }
    desk.out.data(&line)?;
    told.insert(task.id, line);
    Ok(())
}

pub fn failed<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> Fault {
    let broken: Vec<&Task> =
        tasks.into_iter().filter(|task| matches!(task.status, Status::Failed | Status::Cancelled)).collect();
    let word = |task: &&Task| {
        let cause = task.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        format!("#{} {}{cause}", task.id, task.status)
    };
    let words: Vec<String> = broken.iter().map(word).collect();
    let first = broken.first().map_or_else(|| "ID".to_owned(), |task| task.id.to_string());
    let message = if words.is_empty() { "the tasks can't go on".to_owned() } else { words.join("; ") };
    Fault::failed(message, format!("`mi tasks get {first}` shows its log, `mi tasks retry {first}` tries again"))
}

/// A server that restarts meanwhile is waited for.
async fn look(desk: &Desk, tasks: &Tasks, id: TaskId) -> Result<Task, ClientError> {
    let mut silent = 0;
    loop {
        match tasks.get(id).await {
            Err(fault) if fault.is_unreachable() && silent < SILENT_LOOKS_MAX => silent += 1,
            answer => return answer.map(|detail| detail.task),
        }
        tokio::time::sleep(desk.pace).await;
    }
}
