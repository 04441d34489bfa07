//! One colony on a server, and what tests do in it again and again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::http::Answer;
use crate::said::Said;
use crate::server::Server;
use crate::waiting::until;

/// Tests hire faster than people.
const HIRES_MAX: i64 = 50;

#[derive(Debug, Clone, Copy)]
pub struct Office<'s> {
    pub server: &'s Server<'s>,
    id: [u8; 36],
}

impl<'s> Office<'s> {
    /// A new one that may hire as often as it likes.
    pub fn create(server: &'s Server<'s>, name: &str) -> Self {
        let said = server.mi(&["colonies", "create", "--name", name, "--json"]).ok();
        let office = Self::known(server, said.json()["id"].as_str().unwrap());
        office.set(&json!({"hireLimit": {"count": HIRES_MAX, "windowSeconds": 600}}));
        office
    }

    /// One that is there already.
    pub fn known(server: &'s Server<'s>, id: &str) -> Self {
        Self { server, id: id.as_bytes().try_into().expect("an office's id") }
    }

    pub fn id(&self) -> &str {
        std::str::from_utf8(&self.id).unwrap()
    }

    /// A path below this office.
    pub fn at(&self, rest: &str) -> String {
        format!("/api/v1/offices/{}{rest}", self.id())
    }

    pub fn call(&self, method: &str, rest: &str, body: Option<&Value>) -> Answer {
        self.server.call(method, &self.at(rest), body)
    }

    #[track_caller]
    pub fn read(&self, rest: &str) -> Value {
        let answer = self.call("GET", rest, None);
        assert_eq!(answer.status, 200, "{rest}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    #[track_caller]
    pub fn set(&self, settings: &Value) {
        let answer = self.call("PATCH", "/settings", Some(settings));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }

    /// `mi WORDS… --colony ID`.
    pub fn mi(&self, words: &[&str]) -> Said {
        self.server.mi(&[words, &["--colony", self.id()]].concat())
    }

    /// An agent that runs a line of the shell for each task.
    #[track_caller]
    pub fn hire(&self, name: &str, line: &str) {
        self.mi(&["agents", "hire", "--name", name, "--harness", "command", "--command", line]).ok();
    }

    /// A new task; its number.
    #[track_caller]
    pub fn task(&self, title: &str, flags: &[&str]) -> i64 {
        let said = self.mi(&[&["tasks", "create", "--title", title, "--json"], flags].concat()).ok();
        said.json()["id"].as_i64().unwrap()
    }

    /// A task with everything that hangs on it.
    #[track_caller]
    pub fn detail(&self, id: i64) -> Value {
        self.read(&format!("/tasks/{id}"))
    }

    /// Waits until a task has this status; everything about it then.
    #[track_caller]
    pub fn await_status(&self, id: i64, status: &str, limit: Duration) -> Value {
        self.await_task(id, status, limit, |task| task["status"] == status)
    }

    #[track_caller]
    pub fn await_task(&self, id: i64, what: &str, limit: Duration, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let seen = until_or(limit, || {
            last = self.detail(id);
            is_so(&last["task"]).then(|| last.clone())
        });
        seen.unwrap_or_else(|| panic!("task {id} is not {what} within {} s: {last:#}", limit.as_secs()))
    }

    /// Waits until an agent's pod runs and waits for work.
    #[track_caller]
    pub fn await_idle(&self, agent: &str, limit: Duration) {
        until(limit, &format!("{agent} is idle"), || {
            let phase = self.read(&format!("/employees/{agent}"))["status"]["phase"].clone();
            (phase == "Idle").then_some(())
        });
    }

    /// Waits until the last session of a task is over: a program may go on after its task is done, and ask its model again.
    #[track_caller]
    pub fn await_session_end(&self, task: i64, limit: Duration) -> Value {
        until(limit, &format!("the last session of task {task} is over"), || {
            let session = self.detail(task)["sessions"].as_array()?.last()?.clone();
            (!session["ended_at"].is_null()).then_some(session)
        })
    }

    /// The bytes of a file on the drive.
    #[track_caller]
    pub fn file(&self, name: &str) -> Vec<u8> {
        let answer = self.call("GET", &format!("/files/{name}"), None);
        assert_eq!(answer.status, 200, "{name}: {}", String::from_utf8_lossy(&answer.body));
        answer.body
    }

    /// Puts a file onto the drive.
    #[track_caller]
    pub fn push(&self, name: &str, bytes: &[u8]) {
        let path = self.server.house.put("pushed", bytes);
        self.mi(&["files", "push", "--as", name, path.to_str().unwrap()]).ok();
    }

    /// The names on the drive.
    #[track_caller]
    pub fn file_names(&self) -> Vec<String> {
        let list = self.read("/files");
        list.as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// Like `until`, but leaves the complaint to the caller.
fn until_or<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = std::time::Instant::now() + limit;
    until(limit * 2, "a look", || match look() {
        Some(seen) => Some(Some(seen)),
        None => (std::time::Instant::now() > end).then_some(None),
    })
}
