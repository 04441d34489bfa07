//! An office of a test, and the people in it.

use mi_core::ids::OfficeId;
use mi_core::wire::runner::SessionGrant;
use serde_json::{Value, json};

use super::{FakeRunner, Speaker, TestHouse, TestReply, store};

#[derive(Clone, Copy)]
pub struct TestOffice<'a> {
    pub house: &'a TestHouse,
    pub id: OfficeId,
}

impl<'a> TestOffice<'a> {
    pub(super) async fn open(house: &'a TestHouse) -> Self {
        let made = house.call("POST", "/api/v1/offices", json!({"name": "test"})).await.ok();
        Self { house, id: made["id"].as_str().unwrap().parse().unwrap() }
    }

    /// `/tasks` below this office.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/offices/{}{rest}", self.id)
    }

    /// A request of the owner.
    pub async fn call(&self, method: &str, rest: &str, body: Value) -> TestReply {
        self.call_as(&self.house.owner(), method, rest, body).await
    }

    pub async fn call_as(&self, speaker: &Speaker<'_>, method: &str, rest: &str, body: Value) -> TestReply {
        speaker.call(method, &self.path(rest), body).await
    }

    /// An agent with the harness `command`; gives its card. Its pod starts with the next sweep.
    pub async fn hire(&self, name: &str) -> Value {
        self.hire_with(json!({"name": name, "harness": "command", "command": "true"})).await
    }

    pub async fn hire_with(&self, body: Value) -> Value {
        self.call("POST", "/employees", body).await.ok()
    }

    /// The runner in the agent's pod, signed in.
    pub async fn runner(&self, name: &str) -> FakeRunner<'a> {
        FakeRunner::start(*self, name).await
    }

    /// A new agent that has just taken a new task.
    pub async fn at_work(&self, name: &str) -> (FakeRunner<'a>, SessionGrant) {
        self.hire(name).await;
        let mut runner = self.runner(name).await;
        self.task(json!({"title": "a"})).await;
        let grant = runner.must_take().await;
        (runner, grant)
    }

    /// A task; gives its number.
    pub async fn task(&self, body: Value) -> i64 {
        self.call("POST", "/tasks", body).await.ok()["id"].as_i64().unwrap()
    }

    /// The task as it is now.
    pub async fn get_task(&self, id: i64) -> Value {
        self.call("GET", &format!("/tasks/{id}"), Value::Null).await.ok()["task"].clone()
    }

    /// A file of the owner's on the drive.
    pub async fn upload(&self, name: &str, text: &str) {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{text}\r\n--b--\r\n"
        );
        let speaker = self.house.owner().with_header("content-type", "multipart/form-data; boundary=b");
        speaker.send("POST", &self.path("/files"), body.into_bytes()).await.ok();
    }

    /// As many hires as a test likes.
    pub async fn lift_hire_limit(&self) {
        let changes = json!({"hireLimit": {"count": 1_000, "windowSeconds": 1}, "maxAgents": 1_000});
        self.call("PATCH", "/settings", changes).await.ok();
    }

    /// As they stand in the store: nothing can be done in an office whose settings can't be read.
    pub async fn set_raw_settings(self, settings: &'static str) {
        let id = self.id;
        self.house.house.db.write(move |tx| Ok(store::set_settings(tx, id, settings)?)).await.unwrap();
    }
}
