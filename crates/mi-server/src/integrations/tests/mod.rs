//! Integrations through the front door.

mod agents;
mod requests;
mod secrecy;
mod setting;

use serde_json::{Value, json};

use crate::testing::{TestOffice, TestReply};

async fn get(office: TestOffice<'_>, rest: &str) -> Value {
    office.call("GET", rest, Value::Null).await.ok()
}

async fn set_secret(office: TestOffice<'_>, id: &str, body: Value) -> TestReply {
    office.call("POST", &format!("/integrations/{id}/secret"), body).await
}

async fn toggle(office: TestOffice<'_>, id: &str, agent: &str, enabled: bool) -> Value {
    office.call("POST", &format!("/integrations/{id}/agents/{agent}"), json!({"enabled": enabled})).await.ok()
}

async fn status(office: TestOffice<'_>, id: &str) -> Value {
    get(office, &format!("/integrations/{id}")).await["status"].clone()
}

/// The ids that are on for an agent.
async fn enabled(office: TestOffice<'_>, agent: &str) -> Vec<String> {
    let found = get(office, &format!("/employees/{agent}/integrations")).await;
    found["integrations"].as_array().unwrap().iter().map(|card| card["id"].as_str().unwrap().to_owned()).collect()
}
