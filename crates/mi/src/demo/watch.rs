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
/// Why a task waits whose agent has no key, or one that its provider refused.
const NO_MODEL_KEY: &str = "no_model_key";
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
        if let Some(failure) = keyless(&end) {
            view.close();
            return Err(failure);
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

/// Nobody sets a key while the demo runs, so that who waits for one waits for ever.
fn keyless(end: &End) -> Option<Failure> {
    let whys = end.subtasks.iter().chain([&end.parent]).filter_map(|detail| detail.task.why.as_ref());
    let why = whys.into_iter().find(|why| why.code == NO_MODEL_KEY)?;
    let hint = "put a good key into your environment, or none, and run mi demo again; without a key it has two small analysers";
    Some(Failure::new(why.message.clone()).hint(hint))
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn task(id: i64, why: Value) -> TaskDetail {
        let task = json!({"id": id, "title": "look", "kind": "review", "priority": 50, "status": "queued",
            "created_by": "owner", "required_tools": [], "attempts": 1, "max_attempts": 3, "verification": "none",
            "subtask_count": 0, "why": why, "created_at": "2026-04-27T09:30:00.000Z",
            "updated_at": "2026-04-27T09:30:00.000Z"});
        let detail = json!({"task": task, "logs": [], "comments": [], "subtasks": [], "artifacts": [],
            "linkedMessages": [], "sessions": []});
        serde_json::from_value(detail).unwrap()
    }

    #[test]
    fn who_waits_for_a_key_is_not_waited_for() {
        let parent = || task(1, json!({"code": "open_subtasks", "message": "waits for 2 open subtasks"}));
        let coming = task(2, json!({"code": "waiting_for_agent", "message": "an agent is about to take it"}));
        let refused = json!({"code": "no_model_key", "message": "anthropic refused the key that analyst needs"});
        assert!(keyless(&End { parent: parent(), subtasks: vec![coming.clone()] }).is_none());
        let failure = keyless(&End { parent: parent(), subtasks: vec![coming, task(3, refused)] }).unwrap();
        let shown = format!("{failure:?}");
        assert!(shown.contains("anthropic refused the key that analyst needs"), "{shown}");
        assert!(shown.contains("run mi demo again"), "{shown}");
    }
}
