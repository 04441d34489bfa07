//! The environment through the front door.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::service::for_session;
use crate::testing::{TestHouse, TestOffice, TestReply};

async fn put(office: TestOffice<'_>, rest: &str, body: Value) -> TestReply {
    office.call("PUT", rest, body).await
}

async fn get(office: TestOffice<'_>, rest: &str) -> Value {
    office.call("GET", rest, Value::Null).await.ok()
}

async fn session_env(office: TestOffice<'_>, agent: &Value) -> BTreeMap<String, String> {
    let (keys, id, agent) =
        (office.house.house.keys.clone(), office.id, agent["id"].as_str().unwrap().parse().unwrap());
    let read = office.house.house.db.read(move |tx| for_session(tx, &keys, id, agent)).await;
    read.unwrap().into_iter().collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn an_agents_own_variables_win_over_the_offices() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada =
        office.hire_with(json!({"name": "ada", "harness": "command", "command": "true", "env": {"MINE": "1"}})).await;
    let bob = office.hire("bob").await;
    put(office, "/env", json!({"REGION": "eu", "LEVEL": "info"})).await.ok();
    put(office, "/env", json!({"key": "LEVEL", "value": "debug", "agent_name": "ada"})).await.ok();
    put(office, "/employees/ada/env/TOKEN", json!({"value": "grün"})).await.ok();

    let of_ada = [("LEVEL", "debug"), ("MINE", "1"), ("REGION", "eu"), ("TOKEN", "grün")];
    assert_eq!(session_env(office, &ada).await, map(&of_ada));
    assert_eq!(session_env(office, &bob).await, map(&[("LEVEL", "info"), ("REGION", "eu")]));
    assert_eq!(
        get(office, "/employees/ada/env").await,
        json!([
            {"key": "LEVEL", "value": "debug", "scope": "agent", "agentName": "ada"},
            {"key": "MINE", "value": "1", "scope": "agent", "agentName": "ada"},
            {"key": "REGION", "value": "eu", "scope": "office"},
            {"key": "TOKEN", "value": "grün", "scope": "agent", "agentName": "ada"},
        ])
    );
    assert_eq!(
        get(office, "/env").await,
        json!([
            {"key": "LEVEL", "scope": "office"},
            {"key": "REGION", "scope": "office"},
            {"key": "LEVEL", "scope": "agent", "agentName": "ada"},
            {"key": "MINE", "scope": "agent", "agentName": "ada"},
            {"key": "TOKEN", "scope": "agent", "agentName": "ada"},
        ])
    );
    assert_eq!(get(office, "/env/values").await[0], json!({"key": "LEVEL", "value": "info", "scope": "office"}));

    office.call("DELETE", "/env/LEVEL?agentName=ada", Value::Null).await.ok();
    assert_eq!(session_env(office, &ada).await["LEVEL"], "info");
    office.call("DELETE", "/env/LEVEL", Value::Null).await.ok();
    let gone = office.call("DELETE", "/env/LEVEL", Value::Null).await;
    assert_eq!(gone.refused(), (404, "no_such_key".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn wrong_variables_are_refused_and_none_of_them_set() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let many: BTreeMap<String, &str> = (0..101).map(|n| (format!("V{n}"), "x")).collect();
    let large: BTreeMap<String, String> = (0..20).map(|n| (format!("V{n}"), "x".repeat(20_000))).collect();
    for (body, status, code) in [
        (json!({"GOOD": "x", "PATH": "/tmp"}), 400, "reserved_key"),
        (json!({"LD_PRELOAD": "x"}), 400, "reserved_key"),
        (json!({"key": "MI_CLAIM", "value": "7"}), 400, "reserved_key"),
        (json!({"a-b": "x"}), 400, "bad_request"),
        (json!({}), 400, "bad_request"),
        (json!(many), 400, "too_long"),
        (json!(large), 400, "too_long"),
        (json!({"key": "A", "value": "x", "agentName": "nobody"}), 404, "no_such_agent"),
    ] {
        assert_eq!(put(office, "/env", body).await.refused(), (status, code.to_owned()));
    }
    let reply = put(office, "/employees/nobody/env/A", json!({"value": "x"})).await;
    assert_eq!(reply.refused(), (404, "no_such_agent".to_owned()));
    assert_eq!(get(office, "/env").await, json!([]));
    house.close().await;
}

#[tokio::test]
async fn an_agent_sees_its_own_and_changes_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.hire("bob").await;
    put(office, "/employees/ada/env/MINE", json!({"value": "1"})).await.ok();
    let runner = office.runner("ada").await;
    let ada = runner.speaker();
    let own = office.call_as(&ada, "GET", "/employees/ada/env", Value::Null).await.ok();
    assert_eq!(own, json!([{"key": "MINE", "value": "1", "scope": "agent", "agentName": "ada"}]));
    for (method, rest, body) in [
        ("GET", "/employees/bob/env", Value::Null),
        ("GET", "/env", Value::Null),
        ("GET", "/env/values", Value::Null),
        ("PUT", "/env", json!({"A": "x"})),
        ("PUT", "/employees/ada/env/A", json!({"value": "x"})),
        ("DELETE", "/env/A", Value::Null),
    ] {
        let reply = office.call_as(&ada, method, rest, body).await;
        assert_eq!(reply.refused(), (403, "operator_only".to_owned()), "{method} {rest}");
    }
    house.close().await;
}

#[tokio::test]
async fn values_are_neither_in_the_store_nor_in_events() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    put(office, "/env", json!({"TOKEN": "quite-a-secret"})).await.ok();
    let events = get(office, "/events").await.to_string();
    assert!(events.contains("TOKEN") && !events.contains("quite-a-secret"), "{events}");
    let id = office.id;
    let rows = house.house.db.read(move |tx| Ok(super::store::all(tx, id)?)).await.unwrap();
    assert!(rows.iter().all(|row| row.sealed.starts_with("v1:") && !row.sealed.contains("quite")));
    house.close().await;
}

#[tokio::test]
async fn the_same_on_postgres() {
    let Some(house) = TestHouse::on_postgres().await else { return };
    let office = house.office().await;
    put(office, "/env", json!({"A": "1"})).await.ok();
    put(office, "/env", json!({"A": "2"})).await.ok();
    assert_eq!(get(office, "/env/values").await, json!([{"key": "A", "value": "2", "scope": "office"}]));
    office.call("DELETE", "/env/A", Value::Null).await.ok();
    assert_eq!(get(office, "/env").await, json!([]));
    house.close().await;
}
