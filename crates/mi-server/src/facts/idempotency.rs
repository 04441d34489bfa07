//! `Idempotency-Key` on every operation that changes something: asked twice it answers the same and does it once.

use mi_core::problem::Code;
use serde_json::{Map, Value, json};

use super::access::{MODELS, while_time_passes};
use super::samples::{Place, Sample, sample, upload};
use super::world::{Who, World};
use crate::house::operations;
use crate::infra::caller::Access;
use crate::infra::http::Operation;
use crate::testing::{Speaker, TestHouse, TestReply};

/// Operations that a key says nothing to, and what makes a repetition of them safe instead.
const WITHOUT_A_KEY: &[(&str, &str)] = &[
    ("agents.leave", "whoever left is nobody any more: a repetition is refused as theirs"),
    ("audit.check", "changes nothing"),
    ("login.begin", "each login is its own, and one that nobody approves ends by itself"),
    ("login.poll", "the key is given once, to whoever asks first"),
    ("login.sign_in", "a form of a page: browsers send no key"),
    ("login.sign_in_by_link", "a form of a page; the link works once"),
    ("login.decide", "a form of a page; a login is decided once"),
    ("login.decide_application", "a form of a page; an application is decided once"),
    ("login.set_password", "a form of a page; the same password is set again"),
    ("login.sign_out", "a form of a page; whoever is signed out stays so"),
    ("runners.hello", "runner protocol: the same boot id gets the same answer"),
    ("runners.next", "runner protocol: the same poll number gets the same session"),
    ("terminals.debug", "a command runs each time that it is asked for, and clients don't repeat it"),
    ("terminals.shell", "the connection becomes a terminal"),
    ("terminals.attach", "runner protocol: the connection becomes the pod's end, once"),
    ("transfers.send", "a transfer is completed once; what comes after is told so"),
    ("gateway.call", "a stream of a provider's bytes, which nobody keeps"),
    ("gateway.ping", "it changes nothing, and each one looks anew"),
    ("mcp.answer", "the key goes along to the request that a tool's call stands for, and is kept there"),
];

#[tokio::test]
async fn a_key_makes_every_change_happen_once() {
    let mut waiting: Vec<Operation> = operations().into_iter().filter(Operation::is_mutating).collect();
    let total = waiting.len();
    waiting.retain(|operation| WITHOUT_A_KEY.iter().all(|(id, _)| *id != operation.id));
    assert_eq!(total - waiting.len(), WITHOUT_A_KEY.len(), "an exception names an operation that there isn't");
    while !waiting.is_empty() {
        let house = TestHouse::with_environment(&MODELS).await;
        let world = World::make(&house).await;
        while let Some(operation) = waiting.pop() {
            Twice::ask(&house, &world, &operation).await;
            // What was removed may be what the next operation is about.
            if operation.method == http::Method::DELETE || !world.is_whole().await {
                break;
            }
        }
        world.unmake().await;
        house.close().await;
    }
}

/// What was refused for a moment's reason may succeed later with the same key.
#[tokio::test]
async fn a_refusal_is_never_replayed() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"hireLimit": {"count": 1, "windowSeconds": 60}})).await.ok();
    office.hire("ada").await;
    let keyed = house.owner().with_header("idempotency-key", "bob");
    let bob = json!({"name": "bob", "harness": "command", "command": "true"});
    let hire = async || office.call_as(&keyed, "POST", "/employees", bob.clone()).await;
    assert_eq!(hire().await.refused(), (429, "hire_rate_limited".to_owned()));
    house.advance(61_000).await;
    let hired = hire().await;
    assert_eq!(hired.status, 201);
    assert_eq!(hire().await.bytes, hired.bytes);
    house.close().await;
}

/// One operation, asked again and again.
struct Twice<'a> {
    house: &'a TestHouse,
    operation: &'a Operation,
    speaker: Speaker<'a>,
    place: Place,
}

impl<'a> Twice<'a> {
    async fn ask(house: &'a TestHouse, world: &World<'a>, operation: &'a Operation) {
        let id = operation.id;
        let place = prepared(house, world.here(), id).await;
        let speaker = speaker(house, world, operation, &place).await.with_header("idempotency-key", id);
        let twice = Self { house, operation, speaker, place };
        let request = sample(operation, &twice.place);
        let first = twice.send(&request).await;
        assert!((200..300).contains(&first.status) && first.status != 204, "{id}: {} {}", first.status, first.json);
        let traces = twice.traces().await;
        let again = twice.send(&request).await;
        assert_eq!(again.status, first.status, "{id} answers a repetition otherwise");
        assert!(is_the_same(&again, &first), "{id} answers a repetition otherwise: {}", again.json);
        assert_eq!(twice.traces().await, traces, "{id} did it twice");
        let other = twice.send(&altered(operation, request)).await;
        assert_eq!(other.refused(), (422, Code::IdempotencyKeyReused.as_str().to_owned()), "{id} with another body");
        assert_eq!(twice.traces().await, traces, "{id} did something for another body");
    }

    async fn send(&self, request: &Sample) -> TestReply {
        let mut speaker = self.speaker.clone();
        if let Some(kind) = &request.content_type {
            speaker = speaker.with_header("content-type", kind);
        }
        let reply = speaker.send(self.operation.method.as_str(), &request.path, request.body.clone());
        if self.operation.id == "offices.delete" { while_time_passes(self.house, reply).await } else { reply.await }
    }

    /// Everything that a change leaves behind: events of the office, and offices.
    async fn traces(&self) -> Vec<Option<String>> {
        let events = format!("/api/v1/offices/{}/events", self.place.office);
        let mut counts = Vec::new();
        for list in [
            events.as_str(),
            "/api/v1/offices",
            "/api/v1/keys",
            &format!("/api/v1/offices/{}/tasks", self.place.office),
        ] {
            let reply = self.house.owner().call("GET", list, Value::Null).await;
            counts.push(reply.header("x-total-count").map(str::to_owned));
        }
        counts
    }
}

/// To the byte, but for a secret, which was shown once.
fn is_the_same(again: &TestReply, first: &TestReply) -> bool {
    if again.json["shown_once"] != json!(true) {
        return again.bytes == first.bytes;
    }
    let mut told = first.json.clone();
    told["shown_once"] = json!(true);
    for secret in ["key", "path", "code", "claim", "api_key", "poll_token"]
        .into_iter()
        .filter(|name| first.json.get(*name).is_some())
    {
        told[secret] = Value::Null;
    }
    told == again.json
}

/// Somebody for whom the operation succeeds.
pub async fn speaker<'a>(house: &'a TestHouse, world: &World<'a>, operation: &Operation, place: &Place) -> Speaker<'a> {
    match operation.id {
        // A hosted agent doesn't say itself what it is.
        "agents.update_self" => newcomer(house, &place.office).await,
        _ => world.speaker(who(operation.access)),
    }
}

fn who(access: Access) -> Who {
    match access {
        Access::Open
        | Access::User
        | Access::Known
        | Access::Viewer
        | Access::Owner
        | Access::Operator
        | Access::Member => Who::Owner,
        Access::Ticket => Who::Ticket,
        Access::Runner => Who::Runner,
        Access::Session => Who::Session,
        Access::Agent => Who::Agent,
    }
}

/// A place in which the operation succeeds, where the usual one is not.
pub async fn prepared(house: &TestHouse, here: Place, operation: &str) -> Place {
    let tasks = format!("/api/v1/offices/{}/tasks", here.office);
    let add = async |body: Value| house.owner().call("POST", &tasks, body).await.ok()["id"].to_string();
    match operation {
        // Done, and nobody has judged it.
        "tasks.verify" => Place { id: "2".to_owned(), ..here },
        "tasks.retry" => {
            let id = add(json!({"title": "to be retried"})).await;
            house.owner().call("POST", &format!("{tasks}/{id}/cancel"), Value::Null).await.ok();
            Place { id, ..here }
        }
        "tasks.accept_late" | "tasks.drop_late" => {
            let id = add(json!({"title": "to be reported late", "assignedAgent": "ada"})).await;
            report_late(house, &format!("{tasks}/claim"), &format!("{tasks}/{id}"), &id).await;
            Place { id, ..here }
        }
        "chat.remove_member" => {
            let groups = format!("/api/v1/offices/{}/xmtp/groups", here.office);
            let wish = json!({"name": "to be left", "members": [here.name]});
            let made = house.owner().call("POST", &groups, wish).await.ok();
            Place { group: made["id"].as_str().unwrap().to_owned(), ..here }
        }
        "invites.join" | "invites.apply" | "invites.revoke" => {
            Place { code: invite(house, &here.office, json!({"kind": "agent"})).await, ..here }
        }
        "backups.delete" => Place { backup: backup(house, &here).await, ..here },
        "backups.restore" => {
            let backup = backup(house, &here).await;
            Place { name: resting(house, &here, "lifecycle", json!({"action": "stop"})).await, backup, ..here }
        }
        "agents.restore" => Place { name: resting(house, &here, "archive", Value::Null).await, ..here },
        "invites.claim" => Place { code: invite(house, &here.office, json!({"kind": "human"})).await, ..here },
        "invites.approve" | "invites.refuse" => Place { id: application(house, &here.office, operation).await, ..here },
        "tasks.cancel" => Place { id: add(json!({"title": "to be cancelled"})).await, ..here },
        "tasks.claim" => {
            add(json!({"title": "to be claimed", "assignedAgent": "ada"})).await;
            here
        }
        "webhooks.delete" | "webhooks.enable" | "webhooks.test" | "webhooks.redeliver" => {
            Place { id: webhook(house, &here.office).await, ..here }
        }
        _ => here,
    }
}

/// The code of a new invite.
async fn invite(house: &TestHouse, office: &str, wish: Value) -> String {
    let made = house.owner().call("POST", &format!("/api/v1/offices/{office}/invites"), wish).await.ok();
    made["code"].as_str().unwrap().to_owned()
}

/// An agent from elsewhere.
async fn newcomer<'a>(house: &'a TestHouse, office: &str) -> Speaker<'a> {
    let wish = json!({"code": invite(house, office, json!({})).await, "agentName": "newcomer"});
    let joined = house.nobody().call("POST", "/api/agents/join", wish).await.ok();
    house.as_key(joined["api_key"].as_str().unwrap())
}

/// The number of an application that nobody has decided on.
async fn application(house: &TestHouse, office: &str, operation: &str) -> String {
    let code = invite(house, office, json!({"kind": "agent"})).await;
    let name = operation.replace('.', "-");
    let wish = json!({"code": code, "agentName": name, "statement": "a word"});
    house.nobody().call("POST", "/api/agents/join/apply", wish).await.ok()["application_id"].to_string()
}

/// One with a delivery that was given up: its address is nowhere.
async fn webhook(house: &TestHouse, office: &str) -> String {
    let webhooks = format!("/api/v1/offices/{office}/webhooks");
    let wish = json!({"url": "https://name.invalid/hook", "events": ["webhooks.none"]});
    let id = house.owner().call("POST", &webhooks, wish).await.ok()["id"].to_string();
    house.owner().call("POST", &format!("{webhooks}/{id}/test"), Value::Null).await.ok();
    house.settle().await;
    id
}

/// Claims the task, gives it back, and then reports it done with the claim that is gone.
async fn report_late(house: &TestHouse, claim: &str, task: &str, id: &str) {
    let claimed = house.owner().call("POST", claim, json!({"agent": "ada", "taskId": id})).await.ok();
    house.owner().call("PATCH", task, json!({"status": "queued", "reason": "too slow"})).await.ok();
    let late = house.owner().with_header("x-mi-claim", &claimed["claim"]["token"].to_string());
    let report = late.call("PATCH", task, json!({"status": "done", "result": "late"})).await;
    assert_eq!(report.refused().1, Code::StaleClaim.as_str());
}

/// The same request with another body.
fn altered(operation: &Operation, request: Sample) -> Sample {
    let body = match operation.id {
        "files.upload" => upload("stored.md", "other words"),
        // Takes no field that it doesn't know.
        "integrations.set_secret" => json!({"key": "another"}).to_string().into_bytes(),
        _ => {
            let mut object: Map<String, Value> = serde_json::from_slice(&request.body).unwrap_or_default();
            object.insert("colour".to_owned(), json!("blue"));
            Value::Object(object).to_string().into_bytes()
        }
    };
    Sample { body, ..request }
}

/// A backup of the agent's workspace.
async fn backup(house: &TestHouse, here: &Place) -> String {
    let path = format!("/api/v1/offices/{}/employees/{}/backups", here.office, here.name);
    house.owner().call("POST", &path, Value::Null).await.ok()["id"].as_str().unwrap().to_owned()
}

/// Another agent, whose pod is away because of this act.
async fn resting(house: &TestHouse, here: &Place, act: &str, body: Value) -> String {
    let employees = format!("/api/v1/offices/{}/employees", here.office);
    let name = format!("spare-{act}");
    let spare = json!({"name": name, "harness": "command", "command": "true"});
    house.owner().call("POST", &employees, spare).await.ok();
    house.owner().call("POST", &format!("{employees}/{name}/{act}"), body).await.ok();
    name
}
