//! What the server remembers of an office, read whole for the history checker.

use anyhow::{Context, Result};
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::wire::events::Event;
use mi_core::wire::tasks::{Task, TaskDetail};
use testkit::history::{Memory, Remembered};

use crate::http::Connection;
use crate::lives::Pen;

/// How much of each task is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// As lists show it.
    Listed,
    /// With its notes and attempts: a request a task.
    Whole,
}

pub async fn recall(connection: &mut Connection, pen: &Pen, depth: Depth) -> Result<Memory> {
    let mut memory = Memory { events: events(connection, pen).await?, ..Memory::default() };
    for task in tasks(connection, pen).await? {
        let remembered = match depth {
            Depth::Listed => Remembered::listed(&task),
            Depth::Whole => Remembered::from(detail(connection, pen, task.id.0).await?),
        };
        memory.tasks.insert(task.id, remembered);
    }
    Ok(memory)
}

pub async fn detail(connection: &mut Connection, pen: &Pen, id: i64) -> Result<TaskDetail> {
    let request = pen.request("GET", &format!("/tasks/{id}"), None, "");
    let answer = connection.send(&request).await?.ok().with_context(|| format!("task {id} can't be read"))?;
    serde_json::from_slice(answer).with_context(|| format!("task {id} is not as expected"))
}

async fn tasks(connection: &mut Connection, pen: &Pen) -> Result<Vec<Task>> {
    let mut all: Vec<Task> = Vec::new();
    loop {
        let path = format!("/tasks?limit={LIST_LIMIT_MAX}&offset={}", all.len());
        let answer = connection.send(&pen.request("GET", &path, None, "")).await?;
        let page: Vec<Task> = serde_json::from_slice(answer.ok()?).context("a list of tasks is not as expected")?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn events(connection: &mut Connection, pen: &Pen) -> Result<Vec<Event>> {
    let mut all: Vec<Event> = Vec::new();
    loop {
        let since = all.last().map_or(0, |event| event.seq);
        let path = format!("/events?limit={LIST_LIMIT_MAX}&since={since}");
        let answer = connection.send(&pen.request("GET", &path, None, "")).await?;
        let page: Vec<Event> = serde_json::from_slice(answer.ok()?).context("a list of events is not as expected")?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
