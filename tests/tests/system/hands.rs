//! Agents' hands: the tools of `mi mcp` and `/mcp`, and what `tq` lets agents do with each other.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};
use tests::{House, LONG, Office, SHORT, Server};

/// One message a line, as an MCP client says them.
fn message(id: i64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

fn hello() -> String {
    let client = json!({"name": "test", "version": "1"});
    message(0, "initialize", &json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}))
}

fn call(id: i64, tool: &str, inputs: &Value) -> String {
    message(id, "tools/call", &json!({"name": tool, "arguments": inputs}))
}

const READY: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// What a tool said, read as JSON.
#[track_caller]
fn said(answer: &Value) -> Value {
    let result = &answer["result"];
    assert!(!result["isError"].as_bool().unwrap_or_default(), "{answer:#}");
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

#[test]
fn an_owner_s_client_drives_mi_mcp_and_the_address_of_the_server() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "hands");
    office.hire("ada", r#"tq standup "starting"; tq done "written""#);
    let mut child = house
        .command(house.path("bin/mi"))
        .arg("mcp")
        .env("MI_ENDPOINT", &server.endpoint)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = |line: &str| -> Value {
        writeln!(input, "{line}").unwrap();
        let answer = lines.next().expect("an answer").unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    };
    assert_eq!(ask(&hello())["result"]["protocolVersion"], "2025-06-18");
    let tools = ask(&format!("{READY}\n{}", message(1, "tools/list", &json!({}))));
    assert!(tools["result"]["tools"].as_array().unwrap().len() > 20, "{tools}");
    let added = said(&ask(&call(2, "task_add", &json!({"title": "Write", "assigned_agent": "ada"}))));
    let task = added["id"].as_i64().unwrap();
    let detail = office.await_status(task, "done", SHORT);
    assert_eq!(detail["task"]["result_summary"], "written");
    let refused = ask(&call(3, "task_done", &json!({"task": task, "result": "again"})));
    let text = refused["result"]["content"][0]["text"].as_str().unwrap();
    assert!(refused["result"]["isError"] == true && text.contains("code: illegal_transition"), "{text}");
    drop(input);
    assert!(child.wait().unwrap().success(), "the end of the input is the end of the conversation");

    let standups = office.read("/employees/ada/activity?category=standup");
    assert_eq!(standups[0]["summary"], "ada: starting", "{standups:#}");
    let body: Value = serde_json::from_str(&call(4, "task_show", &json!({"task": task}))).unwrap();
    let answer = server.call("POST", "/mcp", Some(&body));
    assert_eq!((answer.status, said(&answer.json())["task"]["id"].as_i64()), (200, Some(task)));
    assert_eq!(server.call("GET", "/mcp", None).status, 405);
    assert!(server.stop().success());
}

/// A program in a pod that knows nothing of us but the protocol.
#[test]
fn an_agent_finishes_its_task_with_the_tools_of_its_pod() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "pod");
    let talk = [
        hello(),
        READY.to_owned(),
        call(1, "task_log", &json!({"message": "by tool"})),
        call(2, "task_artifact", &json!({"path": "/shared/files/report.md", "kind": "report"})),
        call(3, "task_done", &json!({"result": "finished by a tool"})),
    ];
    office.push("talk.jsonl", (talk.join("\n") + "\n").as_bytes());
    // The answers are awaited one after the other, as a model would.
    let line = r#"echo found >/shared/files/report.md
        mkfifo in out; mi mcp <in >out 2>/shared/files/complaints.txt & exec 3>in 4<out
        while IFS= read -r line; do printf '%s\n' "$line" >&3
            case "$line" in *notifications/*) ;; *) IFS= read -r answer <&4; printf '%s\n' "$answer" ;; esac
        done </shared/files/talk.jsonl >/shared/files/answers.jsonl"#;
    office.hire("ada", line);
    let task = office.task("By tools", &["--assignedAgent", "ada"]);
    let detail = office.await_status(task, "done", SHORT);
    assert_eq!(detail["task"]["result_summary"], "finished by a tool");
    assert_eq!((&detail["artifacts"][0]["path"], &detail["task"]["attempts"]), (&json!("report.md"), &json!(1)));
    assert!(detail["logs"].to_string().contains("by tool"), "{detail:#}");
    office.await_session_end(task, SHORT);
    assert_eq!(String::from_utf8(office.file("complaints.txt")).unwrap(), "");
    let answers = String::from_utf8(office.file("answers.jsonl")).unwrap();
    assert_eq!(answers.lines().count(), 4, "{answers}");
    assert!(server.stop().success());
}

#[test]
fn an_agent_splits_retries_and_judges_what_others_do() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "parts");
    let worker = r#"if [ -e /shared/files/again ]; then tq done "done the second time"; else tq update --status failed --error "no luck"; fi"#;
    office.hire("worker", worker);
    let lead = r#"set -e
        part=$(tq subtask "A part" --assigned-agent worker --json | sed 's/.*"id":\([0-9]*\).*/\1/')
        until tq show "$part" --json | grep -q '"status":"failed"'; do sleep 0.1; done
        touch /shared/files/again
        tq retry "$part" --reason "try again"
        until tq show "$part" --json | grep -q '"status":"done"'; do sleep 0.1; done
        tq verify "$part" --accept
        tq group "@worker well done"
        tq files >/shared/files/files.txt
        tq why "$part" >/shared/files/why.txt
        tq done "put together""#;
    office.hire("lead", lead);
    let task = office.task("Lead it", &["--assignedAgent", "lead"]);
    let detail = office.await_status(task, "done", LONG);
    let part = &detail["subtasks"][0];
    assert_eq!((&part["status"], &part["verification"]), (&json!("done"), &json!("accepted")), "{detail:#}");
    assert_eq!(part["result_summary"], "done the second time");
    let group = office.read("/xmtp/groups/office/messages");
    assert_eq!((&group[0]["from_agent"], &group[0]["body"]), (&json!("lead"), &json!("@worker well done")));
    assert!(String::from_utf8(office.file("files.txt")).unwrap().contains("again"));
    assert!(server.stop().success());
}

/// The limit counts what is on disk, so a restart forgives nothing.
#[test]
fn agents_hire_within_the_limit_of_their_office_over_a_restart() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "hires");
    let id = office.id().to_owned();
    office.set(&json!({"hireLimit": {"count": 3, "windowSeconds": 600}}));
    let hirer = r#"n=0; for name in one two three; do tq hire "$name" --command true && n=$((n+1)); done 2>/shared/files/refused.txt
        tq done "hired $n""#;
    office.hire("boss", hirer);
    let task = office.task("Hire", &["--assignedAgent", "boss"]);
    let detail = office.await_status(task, "done", SHORT);
    assert_eq!(detail["task"]["result_summary"], "hired 2", "the boss was the first of three");
    let refused = String::from_utf8(office.file("refused.txt")).unwrap();
    assert!(refused.contains("may hire 3 agents in 600 s") && refused.contains("hint:"), "{refused}");
    assert_eq!(office.read("/employees/one")["spawnedBy"], "boss");
    server.shoot();
    let server = Server::start(&house);
    let office = Office::known(&server, &id);
    let late = json!({"name": "four", "harness": "command", "command": "true"});
    let answer = office.call("POST", "/employees", Some(&late));
    assert_eq!((answer.status, answer.code().as_str()), (429, "hire_rate_limited"));
    assert!(server.stop().success());
}
