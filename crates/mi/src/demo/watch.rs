//! Watching agents work: a calm line for each thing that happens.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mi_core::ids::TaskId;
use mi_core::tasks::status::Status;
use mi_core::wire::tasks::TaskDetail;

use super::story::Story;
use crate::failure::Failure;

/// Between two looks.
const PACE: Duration = Duration::from_millis(100);
/// Three attempts of a slow model, and then some.
const PATIENCE: Duration = Duration::from_secs(1_800);
const LINE_CHARS_MAX: usize = 160;

/// How the tasks stood in the end, the parent first.
pub struct End {
    pub parent: TaskDetail,
    pub subtasks: Vec<TaskDetail>,
}

pub async fn until_over(story: &Story) -> Result<End, Failure> {
    let began = Instant::now();
    let mut view = View::new();
    loop {
        let end = look(story).await?;
        view.show(&end);
        if is_over(end.parent.task.status) {
            view.close();
            return Ok(end);
        }
        if began.elapsed() > PATIENCE {
            view.close();
            return Err(Failure::new(format!("the agents were not done after {} s", PATIENCE.as_secs())));
        }
        tokio::time::sleep(PACE).await;
    }
}

async fn look(story: &Story) -> Result<End, Failure> {
    let tasks = story.client.tasks(story.office);
    // The parent first: when it is over, its subtasks are, too, and show it.
    let parent = tasks.get(story.parent).await?;
    let mut subtasks = Vec::new();
    for id in &story.subtasks {
        subtasks.push(tasks.get(*id).await?);
    }
    Ok(End { parent, subtasks })
}

pub fn is_over(status: Status) -> bool {
    match status {
        Status::Done | Status::Failed | Status::Cancelled => true,
        Status::Queued | Status::Claimed | Status::Running | Status::Blocked => false,
    }
}

/// On a terminal a last line moves; anywhere else lines come one after the other.
struct View {
    bar: ProgressBar,
    began: Instant,
    statuses: HashMap<TaskId, Status>,
    logs_seen: HashMap<TaskId, i64>,
}

impl View {
    fn new() -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        // The template is constant; where it were wrong, the default does.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { bar, began: Instant::now(), statuses: HashMap::new(), logs_seen: HashMap::new() }
    }

    fn show(&mut self, end: &End) {
        for detail in end.subtasks.iter().chain([&end.parent]) {
            self.show_status(detail);
            self.show_logs(detail);
        }
        let standing = end.subtasks.iter().map(|detail| format!("task {} {}", detail.task.id, detail.task.status));
        self.bar.set_message(standing.collect::<Vec<_>>().join(" · "));
        self.bar.tick();
    }

    fn show_status(&mut self, detail: &TaskDetail) {
        let task = &detail.task;
        if self.statuses.insert(task.id, task.status) == Some(task.status) {
            return;
        }
        let who = task.claimed_by.as_ref().map(ToString::to_string).or_else(|| task.assigned_agent.clone());
        let who = who.map(|name| format!(" ({name})")).unwrap_or_default();
        self.line(&format!("task {} {}{who}: {}", task.id, task.status, task.title));
    }

    fn show_logs(&mut self, detail: &TaskDetail) {
        let seen = self.logs_seen.get(&detail.task.id).copied().unwrap_or(0);
        for log in detail.logs.iter().filter(|log| log.id > seen) {
            self.line(&format!("task {} {}: {}", detail.task.id, log.agent, log.message));
        }
        let newest = detail.logs.iter().map(|log| log.id).max().unwrap_or(0);
        self.logs_seen.insert(detail.task.id, newest.max(seen));
    }

    /// Text of agents can't move the cursor.
    fn line(&self, text: &str) {
        let first = text.lines().next().unwrap_or_default();
        let tame: String = first.chars().filter(|c| !c.is_control()).take(LINE_CHARS_MAX).collect();
        let text = format!("{:>6.2} s  {tame}", self.began.elapsed().as_secs_f64());
        if self.bar.is_hidden() { crate::voice::say(&text) } else { self.bar.println(text) }
    }

    fn close(&self) {
        self.bar.finish_and_clear();
    }
}
