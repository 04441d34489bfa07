//! `mi mcp`: the protocol on stdin and stdout, the API behind it.

use serde_json::{Value, json};

use crate::house::fake::Reply;
use crate::house::{House, OFFICE, task};

fn request(id: i64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

fn call(id: i64, tool: &str, inputs: Value) -> String {
    request(id, "tools/call", &json!({"name": tool, "arguments": inputs}))
}

/// A conversation: the beginning that every client makes, then these lines. Gives what was answered, by id.
fn talk(house: &mut House, lines: &[String]) -> Vec<Value> {
    let client = json!({"name": "test", "version": "1"});
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
    let mut all = vec![
        request(0, "initialize", &hello),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string(),
    ];
    all.extend_from_slice(lines);
    house.stdin = all.join("\n") + "\n";
    let said = house.run("mi mcp");
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    // Whatever stands on stdout is a message of the protocol.
    let mut answers: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    answers.sort_by_key(|answer| answer["id"].as_i64());
    let hello = answers.iter().position(|answer| answer["id"] == 0).unwrap();
    assert_eq!(answers.remove(hello)["result"]["serverInfo"]["name"], "mitosis");
    answers
}

fn text(answer: &Value) -> (&str, bool) {
    let result = &answer["result"];
    (result["content"][0]["text"].as_str().unwrap(), result["isError"] == json!(true))
}

fn pod(answer: impl Fn() -> Reply + Send + 'static) -> House {
    let mut house = House::new(move |_, _| answer());
    for (name, value) in [("MI_API_KEY", "mis_session"), ("MI_AGENT", "ada"), ("MI_TASK", "7"), ("MI_CLAIM", "42")] {
        house.set(name, value);
    }
    house.variables.remove("MI_COLONY");
    house.set("MI_OFFICE", OFFICE);
    house
}

#[test]
fn in_a_pod_the_tools_are_about_the_task_at_hand() {
    let mut house = pod(|| Reply::json(task(7, "done")));
    let answers = talk(&mut house, &[call(1, "task_done", json!({"result": "fine"}))]);
    let (said, is_error) = text(&answers[0]);
    assert!(!is_error && said.contains("\"status\":\"done\""), "{said}");
    let asked = house.server.asked();
    assert_eq!(asked[0].header("x-mi-claim"), Some("42"));
    assert_eq!(asked[0].header("authorization"), Some("Bearer mis_session"));
    assert!(asked[0].header("idempotency-key").is_some());
    assert!(house.asked().starts_with("PATCH /api/v1/offices/OFFICE/tasks/7 {"), "{}", house.asked());
}

#[test]
fn an_owner_names_the_colony_and_an_agent_has_one() {
    let mut house = House::new(|_, _| Reply::json("[]"));
    house.variables.remove("MI_COLONY");
    let listed = talk(&mut house, &[request(1, "tools/list", &json!({})), call(2, "inbox", json!({"colony": OFFICE}))]);
    let tools = listed[0]["result"]["tools"].as_array().unwrap();
    assert!(tools.iter().all(|tool| tool["inputSchema"]["properties"]["colony"].is_object()));
    assert_eq!(house.asked(), "GET /api/v1/offices/OFFICE/inbox\n");
    let mut house = pod(|| Reply::json("[]"));
    let listed = talk(&mut house, &[request(1, "tools/list", &json!({}))]);
    let tools = listed[0]["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), mi_core::hands::TOOLS.len());
    assert!(tools.iter().all(|tool| tool["inputSchema"]["properties"]["colony"].is_null()));
}

#[test]
fn a_refusal_is_an_answer_and_a_lost_claim_says_stop() {
    let stale = r#"{"error":"claim 42 is over","code":"stale_claim","hint":"stop","request_id":"r","must_stop":true}"#;
    let mut house = pod(move || Reply { status: 409, ..Reply::json(stale) });
    let answers = talk(
        &mut house,
        &[call(1, "task_log", json!({"message": "x"})), call(2, "task_done", json!({})), call(3, "fly", json!({}))],
    );
    let (said, is_error) = text(&answers[0]);
    assert!(is_error && said.starts_with("STOP WORKING") && said.ends_with("code: stale_claim"), "{said}");
    assert!(text(&answers[1]).1 && text(&answers[1]).0.contains("task_done needs `result`"));
    assert!(text(&answers[2]).1 && text(&answers[2]).0.contains("there is no tool"));
}

#[test]
fn what_is_no_message_is_answered_and_the_conversation_goes_on() {
    let mut house = House::new(|_, _| Reply::json("[]"));
    let listed = request(4, "tools/call", &json!({"name": "inbox", "arguments": [1]}));
    let long = format!("\"{}\"", "x".repeat(17 * 1024 * 1024));
    let lines = ["{bad json".to_owned(), " ".to_owned(), long, listed, call(5, "inbox", json!({"colony": 5}))];
    let ping = request(6, "ping", &json!({}));
    let answers = talk(&mut house, &[lines.as_slice(), &[ping]].concat());
    let codes: Vec<_> = answers.iter().map(|answer| (&answer["id"], answer["error"]["code"].as_i64())).collect();
    let (none, no_json) = (json!(null), Some(-32700));
    // Without an id they stand first.
    assert_eq!(codes[..2], [(&none, no_json), (&none, no_json)]);
    assert_eq!(codes[2], (&json!(4), Some(-32602)));
    assert!(text(&answers[3]).1 && text(&answers[3]).0.contains("`colony` is a text"), "{}", answers[3]);
    assert_eq!((&answers[4]["id"], &answers[4]["result"]), (&json!(6), &json!({})));
    assert_eq!(house.asked(), "");
}

#[test]
fn a_server_that_is_gone_is_an_answer_too() {
    let mut house = pod(|| Reply::json("[]"));
    house.set("MI_ENDPOINT", "http://127.0.0.1:1");
    let answers = talk(&mut house, &[call(1, "tasks_list", json!({}))]);
    let (said, is_error) = text(&answers[0]);
    assert!(is_error && said.contains("can't be reached") && said.ends_with("code: unreachable"), "{said}");
}

#[test]
fn who_is_not_logged_in_is_told_so_before_the_conversation() {
    let house = House::stranger(|_, _| Reply::json("[]"));
    let said = house.run("mi mcp");
    assert_eq!((said.code, said.out.as_str()), (4, ""));
}

#[test]
fn a_client_that_says_nothing_is_no_failure() {
    let house = House::new(|_, _| Reply::json("[]"));
    assert_eq!(house.run("mi mcp").code, 0);
}
