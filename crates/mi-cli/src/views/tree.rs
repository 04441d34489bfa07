//! Tasks as a tree: parents with their parts, and what each waits for.

use std::collections::BTreeMap;

use mi_core::ids::TaskId;
use mi_core::tasks::status::{Status, Verification};
use mi_core::time::Time;
use mi_core::wire::tasks::Task;
use serde_json::{Value, json};

use super::waiting;
use crate::output::{Screen, Tone, clean};

/// Parts within parts; the server's own limit is lower.
const DEPTH_MAX: usize = 32;
const MILLIS_PER_SECOND: i64 = 1_000;

pub struct Tree<'a> {
    tasks: BTreeMap<TaskId, &'a Task>,
    parts: BTreeMap<TaskId, Vec<TaskId>>,
    now: Time,
    screen: Screen,
}

impl<'a> Tree<'a> {
    pub fn new(tasks: &'a [Task], now: Time, screen: Screen) -> Self {
        let by_id: BTreeMap<TaskId, &Task> = tasks.iter().map(|task| (task.id, task)).collect();
        let mut parts: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
        for task in by_id.values() {
            if let Some(parent) = task.parent_id {
                parts.entry(parent).or_default().push(task.id);
            }
        }
        Self { tasks: by_id, parts, now, screen }
    }

    /// Tasks that are part of none that is here.
    fn roots(&self) -> Vec<TaskId> {
        let is_root = |task: &&&Task| task.parent_id.is_none_or(|parent| !self.tasks.contains_key(&parent));
        self.tasks.values().filter(is_root).map(|task| task.id).collect()
    }

    /// Everything, or what is below one task.
    pub fn render(&self, root: Option<TaskId>) -> String {
        let roots = root.map_or_else(|| self.roots(), |root| vec![root]);
        let mut text = String::new();
        for id in roots {
            self.branch(id, "", "", 0, &mut text);
        }
        text
    }

    /// `head` stands before the task, `indent` before its parts.
    fn branch(&self, id: TaskId, head: &str, indent: &str, depth: usize, text: &mut String) {
        let Some(task) = self.tasks.get(&id) else { return };
        text.push_str(&format!("{}{}\n", self.screen.paint.tint(Tone::Faint, head), self.line(task)));
        if depth > DEPTH_MAX {
            return;
        }
        let parts = self.parts.get(&id).map(Vec::as_slice).unwrap_or_default();
        for (n, part) in parts.iter().enumerate() {
            let (corner, below) = if n + 1 == parts.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.branch(*part, &format!("{indent}{corner}"), &format!("{indent}{below}"), depth + 1, text);
        }
    }

    fn line(&self, task: &Task) -> String {
        let paint = self.screen.paint;
        let (glyph, tone) = glyph(task);
        let name = task.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let title = clean(&task.title).replace('\n', " ");
        let mut line = format!("{} #{} {name}{title}", paint.tint(tone, glyph), task.id);
        let mut faint = |text: String| line.push_str(&format!("  {}", paint.tint(Tone::Faint, &text)));
        if let Some(agent) = task.claimed_by.as_ref().map(ToString::to_string).or_else(|| task.assigned_agent.clone()) {
            faint(format!("@{}", clean(&agent)));
        }
        if let Some(duration) = self.duration(task) {
            faint(duration);
        }
        if let Some(waits) = self.dependencies(task) {
            faint(waits);
        }
        if let Some(why) = &task.why {
            line.push_str(&format!("  {}", paint.tint(Tone::Waiting, &waiting::word(&why.code))));
        }
        line
    }

    /// `after #2 ✓ #3 ○`
    fn dependencies(&self, task: &Task) -> Option<String> {
        let ids = task.depends_on.as_deref().unwrap_or_default().split(',').filter_map(|id| id.parse::<TaskId>().ok());
        let shown: Vec<String> = ids
            .map(|id| match self.tasks.get(&id) {
                Some(task) => format!("#{id} {}", glyph(task).0),
                None => format!("#{id}"),
            })
            .collect();
        (!shown.is_empty()).then(|| format!("after {}", shown.join(" ")))
    }

    /// How long it took, or has been worked on.
    fn duration(&self, task: &Task) -> Option<String> {
        let end = match task.status {
            Status::Claimed | Status::Running => self.now,
            Status::Done | Status::Failed | Status::Cancelled => task.completed_at?,
            Status::Queued | Status::Blocked => return None,
        };
        Some(seconds((end - task.started_at?).0 / MILLIS_PER_SECOND))
    }

    /// Each task with its parts in it.
    pub fn json(&self, root: Option<TaskId>) -> Value {
        let roots = root.map_or_else(|| self.roots(), |root| vec![root]);
        Value::Array(roots.into_iter().filter_map(|id| self.node(id, 0)).collect())
    }

    fn node(&self, id: TaskId, depth: usize) -> Option<Value> {
        let mut node = serde_json::to_value(self.tasks.get(&id)?).ok()?;
        let parts = self.parts.get(&id).filter(|_| depth <= DEPTH_MAX);
        let parts: Vec<Value> = parts.into_iter().flatten().filter_map(|part| self.node(*part, depth + 1)).collect();
        node["subtasks"] = json!(parts);
        Some(node)
    }
}

fn glyph(task: &Task) -> (&'static str, Tone) {
    match (task.status, task.verification) {
        (Status::Queued, _) => ("○", Tone::Plain),
        (Status::Claimed, _) => ("◐", Tone::Busy),
        (Status::Running, _) => ("●", Tone::Busy),
        (Status::Blocked, _) => ("‖", Tone::Waiting),
        (Status::Done, Verification::Pending) => ("?", Tone::Waiting),
        (Status::Done, Verification::None | Verification::Accepted | Verification::Rejected) => ("✓", Tone::Good),
        (Status::Failed, _) => ("✗", Tone::Bad),
        (Status::Cancelled, _) => ("-", Tone::Faint),
    }
}

/// `12s`, `3m 5s`, `2h 10m`.
pub fn seconds(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    match seconds.max(0) {
        s if s < MINUTE => format!("{s}s"),
        s if s < HOUR => format!("{}m {}s", s / MINUTE, s % MINUTE),
        s => format!("{}h {}m", s / HOUR, s % HOUR / MINUTE),
    }
}

/// What the signs mean.
pub const LEGEND: &str = "○ queued  ◐ claimed  ● running  ‖ blocked  ✓ done  ? to be verified  ✗ failed  - cancelled";
