//! A runner that does what its test says: the protocol, without a process.

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use mi_core::ids::AgentId;
use mi_core::wire::runner::{NextAnswer, RunnerWelcome, SessionGrant};
use mi_core::wire::terminals::TerminalOrder;
use mi_pods::FakePod;
use serde_json::{Value, json};
use tokio::io::DuplexStream;

use super::{Speaker, TestOffice, TestReply};
use crate::infra::http::Via;

pub struct FakeRunner<'a> {
    pub office: TestOffice<'a>,
    pub name: String,
    pub agent: AgentId,
    pub boot_id: String,
    pub ticket: String,
    pub pod: Arc<FakePod>,
    pub welcome: RunnerWelcome,
    poll: i64,
}

impl<'a> FakeRunner<'a> {
    /// Takes the ticket of the agent's pod, starting it if need be, and says hello.
    pub(super) async fn start(office: TestOffice<'a>, name: &str) -> Self {
        let card = office.call("GET", &format!("/employees/{name}"), Value::Null).await.ok();
        let agent: AgentId = card["id"].as_str().unwrap().parse().unwrap();
        office.house.settle().await;
        let started = office.house.take_started(&office.id.0.simple().to_string(), name);
        let started = started.unwrap_or_else(|| panic!("no pod of {name} waits for a runner"));
        let (ticket, pod) = (started.spec.ticket.to_string(), started.pod);
        let boot_id = format!("{name}-{}", started.spec.epoch);
        let reply = hello(office, agent, name, &ticket, &boot_id).await;
        let welcome = serde_json::from_value(reply.ok()).unwrap();
        Self { office, name: name.to_owned(), agent, boot_id, ticket, pod, welcome, poll: 0 }
    }

    /// The same hello once more, as after a lost answer.
    pub async fn hello_again(&self) -> TestReply {
        hello(self.office, self.agent, &self.name, &self.ticket, &self.boot_id).await
    }

    /// The runner itself, with its token, through its pod's door.
    pub fn speaker(&self) -> Speaker<'a> {
        self.office.house.as_key(&self.welcome.token).through(Via::Pod(self.agent))
    }

    /// A harness at work, with its session's credential.
    pub fn harness(&self, grant: &SessionGrant) -> Speaker<'a> {
        self.office.house.as_key(&grant.credential).through(Via::Pod(self.agent))
    }

    /// A new question; `wait` in seconds.
    pub async fn next(&mut self, wait: i64) -> TestReply {
        self.poll += 1;
        self.next_again(wait).await
    }

    /// The last question once more.
    pub async fn next_again(&self, wait: i64) -> TestReply {
        let path = format!("/employees/{}/runner/next", self.name);
        let body = json!({"poll": self.poll, "wait": wait, "freeSlots": 1});
        self.office.call_as(&self.speaker(), "POST", &path, body).await
    }

    /// The session that the next question brings, if any.
    pub async fn take(&mut self) -> Option<SessionGrant> {
        let reply = self.next(0).await;
        if reply.status == 204 {
            return None;
        }
        let answer: NextAnswer = serde_json::from_value(reply.ok()).unwrap();
        answer.session
    }

    /// The session that the next question must bring.
    pub async fn must_take(&mut self) -> SessionGrant {
        self.take().await.unwrap_or_else(|| panic!("there is nothing for {}", self.name))
    }

    /// The terminals that the next question brings.
    pub async fn terminals(&mut self, wait: i64) -> Vec<TerminalOrder> {
        let reply = self.next(wait).await;
        if reply.status == 204 {
            return Vec::new();
        }
        let answer: NextAnswer = serde_json::from_value(reply.ok()).unwrap();
        answer.terminals
    }

    /// Comes for a terminal: the answer, and the pod's end of it.
    pub async fn attach(&self, id: i64) -> (Response<Body>, DuplexStream) {
        let path = self.office.path(&format!("/employees/{}/runner/terminals/{id}", self.name));
        self.speaker().become_terminal(&path).await
    }

    pub async fn beat(&self, grant: &SessionGrant) -> TestReply {
        self.post(grant, "beat", json!({"seen": 0, "wait": 0})).await
    }

    /// Log lines of the harness, numbered from `from`.
    pub async fn log(&self, grant: &SessionGrant, from: i64, lines: &[&str]) -> TestReply {
        let at = self.office.house.now().to_string();
        let items: Vec<Value> = lines.iter().map(|line| json!({"at": at, "kind": "log", "text": line})).collect();
        self.post(grant, "events", json!({"from": from, "items": items})).await
    }

    /// The harness reports its task done.
    pub async fn done(&self, grant: &SessionGrant, result: &str) -> TestReply {
        let task = grant.task.expect("a session for a message has no task");
        let body = json!({"status": "done", "result": result});
        self.office.call_as(&self.harness(grant), "PATCH", &format!("/tasks/{task}"), body).await
    }

    /// `cause`: `finished`, `failed`, `drain`…
    pub async fn end(&self, grant: &SessionGrant, cause: &str) -> TestReply {
        self.post(grant, "end", json!({"exit": 0, "cause": cause, "summary": "", "last": 0})).await
    }

    async fn post(&self, grant: &SessionGrant, act: &str, body: Value) -> TestReply {
        self.office.call_as(&self.speaker(), "POST", &format!("/sessions/{}/{act}", grant.id), body).await
    }

    /// Its pod's program ends.
    pub async fn exit(self, code: i32) {
        self.exit_unseen(code);
        self.office.house.settle().await;
    }

    /// The same, and no sweep has come by yet.
    pub fn exit_unseen(&self, code: i32) {
        self.pod.exit(code);
    }
}

async fn hello(office: TestOffice<'_>, agent: AgentId, name: &str, ticket: &str, boot_id: &str) -> TestReply {
    let speaker = office.house.as_key(ticket).through(Via::Pod(agent));
    let body = json!({"bootId": boot_id, "version": "test", "harnesses": ["command"], "slots": 1});
    office.call_as(&speaker, "POST", &format!("/employees/{name}/runner"), body).await
}
