//! What the owner does: creates, decides, edits, hires and fires.

use mi_core::ids::TaskId;
use mi_core::time::Millis;
use serde_json::{Value, json};
use testkit::history::{Ask, Ending};

use super::world::{HOSTED, Request, World, created, other};

/// Agents elsewhere at most.
const ELSEWHERE_MAX: usize = 5;
/// A task that may not begin yet begins after so long.
const NOT_BEFORE_MS: i64 = 30_000;

impl World<'_> {
    pub(super) async fn create(&mut self) {
        let body = self.draft();
        let title = body["title"].as_str().unwrap().to_owned();
        let ask = Ask::Create { title, parent: body["parentId"].as_i64().map(TaskId) };
        let request = Request { speaker: self.house.owner(), method: "POST", path: "/tasks".to_owned(), body };
        let before = self.state.tasks;
        match self.ask(ask, request, created).await {
            Some(reply) if reply.status == 201 => {
                let id = reply.json["id"].as_i64().unwrap();
                assert_eq!(id, before + 1, "numbers of tasks have no gaps\n{}", self.told());
                self.state.tasks = id;
            }
            Some(_) => {}
            None => self.count_tasks().await,
        }
    }

    /// Nobody knows whether the last one was created; the office does.
    pub(super) async fn count_tasks(&mut self) {
        let stats = self.office.call("GET", "/tasks/stats", Value::Null).await.ok();
        self.state.tasks = stats["total"].as_i64().unwrap();
    }

    fn draft(&mut self) -> Value {
        let number = self.chance().next();
        let mut body = json!({"title": format!("t{number}"), "priority": self.chance().below(101)});
        if self.chance().one_in(4) {
            body["parentId"] = json!(self.any_task());
        }
        if self.chance().one_in(3) {
            body["dependsOn"] = json!([self.any_task(), self.any_task()]);
        }
        if self.chance().one_in(3) {
            let mut names: Vec<String> = HOSTED.map(str::to_owned).to_vec();
            names.extend(self.state.elsewhere.iter().cloned());
            body["assignedAgent"] = json!(self.chance().pick(&names));
        }
        if self.chance().one_in(8) {
            body["notBefore"] = json!((self.house.now() + Millis(NOT_BEFORE_MS)).to_string());
        }
        body
    }

    pub(super) async fn owner_decides(&mut self) {
        let id = self.any_task();
        let task = TaskId(id);
        let (ask, act, body) = match self.chance().below(6) {
            0 => (Ask::Cancel { task }, "cancel", json!({})),
            1 | 2 => (Ask::Retry { task }, "retry", json!({})),
            3 => (Ask::Verify { task, accepted: true }, "verify", json!({"accepted": true})),
            4 => (other("a comment", Ending::Task(task)), "comments", json!({"message": "go on"})),
            _ => (Ask::Verify { task, accepted: false }, "verify", json!({"accepted": false, "comments": "again"})),
        };
        self.owner_asks(ask, "POST", &format!("/tasks/{id}/{act}"), body).await;
    }

    pub(super) async fn edit(&mut self) {
        let id = self.any_task();
        let name = {
            let names = self.state.elsewhere.clone();
            self.chance().pick(&names).cloned()
        };
        let body = match self.chance().below(5) {
            0 => json!({"assignedAgent": ""}),
            1 => json!({"assignedAgent": name}),
            2 => json!({"dependsOn": [self.any_task()]}),
            3 => json!({"priority": self.chance().below(101)}),
            _ => json!({"status": "queued"}),
        };
        let ask = other("an edit", Ending::Task(TaskId(id)));
        self.owner_asks(ask, "PATCH", &format!("/tasks/{id}"), body).await;
    }

    /// What came too late is taken or dropped, where there is any.
    pub(super) async fn judge_late_results(&mut self) {
        let id = self.any_task();
        let list = self.office.call("GET", &format!("/tasks/{id}/late-results"), Value::Null).await;
        let Some(late) = list.json.as_array().and_then(|list| list.first()).cloned() else { return };
        let number = ["n", "number", "id"].iter().find_map(|name| late[name].as_i64()).unwrap();
        let verdict = if self.chance().one_in(2) { "accept" } else { "drop" };
        let path = format!("/tasks/{id}/late-results/{number}/{verdict}");
        self.owner_asks(other("a late result", Ending::Task(TaskId(id))), "POST", &path, json!({})).await;
    }

    pub(super) async fn hire_or_fire(&mut self) {
        let names = self.state.elsewhere.clone();
        if names.len() < ELSEWHERE_MAX && self.chance().one_in(2) {
            self.state.hired += 1;
            let name = format!("temp-{}", self.state.hired);
            self.office.hire(&name).await;
            self.office.call("POST", &format!("/employees/{name}/lifecycle"), json!({"action": "stop"})).await.ok();
            self.state.log.push(format!("{name} is hired"));
            self.state.elsewhere.push(name);
            return;
        }
        let Some(name) = self.chance().pick(&names).filter(|name| name.starts_with("temp")).cloned() else { return };
        let path = format!("/employees/{name}");
        let fired = self.owner_asks(other("a firing", Ending::EveryClaim), "DELETE", &path, Value::Null).await;
        assert!(fired.is_none_or(|reply| reply.status < 300), "{name} can't be fired\n{}", self.told());
        self.state.elsewhere.retain(|known| *known != name);
    }

    pub(super) async fn send_a_message(&mut self) {
        let to = *self.chance().pick(&HOSTED).unwrap();
        let body = json!({"to": to, "content": "how far are you?"});
        self.owner_asks(other("a message", Ending::Nothing), "POST", "/messages/send", body).await;
    }
}
