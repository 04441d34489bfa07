//! What came of it: findings, artifacts, cost, and where the time went.

use std::time::Instant;

use mi_cli::programs::DemoArgs;
use mi_core::credits::Micro;
use mi_core::tasks::status::Status;
use mi_core::time::Time;
use mi_core::wire::tasks::{Task, TaskDetail};
use mi_core::wire::usage::LlmSummary;
use mi_server::infra::config::PodsKind;
use serde::Serialize;

use super::stage::Stage;
use super::story::Story;
use super::watch::End;
use crate::failure::Failure;

const DIGEST_CHARS_SHOWN: usize = 12;
const RESULT_WIDTH: usize = 100;

#[derive(Serialize)]
pub struct Report {
    endpoint: String,
    office: String,
    agents: String,
    pods: &'static str,
    file: String,
    ok: bool,
    parent: TaskDetail,
    subtasks: Vec<TaskDetail>,
    usage: LlmSummary,
    timings: Timings,
}

/// In milliseconds.
#[derive(Serialize)]
struct Timings {
    server_ready: u128,
    total: u128,
    tasks: Vec<TaskTiming>,
}

#[derive(Serialize)]
struct TaskTiming {
    task: i64,
    waited: Option<i64>,
    worked: Option<i64>,
}

impl Report {
    pub async fn of(stage: &Stage, story: &Story, end: End, began: Instant) -> Result<Self, Failure> {
        let usage = story.client.usage(story.office).llm_summary().await?;
        let done = |detail: &TaskDetail| detail.task.status == Status::Done;
        let proven = |detail: &TaskDetail| done(detail) && !detail.artifacts.is_empty();
        let tasks = end.subtasks.iter().map(|detail| timing(&detail.task)).collect();
        Ok(Self {
            endpoint: stage.endpoint().to_owned(),
            office: story.office.to_string(),
            agents: story.brains.clone(),
            pods: match stage.pods {
                PodsKind::Local => "local",
                PodsKind::Process => "process",
            },
            file: story.file.to_string(),
            ok: done(&end.parent) && end.subtasks.iter().all(proven),
            parent: end.parent,
            subtasks: end.subtasks,
            usage,
            timings: Timings { server_ready: stage.ready_ms, total: began.elapsed().as_millis(), tasks },
        })
    }

    pub fn is_good(&self) -> bool {
        self.ok
    }

    pub fn json(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|error| Failure::new(error.to_string()))
    }

    pub fn text(&self, stage: &Stage, args: &DemoArgs) -> String {
        let mut lines = Vec::new();
        for detail in &self.subtasks {
            lines.extend(findings(detail));
        }
        let parent = &self.parent.task;
        lines.push(format!("\nTask {} “{}”: {}", parent.id, parent.title, parent.status));
        lines.extend(self.artifacts());
        lines.push(format!("\n{}", self.cost()));
        lines.push(self.time());
        lines.push(next_steps(stage, args));
        lines.join("\n")
    }

    fn artifacts(&self) -> Vec<String> {
        let mut lines = vec!["\nArtifacts on the drive, with the digest they were linked with:".to_owned()];
        for detail in &self.subtasks {
            lines.extend(detail.artifacts.iter().map(|artifact| {
                let digest: String = artifact.sha256.chars().take(DIGEST_CHARS_SHOWN).collect();
                let (path, size, by) = (&artifact.path, artifact.size, &artifact.created_by);
                format!("  {path}  {size} bytes  sha256 {digest}…  by {by}")
            }));
        }
        if lines.len() == 1 {
            lines.push("  none".to_owned());
        }
        lines
    }

    fn cost(&self) -> String {
        match (self.usage.total_tokens, self.usage.total_credits) {
            (0, Micro(0)) => "Cost: nothing; no model was called.".to_owned(),
            (tokens, credits) => {
                let credits = serde_json::to_string(&credits).unwrap_or_default();
                format!("Cost: {credits} credits (${:.4}) for {tokens} tokens.", self.usage.total_cost)
            }
        }
    }

    fn time(&self) -> String {
        let tasks = self.timings.tasks.iter().map(|timing| {
            let ms = |value: Option<i64>| value.map_or("-".to_owned(), |value| format!("{value} ms"));
            format!("task {} waited {} and took {}", timing.task, ms(timing.waited), ms(timing.worked))
        });
        let tasks = tasks.collect::<Vec<_>>().join(", ");
        format!("Time: server ready after {} ms; {tasks}; {} ms in all.", self.timings.server_ready, self.timings.total)
    }
}

fn timing(task: &Task) -> TaskTiming {
    let between = |from: Option<Time>, to: Option<Time>| Some((to? - from?).0);
    TaskTiming {
        task: task.id.0,
        waited: between(Some(task.created_at), task.started_at),
        worked: between(task.started_at, task.completed_at),
    }
}

fn findings(detail: &TaskDetail) -> Vec<String> {
    let task = &detail.task;
    let who = task.assigned_agent.as_deref().unwrap_or("nobody");
    let mut lines = vec![format!("\nTask {} “{}”, by {who}: {}", task.id, task.title, task.status)];
    let said = task.result_summary.as_deref().or(task.error.as_deref()).unwrap_or("no result");
    lines.extend(said.lines().flat_map(wrapped));
    lines
}

/// Lines of a width that can be read, indented; control characters of agents' text are left out.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        let full = lines.last().is_some_and(|line| line.chars().count() + word.chars().count() + 1 > RESULT_WIDTH);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(&word);
        }
    }
    lines.into_iter().map(|line| format!(" {line}")).collect()
}

fn next_steps(stage: &Stage, args: &DemoArgs) -> String {
    if args.keep {
        let home = stage.home().display().to_string();
        return format!(
            "\nTry next, in another terminal:\n  MI_HOME={home} mi tasks get 2\n  MI_HOME={home} mi files list\n  \
             MI_HOME={home} mi agents activity reviewer"
        );
    }
    "\nTry next:\n  mi demo --keep        # the same, and the server stays to look around\n  \
     mi demo FILE.go       # another file has other findings\n  \
     mi up                 # your own server; then: mi colonies create --name \"My Colony\""
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_results_are_wrapped_and_tamed() {
        let text = format!("{} \u{1b}[31mred", "word ".repeat(50));
        let lines = wrapped(&text);
        assert!(lines.len() > 2 && lines.iter().all(|line| line.chars().count() <= RESULT_WIDTH + 2));
        assert!(!lines.concat().contains('\u{1b}'));
    }
}
