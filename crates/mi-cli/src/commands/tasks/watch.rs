//! `mi tasks watch TASK`: follows a task to its end.
//!
//! Done is success; failed and cancelled are exit code 1. A server that restarts
//! meanwhile is waited for.

use std::time::Duration;

use clap::Args;
use mi_client::{Answer, ClientError, Tasks};
use mi_core::ids::TaskId;
use mi_core::tasks::status::Status;
use mi_core::wire::tasks::{Task, TaskDetail};
use tokio::time::Instant;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::targets::TaskTarget;
use crate::views::tasks;

/// Looks in a row at which nobody answers, before the server counts as gone.
const SILENT_LOOKS_MAX: u32 = 30;

#[derive(Args)]
pub struct WatchArgs {
    #[command(flatten)]
    target: TaskTarget,
    /// Give up after so many seconds (exit code 1)
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

pub async fn run(desk: &mut Desk, args: WatchArgs) -> Result<(), Fault> {
    let found = args.target.read::<TaskId>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let tasks = client.tasks(office);
    let deadline = args.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut told = Told::default();
    loop {
        let (detail, answer) = look(desk, &tasks, found.thing).await?;
        if desk.out.format == Format::People {
            told.tell(desk, &detail)?;
        }
        if let Some(end) = end_of(&detail.task) {
            return finish(desk, &answer, end);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let message = format!("task {} is still {}", found.thing, detail.task.status);
            return Err(Fault::failed(message, format!("`mi tasks why {}` says what it waits for", found.thing)));
        }
        tokio::time::sleep(desk.pace).await;
    }
}

async fn look(desk: &Desk, tasks: &Tasks, id: TaskId) -> Result<(TaskDetail, Answer), ClientError> {
    let mut silent = 0;
    loop {
        match tasks.get(id).both().await {
            Err(fault) if fault.is_unreachable() && silent < SILENT_LOOKS_MAX => silent += 1,
            answer => return answer,
        }
        tokio::time::sleep(desk.pace).await;
    }
}

enum End {
    Good,
    Bad { message: String, hint: String },
}

fn end_of(task: &Task) -> Option<End> {
    let id = task.id;
    match task.status {
        Status::Queued | Status::Claimed | Status::Running | Status::Blocked => None,
        // Whether it is done is being found out.
        Status::Done if task.why.as_ref().is_some_and(|why| why.code.starts_with("checks_")) => None,
        Status::Done => Some(End::Good),
        Status::Failed => Some(End::Bad {
            message: format!("task {id} failed: {}", task.error.as_deref().unwrap_or("no cause was given")),
            hint: format!("`mi tasks get {id}` shows its log, `mi tasks retry {id}` tries again"),
        }),
        Status::Cancelled => Some(End::Bad {
            message: format!("task {id} was cancelled"),
            hint: format!("`mi tasks retry {id}` brings it back"),
        }),
    }
}

fn finish(desk: &mut Desk, answer: &Answer, end: End) -> Result<(), Fault> {
    if desk.out.format == Format::Json {
        desk.out.json(&answer.body)?;
    }
    match end {
        End::Good => Ok(()),
        End::Bad { message, hint } => Err(Fault::failed(message, hint)),
    }
}

/// What the watcher has been told already.
#[derive(Default)]
struct Told {
    standing: String,
    subtasks: Vec<String>,
    last_log: i64,
}

impl Told {
    fn tell(&mut self, desk: &mut Desk, detail: &TaskDetail) -> Result<(), Fault> {
        let screen = desk.out.screen;
        for log in detail.logs.iter().filter(|log| log.id > self.last_log) {
            desk.out.data(&tasks::log_line(log, screen))?;
        }
        self.last_log = detail.logs.iter().map(|log| log.id).max().unwrap_or(0).max(self.last_log);
        let subtasks: Vec<String> = detail.subtasks.iter().map(|task| tasks::line(task, screen)).collect();
        for line in subtasks.iter().filter(|line| !self.subtasks.contains(line)) {
            desk.out.data(&format!("  {line}"))?;
        }
        self.subtasks = subtasks;
        let standing = tasks::standing(&detail.task, screen);
        if standing != self.standing {
            desk.out.data(&standing)?;
            self.standing = standing;
        }
        Ok(())
    }
}
