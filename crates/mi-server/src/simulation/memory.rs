//! What the office tells of itself in the end, for the history checker.

use serde::de::DeserializeOwned;
use serde_json::Value;
use testkit::history::{self, Memory, Remembered};

use super::world::State;
use crate::testing::{TestHouse, TestOffice};
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::wire::tasks::{Task, TaskDetail};

pub async fn check(house: &TestHouse, state: &State) -> Vec<String> {
    let office = TestOffice { house, id: state.office };
    let mut memory = Memory { events: all(&office, "/events").await, ..Memory::default() };
    for task in all::<Task>(&office, "/tasks").await {
        let detail: TaskDetail = read(&office, &format!("/tasks/{}", task.id)).await;
        memory.tasks.insert(task.id, Remembered::from(detail));
    }
    let violations = history::check(&state.recorder.history(), &memory);
    violations.iter().map(ToString::to_string).collect()
}

async fn all<T: DeserializeOwned>(office: &TestOffice<'_>, path: &str) -> Vec<T> {
    let mut found = Vec::new();
    loop {
        let page: Vec<T> = read(office, &format!("{path}?limit={LIST_LIMIT_MAX}&offset={}", found.len())).await;
        if page.is_empty() {
            return found;
        }
        found.extend(page);
    }
}

async fn read<T: DeserializeOwned>(office: &TestOffice<'_>, path: &str) -> T {
    let answer = office.call("GET", path, Value::Null).await.ok();
    serde_json::from_value(answer).unwrap()
}
