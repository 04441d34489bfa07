//! Tools against what they ask the server.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::rpc::{self, Asked, Incoming};
use super::{Effect, Here, Outcome, Place, Scope, TOOLS, Verb, find, request, schema};
use crate::ids::TaskId;
use crate::problem::Problem;

fn pod() -> Here {
    Here { agent: Some("ada".parse().unwrap()), task: Some(TaskId(7)) }
}

fn asks(here: &Here, tool: &str, inputs: Value) -> String {
    match request(find(tool).unwrap(), inputs.as_object().unwrap(), here) {
        Ok(request) => {
            let body = request.body.map(|body| format!(" {}", sorted(&body))).unwrap_or_default();
            format!("{} {}{body}\n", request.verb.as_str(), request.target)
        }
        Err(refusal) => format!("{refusal}; {}\n", refusal.hint()),
    }
}

/// The order of keys depends on which crates are built together.
fn sorted(body: &Value) -> String {
    let fields: BTreeMap<&String, &Value> = body.as_object().unwrap().iter().collect();
    serde_json::to_string(&fields).unwrap()
}

fn check(calls: &[(&str, Value)], expect: Expect) {
    let lines: String = calls.iter().map(|(tool, inputs)| asks(&pod(), tool, inputs.clone())).collect();
    expect.assert_eq(&lines);
}

#[test]
fn a_call_is_a_request_of_the_api() {
    check(
        &[
            ("tasks_list", json!({"status": ["done", "failed"], "limit": "5", "parent": 3})),
            ("tasks_mine", json!({})),
            ("task_show", json!({})),
            ("task_show", json!({"task": "8"})),
            ("task_claim", json!({"wait_seconds": 10})),
            ("task_done", json!({"result": "all good"})),
            ("task_fail", json!({"error": "no"})),
            ("task_block", json!({"reason": "a key", "kind": "needs_integration", "integration": "github"})),
            ("task_log", json!({"message": "half"})),
            ("task_artifact", json!({"path": "/shared/files/a b.md"})),
            ("subtask_add", json!({"title": "part", "assigned_agent": "ben", "depends_on": 4})),
            ("task_add", json!({"title": "new", "depends_on": [1, "2"]})),
            ("task_retry", json!({"task": 9, "reason": "again"})),
            ("task_verify", json!({"task": 9, "accepted": false, "comments": "thin"})),
            ("message_send", json!({"to": "ben", "message": "hi"})),
            ("messages_list", json!({"with": "owner"})),
            ("group_send", json!({"message": "@ben hi"})),
            ("inbox", json!({})),
            ("agent_hire", json!({"name": "eve", "skills": ["go"]})),
            ("files_list", json!({"prefix": "reports/ü&"})),
            ("integrations_list", json!({})),
            ("integration_request", json!({"integration": "github", "reason": "to push"})),
            ("standup", json!({"message": "done: one"})),
        ],
        expect![[r#"
            GET /tasks?status=done%2Cfailed&parentId=3&limit=5
            GET /tasks?assignedAgent=ada
            GET /tasks/7
            GET /tasks/8
            POST /tasks/claim {"agent":"ada","wait":10}
            PATCH /tasks/7 {"result":"all good","status":"done"}
            PATCH /tasks/7 {"error":"no","status":"failed"}
            PATCH /tasks/7 {"blockedKind":"needs_integration","integrationId":"github","reason":"a key","status":"blocked"}
            POST /tasks/7/log {"message":"half"}
            POST /tasks/7/artifacts {"path":"a b.md"}
            POST /tasks {"assignedAgent":"ben","dependsOn":[4],"parentId":7,"title":"part"}
            POST /tasks {"dependsOn":[1,2],"title":"new"}
            POST /tasks/9/retry {"reason":"again"}
            POST /tasks/9/verify {"accepted":false,"comments":"thin"}
            POST /messages/send {"content":"hi","to":"ben"}
            GET /xmtp/messages/ada/owner
            POST /xmtp/groups/office/send {"body":"@ben hi"}
            GET /inbox
            POST /employees {"name":"eve","skills":["go"]}
            GET /files?prefix=reports%2F%C3%BC%26
            GET /employees/ada/integrations
            POST /integration-requests {"agentName":"ada","integrationId":"github","reason":"to push"}
            POST /employees/ada/events {"message":"done: one","type":"standup"}
        "#]],
    );
}

#[test]
fn a_call_that_can_not_be_one_says_what_is_wrong() {
    let nobody = Here::default();
    let lines = [
        asks(&pod(), "task_done", json!({})),
        asks(&pod(), "task_done", json!({"result": 7})),
        asks(&pod(), "task_show", json!({"id": 7})),
        asks(&pod(), "inbox", json!({"id": 7})),
        asks(&pod(), "task_verify", json!({"task": 1, "accepted": "yes"})),
        asks(&pod(), "tasks_list", json!({"status": ["open"]})),
        asks(&pod(), "task_show", json!({"task": "1/../2"})),
        asks(&pod(), "messages_list", json!({"with": "../x"})),
        asks(&pod(), "task_artifact", json!({"path": "/etc/passwd"})),
        asks(&nobody, "task_show", json!({})),
        asks(&nobody, "tasks_mine", json!({})),
        asks(&nobody, "task_claim", json!({})),
    ];
    expect![[r#"
        task_done needs `result`: it can't be left out; it takes task, result
        `result` is a text; call it again with a value of that sort
        task_show takes no input "id"; it takes task
        inbox takes no input "id"; it takes no inputs
        `accepted` is true or false; call it again with a value of that sort
        `status` is a list of queued, claimed, running, blocked, done, failed, cancelled; call it again with a value of that sort
        `task` is the number of a task; call it again with a value of that sort
        `with` is the name of an agent; call it again with a value of that sort
        `path` is a file on the shared drive: a file name is relative to the drive, so it doesn't start with a slash; call it again with a value of that sort
        task_show needs `task`: you work on no task; it takes task
        tasks_mine needs `agent`: you are no agent of this office; it takes agent, status, kind, limit, offset
        POST /tasks/claim {}
    "#]].assert_eq(&lines.concat());
}

#[test]
fn the_table_holds_together() {
    let names: BTreeSet<&str> = TOOLS.iter().map(|tool| tool.name).collect();
    assert_eq!(names.len(), TOOLS.len(), "two tools share a name");
    for tool in TOOLS {
        assert!(
            tool.name.len() <= 64 && tool.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{}",
            tool.name
        );
        let inputs: BTreeSet<&str> = tool.inputs.iter().map(|input| input.name).collect();
        assert_eq!(inputs.len(), tool.inputs.len(), "{}: two inputs share a name", tool.name);
        assert!(!inputs.contains(schema::COLONY), "{}", tool.name);
        for part in tool.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let input = tool.inputs.iter().find(|input| input.name == part).expect(part);
            assert_eq!(input.place, Place::Path, "{}: {part}", tool.name);
        }
        for input in tool.inputs {
            let in_path = tool.path.contains(&format!("{{{}}}", input.name));
            assert_eq!(input.place == Place::Path, in_path, "{}: {}", tool.name, input.name);
            let in_body = matches!(input.place, Place::Body(_));
            assert!(!in_body || tool.verb != Verb::Get, "{}: {}", tool.name, input.name);
        }
        assert!(tool.effect != Effect::Looks || tool.verb == Verb::Get, "{} only looks", tool.name);
    }
}

#[test]
fn schemas_say_what_must_be_given() {
    let done = find("task_done").unwrap();
    let required = |scope| schema::inputs(done, scope)["required"].clone();
    assert_eq!(required(Scope::OwnOffice), json!(["result"]));
    assert_eq!(required(Scope::AnyOffice), json!(["task", "result"]));
    assert!(schema::inputs(done, Scope::OwnOffice)["properties"].get("colony").is_none());
    let expected = json!({
        "name": "task_done",
        "description": done.about,
        "inputSchema": {
            "type": "object",
            "properties": {
                "task": {"type": "integer", "minimum": 1, "description": done.inputs[0].about},
                "result": {"type": "string", "description": done.inputs[1].about},
            },
            "required": ["result"],
            "additionalProperties": false,
        },
        "annotations": {"readOnlyHint": false, "destructiveHint": true, "openWorldHint": false},
    });
    assert_eq!(schema::card(done, Scope::OwnOffice), expected);
}

#[test]
fn a_lost_claim_says_stop_first() {
    let mut problem = Problem {
        error: "claim 4 is no longer the live one".to_owned(),
        code: "stale_claim".to_owned(),
        hint: Some("stop working".to_owned()),
        request_id: "r".to_owned(),
        must_stop: Some(true),
        server_time: None,
    };
    let stop = Outcome::problem(&problem);
    assert!(stop.is_error && stop.text.starts_with("STOP WORKING"), "{}", stop.text);
    problem.must_stop = None;
    let text = "error: claim 4 is no longer the live one\nhint: stop working\ncode: stale_claim".to_owned();
    assert_eq!(Outcome::problem(&problem), Outcome { text, is_error: true });
}

#[test]
fn an_answer_has_a_limit_and_nothing_is_said_in_words() {
    let claim = find("task_claim").unwrap();
    assert_eq!(Outcome::success(claim, "").text, "There is no task to claim now.");
    let long = Outcome::success(claim, &"ü".repeat(100_000)).text;
    assert!(long.ends_with("(shortened: 200000 bytes in all; ask for less)"), "{}", long.len());
}

fn question(text: &str, version: Option<&str>) -> rpc::Question {
    match rpc::read(text.as_bytes(), version).unwrap() {
        Incoming::Question(question) => question,
        Incoming::Notice => panic!("{text} is a question"),
    }
}

#[test]
fn messages_are_read() {
    let ping = question(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, None);
    assert_eq!(ping.asked, Asked::Ping);
    assert_eq!(ping.pong(), json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
    let call = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"inbox","arguments":null}}"#;
    assert!(
        matches!(question(call, Some("2025-06-18")).asked, Asked::Call { tool, inputs } if tool == "inbox" && inputs.is_empty())
    );
    for notice in
        [r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, r#"{"jsonrpc":"2.0","id":3,"result":{}}"#]
    {
        assert_eq!(rpc::read(notice.as_bytes(), None), Ok(Incoming::Notice));
    }
}

#[test]
fn messages_that_are_none() {
    let code = |text: &str, version| {
        let broken = rpc::read(text.as_bytes(), version).unwrap_err();
        (broken.status, broken.reply["error"]["code"].as_i64().unwrap())
    };
    assert_eq!(code("{", None), (400, -32700));
    assert_eq!(code("[]", None), (400, -32600));
    assert_eq!(code(r#"{"id":1,"method":"ping"}"#, None), (400, -32600));
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":1}"#, None), (400, -32600));
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, None), (400, -32600));
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, None), (400, -32600));
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, None), (200, -32602));
    assert_eq!(code(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Some("1999-01-01")), (400, -32022));
}

#[test]
fn versions_are_negotiated() {
    let agreed = |asked: &str| {
        let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": asked}});
        let question = question(&ask.to_string(), None);
        question.initialized(asked, "1", Scope::AnyOffice)["result"]["protocolVersion"].clone()
    };
    assert_eq!(["2024-11-05", "2025-06-18", "2025-11-25"].map(&agreed), ["2024-11-05", "2025-06-18", "2025-11-25"]);
    assert_eq!(agreed("2026-07-28"), "2025-11-25", "that version knows no initialize");
    assert_eq!(agreed("2099-01-01"), "2025-11-25");
    let discover = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#;
    let found = question(discover, Some("2026-07-28")).discovered("1", Scope::AnyOffice);
    assert_eq!(found["result"]["resultType"], "complete");
    assert_eq!(found["result"]["supportedVersions"], json!(rpc::VERSIONS));
}
