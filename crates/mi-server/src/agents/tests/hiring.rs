//! Hiring through the front door: who may, whom, how many, how fast.

use mi_core::credits::Micro;
use serde_json::{Value, json};

use crate::testing::{TestHouse, TestOffice};

const SECOND: i64 = 1_000;

async fn refused(office: TestOffice<'_>, body: Value) -> (u16, String) {
    office.call("POST", "/employees", body).await.refused()
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_hire_answers_the_agent_with_a_pod_to_come() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let body = json!({
        "name": "analyst", "role": "Analyst", "model_tier": "sonnet", "provider": "openai-codex",
        "skills": "go, rust", "systemPrompt": "Be exact.", "env": {"TOKEN": "x"}, "resources": {"memoryMib": 256},
    });
    let reply = office.call("POST", "/employees", body).await;
    assert_eq!(reply.status, 201);
    let card = reply.ok();
    for (key, value) in [
        ("name", json!("analyst")),
        ("modelTier", json!("sonnet")),
        ("modelProvider", json!("openai-codex")),
        ("harness", json!("openai-codex")),
        ("skills", json!(["go", "rust"])),
        ("kind", json!("hosted")),
        ("spawnedBy", Value::Null),
    ] {
        assert_eq!(card[key], value, "{key}");
    }
    assert_eq!(card["status"]["phase"], "Pending");
    assert!(card["status"]["message"].as_str().unwrap().contains("OPENAI_API_KEY"), "{card}");
    let list = office.call("GET", "/employees", Value::Null).await;
    assert_eq!(list.header("x-total-count"), Some("1"));
    assert_eq!(list.ok()[0]["id"], card["id"]);
    house.close().await;
}

#[tokio::test]
async fn a_limit_that_isnt_known_is_refused_and_the_known_ones_are_named() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let hire =
        |resources: Value| json!({"name": "ada", "harness": "command", "command": "true", "resources": resources});
    let reply = office.call("POST", "/employees", hire(json!({"memory": 256}))).await;
    let said = reply.json["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(reply.refused(), code(400, "bad_request"));
    assert!(said.contains("`memory`") && said.contains("`memoryMib`") && said.contains("`diskMib`"), "{said}");
    assert_eq!(refused(office, hire(json!({"diskMib": 0}))).await, code(400, "bad_request"));
    office.call("POST", "/employees", hire(json!({"disk_mib": 64, "diskFiles": 100, "pids": 64}))).await.ok();
    house.close().await;
}

#[tokio::test]
async fn with_a_model_key_an_agent_only_waits_for_its_pod() {
    let house = TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "sk-test")]).await;
    let office = house.office().await;
    let plain = office.hire_with(json!({"name": "plain"})).await;
    assert_eq!(plain["status"]["message"], "the pod is about to start");
    let other = office.hire_with(json!({"name": "other", "provider": "google"})).await;
    assert!(other["status"]["message"].as_str().unwrap().contains("GEMINI_API_KEY"), "{other}");
    house.close().await;
}

#[tokio::test]
async fn what_can_not_be_hired_is_refused_and_changes_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    for (body, expected) in [
        (json!({}), code(400, "bad_request")),
        (json!({"name": 7}), code(400, "bad_request")),
        (json!({"name": "Ada"}), code(400, "bad_name")),
        (json!({"name": ""}), code(400, "bad_name")),
        (json!({"name": "owner"}), code(400, "reserved_name")),
        (json!({"name": "ada"}), code(409, "agent_exists")),
        (json!({"name": "b", "provider": "acme"}), code(400, "unknown_provider")),
        (json!({"name": "b", "harness": "acme"}), code(400, "unknown_harness")),
        (json!({"name": "b", "harness": "openai-codex", "provider": "anthropic"}), code(400, "bad_request")),
        (json!({"name": "b", "harness": "gemini-cli", "provider": "venice"}), code(400, "bad_request")),
        (json!({"name": "b", "harness": "openai-codex", "modelTier": "claude-opus-4-6"}), code(400, "bad_request")),
        (json!({"name": "b", "provider": "claude-code", "harness": "gemini-cli"}), code(400, "bad_request")),
        (json!({"name": "b", "budget": 1e30}), code(400, "bad_request")),
        (json!({"name": "b", "harness": "command"}), code(400, "command_required")),
        (json!({"name": "b", "command": " ", "harness": "command"}), code(400, "command_required")),
        (json!({"name": "b", "role": "x".repeat(201)}), code(400, "too_long")),
        (json!({"name": "b", "systemPrompt": "x".repeat(70_000)}), code(400, "too_long")),
        (json!({"name": "b", "env": {"MI_ENDPOINT": "x"}}), code(400, "reserved_key")),
        (json!({"name": "b", "resources": {"pids": 0}}), code(400, "bad_request")),
    ] {
        assert_eq!(refused(office, body.clone()).await, expected, "{body}");
    }
    assert_eq!(office.call("GET", "/employees", Value::Null).await.header("x-total-count"), Some("1"));
    house.close().await;
}

#[tokio::test]
async fn three_hires_in_ten_minutes_and_fired_ones_count() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["a", "b", "c"] {
        office.hire(name).await;
    }
    office.call("DELETE", "/employees/a", Value::Null).await.ok();
    let fourth = office.call("POST", "/employees", json!({"name": "d"})).await;
    assert_eq!(fourth.header("retry-after"), Some("600"));
    assert_eq!(fourth.refused(), code(429, "hire_rate_limited"));
    house.advance(600 * SECOND).await;
    office.hire("d").await;
    house.close().await;
}

#[tokio::test]
async fn an_office_has_as_many_agents_as_it_may() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"maxAgents": 1})).await.ok();
    office.hire("ada").await;
    assert_eq!(refused(office, json!({"name": "bob"})).await, code(403, "hire_limit_reached"));
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    office.hire("bob").await;
    house.close().await;
}

async fn set_balance(office: TestOffice<'_>, balance: Micro) {
    let set = move |act: &mut crate::infra::act::Act<'_>| {
        act.head.balance = balance;
        Ok(())
    };
    office.house.house.act_as_server(office.id, set).await.unwrap();
}

#[tokio::test]
async fn nobody_is_hired_without_credits() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    set_balance(office, Micro(0)).await;
    assert_eq!(refused(office, json!({"name": "bob"})).await, code(402, "out_of_credits"));
    let ada = office.call("GET", "/employees/ada", Value::Null).await.ok();
    assert_eq!(ada["status"]["phase"], "Suspended");
    set_balance(office, Micro::credits(1_000)).await;
    house.close().await;
}

#[tokio::test]
async fn a_repeated_hire_is_the_same_hire() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let owner = house.owner().with_header("idempotency-key", "once");
    let body = json!({"name": "ada", "command": "true"});
    let first = office.call_as(&owner, "POST", "/employees", body.clone()).await.ok();
    let again = office.call_as(&owner, "POST", "/employees", body).await;
    assert_eq!((again.status, &again.json), (201, &first));
    house.close().await;
}

#[tokio::test]
async fn an_agent_hires_where_it_may_and_answers_only_for_its_own() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    office.hire("boss").await;
    office.hire("peer").await;
    let (boss, peer) = (office.runner("boss").await.speaker(), office.runner("peer").await.speaker());

    let body = json!({"name": "helper", "command": "true"});
    let helper = office.call_as(&boss, "POST", "/employees", body).await.ok();
    assert_eq!(helper["spawnedBy"], "boss");
    let change = json!({"role": "Helper"});
    let theirs = office.call_as(&peer, "PATCH", "/employees/helper", change.clone()).await;
    assert_eq!(theirs.refused(), code(403, "not_yours"));
    let own = office.call_as(&boss, "PATCH", "/employees/helper", change.clone()).await.ok();
    assert_eq!(own["role"], "Helper");
    for name in ["boss", "peer"] {
        let path = format!("/employees/{name}");
        let reply = office.call_as(&boss, "PATCH", &path, change.clone()).await;
        assert_eq!(reply.refused(), code(403, "not_yours"), "{name}");
        let reply = office.call_as(&boss, "DELETE", &path, Value::Null).await;
        assert_eq!(reply.refused(), code(403, "not_yours"), "{name}");
    }
    office.call_as(&boss, "DELETE", "/employees/helper", Value::Null).await.ok();

    office.call("PATCH", "/settings", json!({"allowAgentHiring": false})).await.ok();
    let body = json!({"name": "second", "command": "true"});
    let reply = office.call_as(&boss, "POST", "/employees", body).await;
    assert_eq!(reply.refused(), code(403, "agent_hiring_disabled"));
    house.close().await;
}

#[tokio::test]
async fn a_later_agent_of_the_hirers_name_is_somebody_else() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    office.hire("boss").await;
    let boss = office.runner("boss").await.speaker();
    office.call_as(&boss, "POST", "/employees", json!({"name": "helper", "command": "true"})).await.ok();
    office.call("DELETE", "/employees/boss", Value::Null).await.ok();
    house.advance(2 * SECOND).await;
    office.hire("boss").await;
    let boss = office.runner("boss").await.speaker();
    let reply = office.call_as(&boss, "DELETE", "/employees/helper", Value::Null).await;
    assert_eq!(reply.refused(), code(403, "not_yours"));
    house.close().await;
}
