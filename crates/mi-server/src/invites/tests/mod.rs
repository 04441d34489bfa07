//! Invites through the front door: who comes in, who doesn't, and who is asked.

mod applying;
mod joining;
mod making;
mod presence;
mod throttling;

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use crate::testing::{Speaker, TestHouse, TestOffice, TestReply};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const JOIN: &str = "/api/agents/join";
const APPLY: &str = "/api/agents/join/apply";
const CLAIM: &str = "/auth/claim";
/// A code that no invite of a test has, but for one time in a billion.
const WRONG: &str = "AAAAAA";

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Somebody with an address of the network.
fn from(house: &TestHouse, n: u32) -> Speaker<'_> {
    house.nobody().from(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n)))
}

async fn invite(office: TestOffice<'_>) -> String {
    made(office, json!({})).await
}

async fn made(office: TestOffice<'_>, wish: Value) -> String {
    office.call("POST", "/invites", wish).await.ok()["code"].as_str().unwrap().to_owned()
}

async fn join(speaker: &Speaker<'_>, code: &str, name: &str) -> TestReply {
    speaker.call("POST", JOIN, json!({"code": code, "agent_name": name})).await
}

/// An agent that came in; it speaks with its key.
async fn joined<'a>(office: TestOffice<'a>, name: &str) -> Speaker<'a> {
    let code = invite(office).await;
    let joined = join(&office.house.nobody(), &code, name).await.ok();
    office.house.as_key(joined["api_key"].as_str().unwrap())
}

/// What has become of the newest invite.
async fn newest(office: TestOffice<'_>) -> Value {
    office.call("GET", "/invites", Value::Null).await.ok()[0].clone()
}

/// Types of the office's events, oldest first.
async fn events(office: TestOffice<'_>) -> Vec<String> {
    let list = office.call("GET", "/events?limit=500", Value::Null).await.ok();
    let mut kinds: Vec<String> =
        list.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    if list[0]["seq"].as_i64() > list[kinds.len() - 1]["seq"].as_i64() {
        kinds.reverse();
    }
    kinds
}
