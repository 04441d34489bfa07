//! Checks through the routes of tasks, with sandboxes that the test decides about.

mod door;
mod judging;
mod sandboxes;

use mi_core::ids::ClaimToken;
use serde_json::{Value, json};

use crate::testing::{TestHouse, TestOffice, TestReply};

/// Agents whose pods are stopped: an operator claims for them.
async fn office_with<'a>(house: &'a TestHouse, names: &[&str]) -> TestOffice<'a> {
    let office = house.office().await;
    for name in names {
        office.hire(name).await;
        office.call("POST", &format!("/employees/{name}/lifecycle"), json!({"action": "stop"})).await.ok();
    }
    office
}

async fn claim(office: &TestOffice<'_>, agent: &str) -> Value {
    let reply = office.call("POST", "/tasks/claim", json!({"agent": agent})).await;
    assert_eq!(reply.status, 200, "there is nothing for {agent}");
    reply.ok()
}

async fn report(office: &TestOffice<'_>, task: &Value) -> TestReply {
    let speaker = office.house.with_claim(ClaimToken(task["claim"]["token"].as_i64().unwrap()));
    let done = json!({"status": "done", "result": "It is done, believe me."});
    office.call_as(&speaker, "PATCH", &format!("/tasks/{}", task["id"]), done).await
}

/// Claims for ada and reports the task done.
async fn work(office: &TestOffice<'_>) -> Value {
    let task = claim(office, "ada").await;
    report(office, &task).await.ok()
}

/// Runs what is due until no round runs any more.
async fn wait_for_rounds(house: &TestHouse) {
    house.settle().await;
    house.house.checks.settled().await;
    house.settle().await;
}

fn put(office: &TestOffice<'_>, name: &str, text: &str) {
    let path = office.house.house.drive_dir(office.id).join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

async fn detail(office: &TestOffice<'_>, id: i64) -> Value {
    office.call("GET", &format!("/tasks/{id}"), Value::Null).await.ok()
}

/// Status, verification and the word for what it waits for.
async fn standing(office: &TestOffice<'_>, id: i64) -> (String, String, String) {
    let task = office.get_task(id).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&task["status"]), text(&task["verification"]), text(&task["why"]["code"]))
}

fn stands(status: &str, verification: &str, why: &str) -> (String, String, String) {
    (status.to_owned(), verification.to_owned(), why.to_owned())
}

/// The kinds of events about checks, in order.
async fn said(office: &TestOffice<'_>) -> Vec<String> {
    let events = office.call("GET", "/events?limit=500", Value::Null).await.ok();
    let mut events: Vec<(i64, String)> = events
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["type"].as_str().unwrap().starts_with("checks."))
        .map(|event| (event["seq"].as_i64().unwrap(), event["type"].as_str().unwrap().to_owned()))
        .collect();
    events.sort();
    events.into_iter().map(|(_, kind)| kind).collect()
}
