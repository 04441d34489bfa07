//! A whole colony at one look: who does what, what waits and why.

use std::collections::BTreeMap;

use mi_core::ids::TaskId;
use mi_core::tasks::status::Status;
use mi_core::time::Time;
use mi_core::wire::agents::Agent;
use mi_core::wire::offices::OfficeOverview;
use mi_core::wire::tasks::Task;

use super::{agents, offices, tree, waiting};
use crate::output::{Screen, Tone, clean};
use crate::table::{Cell, Table};

/// Everything that one look shows.
pub struct Look {
    pub overview: OfficeOverview,
    pub agents: Vec<Agent>,
    /// Queued, blocked, claimed and running.
    pub open: Vec<Task>,
    /// Open, and past their deadline.
    pub late: Vec<Late>,
    pub now: Time,
}

/// A task that isn't finished at its deadline.
#[derive(Debug, Clone)]
pub struct Late {
    pub id: i64,
    pub title: String,
    pub deadline: String,
    /// What kept it.
    pub why: String,
}

impl Look {
    pub fn render(&self, screen: Screen) -> String {
        let mut text = offices::overview(&self.overview, screen);
        let mut section = |name: &str, body: String| {
            text.push_str(&format!("\n{}\n{body}", screen.paint.tint(Tone::Strong, name)));
        };
        if !self.agents.is_empty() {
            section("agents", self.agents(screen));
        }
        if !self.late.is_empty() {
            section("late", self.late(screen));
        }
        let groups = waiting::groups(&self.open);
        if !groups.is_empty() {
            section("waiting", waiting::table(&groups, screen));
        }
        text
    }

    fn late(&self, screen: Screen) -> String {
        let mut table = Table::new(&["TASK", "TITLE", "DEADLINE", "WHY"]);
        for late in &self.late {
            let deadline = Time::parse(&late.deadline).map_or_else(|| late.deadline.clone(), super::moment);
            table.row([
                format!("#{}", late.id).into(),
                (&late.title).into(),
                Cell::toned(deadline, Tone::Bad),
                (&late.why).into(),
            ]);
        }
        table.render(screen)
    }

    fn agents(&self, screen: Screen) -> String {
        let held: BTreeMap<TaskId, &Task> = self.open.iter().map(|task| (task.id, task)).collect();
        let mut table = Table::new(&["NAME", "PHASE", "DOES", "SINCE"]);
        for agent in &self.agents {
            let task = self.task_of(agent, &held);
            let does = match task {
                Some(task) => Cell::toned(format!("#{} {}", task.id, clean(&task.title)), Tone::Plain),
                None if agent.status.message.is_empty() => Cell::maybe(None::<String>),
                None => Cell::toned(&agent.status.message, Tone::Faint),
            };
            let since = task.and_then(|task| task.started_at).map(|at| tree::seconds((self.now - at).0 / 1_000));
            table.row([(&agent.name).into(), agents::phase(agent.status.phase), does, Cell::maybe(since)]);
        }
        table.render(screen)
    }

    /// The one that the server names, or any that it holds.
    fn task_of<'a>(&self, agent: &Agent, held: &BTreeMap<TaskId, &'a Task>) -> Option<&'a Task> {
        let named = agent.status.current_task.and_then(|id| held.get(&id).copied());
        let holds = |task: &&&Task| {
            matches!(task.status, Status::Claimed | Status::Running) && task.claimed_by.as_ref() == Some(&agent.name)
        };
        named.or_else(|| held.values().find(holds).copied())
    }
}
