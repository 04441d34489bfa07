//! MCP over HTTP, as clients speak it.

use serde_json::{Value, json};

use crate::testing::{Speaker, TestHouse, TestReply};

async fn post(speaker: &Speaker<'_>, body: Value) -> TestReply {
    speaker.call("POST", "/mcp", body).await
}

async fn ask(speaker: &Speaker<'_>, method: &str, params: Value) -> Value {
    post(speaker, json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})).await.ok()
}

/// What a tool said, and whether that is an error.
async fn call(speaker: &Speaker<'_>, tool: &str, inputs: Value) -> (String, bool) {
    let reply = ask(speaker, "tools/call", json!({"name": tool, "arguments": inputs})).await;
    let result = &reply["result"];
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{reply}"));
    (text.to_owned(), result["isError"].as_bool().unwrap())
}

async fn good(speaker: &Speaker<'_>, tool: &str, inputs: Value) -> Value {
    let (text, is_error) = call(speaker, tool, inputs).await;
    assert!(!is_error, "{tool}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{tool}: {error} in {text}"))
}

#[tokio::test]
async fn a_client_connects_and_sees_the_tools() {
    let house = TestHouse::new().await;
    let owner = house.owner();
    let params =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}});
    let hello = ask(&owner, "initialize", params).await;
    assert_eq!((&hello["id"], &hello["result"]["protocolVersion"]), (&json!(7), &json!("2025-06-18")));
    assert_eq!(hello["result"]["serverInfo"]["name"], "mitosis");
    let noticed = post(&owner, json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    assert_eq!((noticed.status, noticed.bytes.len()), (202, 0));
    assert_eq!(ask(&owner, "ping", json!({})).await["result"], json!({}));
    let listed = ask(&owner, "tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), mi_core::hands::TOOLS.len());
    assert!(tools.iter().all(|tool| tool["inputSchema"]["properties"]["colony"].is_object()));
    let unknown = ask(&owner, "resources/list", json!({})).await;
    assert_eq!(unknown["error"]["code"], json!(-32601));
    house.close().await;
}

#[tokio::test]
async fn an_owner_works_through_tools() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let owner = house.owner();
    let hire = json!({"name": "ada", "harness": "command", "command": "true"});
    assert_eq!(good(&owner, "agent_hire", hire).await["name"], "ada");
    let added = good(&owner, "task_add", json!({"title": "write", "assigned_agent": "ada"})).await;
    assert_eq!(added["id"], 1);
    let part = good(&owner, "subtask_add", json!({"task": 1, "title": "part"})).await;
    assert_eq!(part["parent_id"], 1);
    good(&owner, "message_send", json!({"to": "ada", "message": "hello"})).await;
    good(&owner, "group_send", json!({"message": "hello all"})).await;
    let claimed = good(&owner, "task_claim", json!({"agent": "ada", "task": 2})).await;
    assert_eq!(claimed["claimed_by"], "ada");
    let done = good(&owner, "task_done", json!({"task": 2, "result": "here it is"})).await;
    assert_eq!(done["status"], "done");
    assert_eq!(good(&owner, "tasks_list", json!({"status": ["done"]})).await[0]["id"], 2);
    let nothing = call(&owner, "task_claim", json!({"agent": "ada", "kind": "browser"})).await;
    assert_eq!(nothing, ("There is no task to claim now.".to_owned(), false));
    assert_eq!(office.get_task(2).await["result_summary"], "here it is");
    house.close().await;
}

#[tokio::test]
async fn what_goes_wrong_is_an_answer_that_a_model_can_use() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.task(json!({"title": "a"})).await;
    let owner = house.owner();
    for (tool, inputs, part) in [
        ("task_show", json!({"task": 9}), "code: no_such_task"),
        ("task_done", json!({"task": 1, "result": " "}), "code: result_required"),
        ("task_done", json!({"result": "x"}), "task_done needs `task`"),
        ("task_show", json!({"nr": 1}), "takes no input \"nr\""),
        ("fly", json!({}), "there is no tool \"fly\""),
        ("tasks_list", json!({"colony": "elsewhere"}), "code: no_such_office"),
        ("tasks_list", json!({"colony": 5}), "`colony` is a text"),
        ("tasks_list", json!({"colony": "00000000-0000-4000-8000-000000000000"}), "code: no_such_office"),
    ] {
        let (text, is_error) = call(&owner, tool, inputs).await;
        assert!(is_error && text.contains(part) && text.contains("hint:"), "{tool}: {text}");
    }
    house.close().await;
}

#[tokio::test]
async fn the_office_is_the_one_that_was_named_or_the_only_one() {
    let house = TestHouse::new().await;
    let (first, second) = (house.office().await, house.office().await);
    first.task(json!({"title": "in the first"})).await;
    second.task(json!({"title": "in the second"})).await;
    let owner = house.owner();
    let (text, is_error) = call(&owner, "tasks_list", json!({})).await;
    assert!(is_error && text.contains("you have 2 colonies"), "{text}");
    let listed = good(&owner, "tasks_list", json!({"colony": first.id.to_string()})).await;
    assert_eq!(listed[0]["title"], "in the first");
    let by_header = owner.clone().with_header("x-office-id", &second.id.to_string());
    assert_eq!(good(&by_header, "tasks_list", json!({})).await[0]["title"], "in the second");
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "tasks_list"}});
    let by_query = owner.call("POST", &format!("/mcp?colony={}", first.id), body).await.ok();
    assert!(by_query["result"]["content"][0]["text"].as_str().unwrap().contains("in the first"), "{by_query}");
    let stranger = house.stranger().await;
    let key = house.key_of(stranger, crate::testing::KeyState::Good).await;
    let (text, is_error) = call(&house.as_key(&key), "tasks_list", json!({"colony": first.id.to_string()})).await;
    assert!(is_error && text.contains("code: no_access"), "{text}");
    house.close().await;
}

#[tokio::test]
async fn a_session_acts_as_its_agent_on_its_task_until_its_claim_is_over() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "a"})).await;
    let grant = ada.must_take().await;
    let session = ada.harness(&grant);
    let tools = ask(&session, "tools/list", json!({})).await;
    assert!(tools["result"]["tools"][0]["inputSchema"]["properties"]["colony"].is_null());
    good(&session, "task_log", json!({"message": "half way"})).await;
    let standup = good(&session, "standup", json!({"message": "on it"})).await;
    assert_eq!(standup["summary"], "ada: on it");
    assert_eq!(good(&session, "task_show", json!({})).await["task"]["status"], "running");
    office.call("POST", "/tasks/1/cancel", json!({})).await.ok();
    let (text, is_error) = call(&session, "task_done", json!({"result": "too late"})).await;
    assert!(is_error && text.starts_with("STOP WORKING") && text.contains("code: stale_claim"), "{text}");
    assert_eq!(office.get_task(1).await["status"], "cancelled");
    house.close().await;
}

/// Whoever holds a task may retry its parts, and agents together only so often.
#[tokio::test]
async fn a_lead_retries_a_part_three_times_and_no_more() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    for name in ["lead", "part", "eve"] {
        office.hire(name).await;
    }
    let (mut lead, mut part, eve) =
        (office.runner("lead").await, office.runner("part").await, office.runner("eve").await);
    office.task(json!({"title": "whole", "assignedAgent": "lead"})).await;
    let grant = lead.must_take().await;
    let session = lead.harness(&grant);
    good(&session, "subtask_add", json!({"title": "piece", "assigned_agent": "part"})).await;
    for round in 0..=3 {
        let try_it = part.must_take().await;
        assert_eq!(try_it.task.map(|id| id.0), Some(2), "round {round}");
        good(&part.harness(&try_it), "task_fail", json!({"error": "no luck"})).await;
        part.end(&try_it, "finished").await.ok();
        let (text, is_error) = call(&eve.speaker(), "task_retry", json!({"task": 2})).await;
        assert!(is_error && text.contains("code: not_yours"), "{text}");
        let (text, is_error) = call(&session, "task_retry", json!({"task": 2, "reason": "again"})).await;
        assert_eq!(is_error, round == 3, "round {round}: {text}");
        assert!(!is_error || text.contains("ask an operator"), "{text}");
    }
    office.call("POST", "/tasks/2/retry", json!({})).await.ok();
    house.close().await;
}

#[tokio::test]
async fn a_call_repeated_with_its_key_is_one_call() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let keyed = house.owner().with_header("idempotency-key", "once");
    let first = good(&keyed, "task_add", json!({"title": "a"})).await;
    assert_eq!(good(&keyed, "task_add", json!({"title": "a"})).await, first);
    assert_eq!(office.call("GET", "/tasks", Value::Null).await.header("x-total-count"), Some("1"));
    house.close().await;
}

#[tokio::test]
async fn who_may_not_come_in_and_what_is_no_message() {
    let house = TestHouse::new().await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(post(&house.nobody(), ping.clone()).await.refused(), (401, "unauthenticated".to_owned()));
    for origin in [
        "http://evil.example",
        "https://127.0.0.1.evil.example",
        "null",
        "http://localhost.evil.example:7700",
        "http://[::1].evil.com",
        "chrome-extension://localhost",
        "file://localhost",
        "http://localhost@evil.example",
        "http://evil@localhost",
    ] {
        let page = house.owner().with_header("origin", origin);
        assert_eq!(post(&page, ping.clone()).await.refused(), (403, "foreign_origin".to_owned()), "{origin}");
    }
    for origin in ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:7700"] {
        post(&house.owner().with_header("origin", origin), ping.clone()).await.ok();
    }
    let looked = house.owner().call("GET", "/mcp", Value::Null).await;
    assert_eq!(looked.header("allow"), Some("POST"));
    assert_eq!(looked.refused(), (405, "method_not_allowed".to_owned()));
    let nameless = post(&house.owner(), json!({"jsonrpc": "2.0", "id": null, "method": "ping"})).await;
    assert_eq!((nameless.status, &nameless.json["error"]["code"]), (400, &json!(-32600)));
    let listed =
        json!({"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "inbox", "arguments": [1]}});
    let listed = post(&house.owner(), listed).await;
    assert_eq!((listed.status, &listed.json["error"]["code"], &listed.json["id"]), (200, &json!(-32602), &json!(4)));
    let batch = post(&house.owner(), json!([ping])).await;
    assert_eq!((batch.status, &batch.json["error"]["code"]), (400, &json!(-32600)));
    let newer = house.owner().with_header("mcp-protocol-version", "2199-01-01");
    let newer = post(&newer, ping.clone()).await;
    assert_eq!((newer.status, &newer.json["error"]["data"]["requested"]), (400, &json!("2199-01-01")));
    house.close().await;
}
