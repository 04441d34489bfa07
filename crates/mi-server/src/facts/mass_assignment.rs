//! Fields that nobody may set: added to the body of every change, none of them gets anywhere.
//!
//! Each operation's sample is sent with every forbidden field that its shape doesn't have, in both casings and with
//! values that stand nowhere else. The request must succeed as it does without them (unknown fields are ignored), and
//! then no row of any table may hold one of the values.

use std::collections::BTreeSet;

use mi_core::casing::camel_keys;
use serde_json::{Map, Value, json};

use super::access::{MODELS, while_time_passes};
use super::idempotency::{prepared, speaker};
use super::samples::{Sample, sample};
use super::world::World;
use crate::house::operations;
use crate::infra::http::Operation;
use crate::infra::http::openapi::document;
use crate::testing::TestHouse;

const TEXT: &str = "mass-assigned";
const NUMBER: i64 = 987_654_321;
const ID: &str = "decafbad-0000-4000-8000-00000000cafe";

/// Fewer would mean that the judge overlooks some.
const JUDGED_MIN: usize = 30;

/// What belongs to the server alone, whatever the operation is about.
const TEXTS: &[&str] = &[
    "status",
    "state",
    "phase",
    "kind",
    "type",
    "role",
    "created_by",
    "added_by",
    "hired_by",
    "spawned_by",
    "claimed_by",
    "verification",
    "result",
    "result_summary",
    "error",
    "owner",
    "prefix",
    "key_hash",
    "hash",
    "password_hash",
    "public_key",
    "sealed",
    "name",
    "assigned_agent",
    "depends_on",
    "from_agent",
    "scope",
];
const NUMBERS: &[&str] = &[
    "balance",
    "balance_micro",
    "available",
    "attempts",
    "max_attempts",
    "split_rounds",
    "priority",
    "subtask_count",
    "open_dependencies",
    "session",
    "epoch",
    "event_seq",
    "task_seq",
    "agent_count",
    "created_at",
    "updated_at",
    "started_at",
    "completed_at",
    "lease_expires_at",
    "claim_token",
    "revoked_at",
    "last_used_at",
    "fired_at",
    "expires_at",
    "parent_id",
];
const IDS: &[&str] = &["id", "office_id", "owner_id", "user_id", "agent_id", "employee_id", "bot_id", "key_id"];

/// Operations that answer otherwise to fields which they don't know, as their pages say.
const ELSEWHERE: &[(&str, &str)] = &[
    ("offices.update_settings", "keeps what it doesn't know, under its name in the settings"),
    ("integrations.set_secret", "refuses a field that the integration doesn't have"),
    ("mcp.answer", "JSON-RPC; what a tool doesn't know is judged at the request that it stands for"),
    ("gateway.call", "passes a provider's own body on"),
    ("gateway.ping", "writes nothing, and here no provider answers"),
    ("files.upload", "a form of a file, with the fields of `files`"),
    ("terminals.debug", "writes nothing but what was run, and here no runner comes to run it"),
    ("transfers.send", "completes the one transfer that it names, and there is none to name here"),
];

#[tokio::test]
async fn what_nobody_may_set_is_not_set_by_any_change() {
    let document = document(&operations());
    let mut waiting: Vec<Operation> = operations().into_iter().filter(is_judged).collect();
    let judged = waiting.len();
    assert!(judged >= JUDGED_MIN, "only {judged} operations are judged");
    let mut wrong = Vec::new();
    while !waiting.is_empty() {
        let house = TestHouse::with_environment(&MODELS).await;
        let world = World::make(&house).await;
        while let Some(operation) = waiting.pop() {
            wrong.extend(attempt(&house, &world, &operation, &document).await);
            if operation.method == http::Method::DELETE || !world.is_whole().await {
                break;
            }
        }
        world.unmake().await;
        house.close().await;
    }
    println!("{judged} operations judged");
    assert!(wrong.is_empty(), "{} operations take more than they say:\n{}", wrong.len(), wrong.join("\n"));
}

fn is_judged(operation: &Operation) -> bool {
    operation.is_mutating()
        && operation.request.is_some()
        && !operation.id.starts_with("login.")
        && ELSEWHERE.iter().all(|(id, _)| *id != operation.id)
}

async fn attempt(house: &TestHouse, world: &World<'_>, operation: &Operation, document: &Value) -> Option<String> {
    let id = operation.id;
    let place = prepared(house, world.here(), id).await;
    let Sample { path, body, .. } = sample(operation, &place);
    let mut object: Map<String, Value> = serde_json::from_slice(&body).unwrap();
    let own: BTreeSet<String> = own_fields(operation, document).into_iter().chain(object.keys().cloned()).collect();
    object.extend(forbidden().filter(|(name, _)| !own.contains(name)));
    let speaker = speaker(house, world, operation, &place).await;
    let send = speaker.call(operation.method.as_str(), &path, Value::Object(object));
    let reply = if id == "offices.delete" { while_time_passes(house, send).await } else { send.await };
    if !(200..300).contains(&reply.status) {
        return Some(format!("{id} reads a field that it doesn't list: {} {}", reply.status, reply.json));
    }
    let spread: Vec<String> = house.everything().await.into_iter().filter(|row| holds_a_value(row)).collect();
    (!spread.is_empty()).then(|| format!("{id} stored it:\n    {}", spread.join("\n    ")))
}

fn holds_a_value(row: &str) -> bool {
    let simple = ID.replace('-', "");
    [TEXT, &NUMBER.to_string(), ID, &simple].iter().any(|value| row.contains(*value))
}

/// In both casings.
fn forbidden() -> impl Iterator<Item = (String, Value)> {
    let texts = TEXTS.iter().map(|name| (*name, json!(TEXT)));
    let numbers = NUMBERS.iter().map(|name| (*name, json!(NUMBER)));
    let ids = IDS.iter().map(|name| (*name, json!(ID)));
    let all: Vec<(&str, Value)> = texts.chain(numbers).chain(ids).collect();
    all.into_iter().flat_map(|(name, value)| {
        let snake = Map::from_iter([(name.to_owned(), value)]);
        let camel = camel_keys(snake.clone());
        snake.into_iter().chain(camel)
    })
}

/// What the shape of the request lists, in both casings.
fn own_fields(operation: &Operation, document: &Value) -> Vec<String> {
    let Some(shape) = &operation.request else { return Vec::new() };
    let schema = &document["components"]["schemas"][(shape.name)()];
    let mut properties: Vec<&String> = schema["properties"].as_object().into_iter().flat_map(Map::keys).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        properties.extend(part["properties"].as_object().into_iter().flat_map(Map::keys));
    }
    properties.into_iter().flat_map(|name| [name.clone(), snake(name)]).collect()
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[test]
fn the_judge_sees_what_was_stored() {
    assert!(holds_a_value("tasks: Row { values: [Int(987654321)] }"));
    assert!(holds_a_value("offices: Row { values: [Text(\"decafbad00004000800000000000cafe\")] }"));
    assert!(!holds_a_value("offices: Row { values: [Text(\"active\"), Int(1)] }"));
    assert!(forbidden().any(|(name, _)| name == "ownerId") && forbidden().any(|(name, _)| name == "owner_id"));
    assert_eq!(snake("assignedAgent"), "assigned_agent");
}
