//! Checks on the command line: typed in one line, sent as objects, shown with what was found.

use crate::house::House;
use crate::house::fake::Reply;
use serde_json::{Value, json};

#[test]
fn checks_are_typed_in_one_line_and_sent_as_objects() {
    let house = House::new(|_, _| Reply::json("[]"));
    let two = r#"mi tasks create --title t --check "cmd[timeout=5]: make test" --check "file: a b.md words>=3" --json"#;
    house.run(two);
    house.run(r#"mi tasks create --title t --check "json: out.json {}" --json"#);
    house.run(r#"mi tasks update 7 --check "http: https://example.com 204" --json"#);
    house.run("mi tasks update 7 --no-checks --json");
    house.run("mi tq subtask 7 part --check file:part.md --json");
    let asked = house.asked();
    let sent: Vec<(&str, Value)> = asked
        .lines()
        .filter_map(|line| line.split_once(" {"))
        .map(|(call, body)| (call, serde_json::from_str::<Value>(&format!("{{{body}")).unwrap()["checks"].clone()))
        .collect();
    let file = json!({"kind": "file", "path": "a b.md", "words_min": 3});
    let command = json!({"kind": "command", "command": "make test", "exit": 0, "timeout_seconds": 5});
    let http =
        json!({"kind": "http", "method": "GET", "url": "https://example.com", "status": 204, "timeout_seconds": 15});
    let (create, update) = ("POST /api/v1/offices/OFFICE/tasks", "PATCH /api/v1/offices/OFFICE/tasks/7");
    let expected = [
        (create, json!([command, file])),
        (create, json!([{"kind": "json_schema", "path": "out.json", "schema": {}}])),
        (update, json!([http])),
        (update, json!([])),
        (create, json!([{"kind": "file", "path": "part.md"}])),
    ];
    assert_eq!(sent, expected, "{asked}");
}

#[test]
fn a_check_that_cannot_be_meant_is_told_before_anything_is_sent() {
    let house = House::new(|_, _| Reply::json("[]"));
    for (check, said) in [
        ("make it good", "a check reads cmd: COMMAND"),
        ("cmd[timeout=601]: true", "between 1 and 600 s"),
        ("file: a words>=x", "words>= is a whole number"),
        ("http: POST https://example.com", "one of GET, HEAD, OPTIONS"),
    ] {
        let told = house.run(&format!("mi tasks create --title t --check \"{check}\""));
        assert_eq!(told.code, 2, "{told:?}");
        assert!(told.err.contains(said), "{told:?}");
    }
    assert_eq!(house.asked(), "");
    let help = house.run("mi tasks create --help");
    assert!(help.out.contains("cmd[exit=N,timeout=S]:") && help.out.contains("--check 'cmd: cargo test'"), "{help:?}");
}

#[test]
fn checks_are_shown_with_what_was_found() {
    let checks = r#""checks": [
        {"kind": "command", "command": "make test", "exit": 0, "timeout_seconds": 60, "text": "cmd: make test", "outcome":
            {"verdict": "failed", "detail": "exit code 2, not 0", "exit_code": 2, "output": "one\u001b[2J\ntwo",
             "duration_ms": 3, "generation": 1, "finished_at": "2026-04-27T09:31:00.000Z"}},
        {"kind": "file", "path": "a.md", "text": "file: a.md", "outcome":
            {"verdict": "passed", "detail": "has 3 bytes", "exit_code": null, "output": null,
             "duration_ms": 3, "generation": 1, "finished_at": "2026-04-27T09:31:00.000Z"}},
        {"kind": "json_schema", "path": "out.json", "text": "json: out.json", "outcome": null}]"#;
    let task = r#"{"id": 2, "parent_id": null, "title": "Find bugs", "description": null, "kind": "review", "priority": 50,
        "status": "done", "assigned_agent": null, "claimed_by": null, "created_by": "owner", "depends_on": null,
        "required_tools": [], "result_summary": "r", "error": null, "attempts": 1, "max_attempts": 3,
        "verification": "pending", "subtask_count": 0, "lease_expires_at": null,
        "why": {"code": "checks_running", "message": "the server runs its checks"},
        "created_at": "2026-04-27T09:30:00.000Z", "updated_at": "2026-04-27T09:30:00.000Z", "started_at": null,
        "completed_at": null}"#;
    let detail = format!(
        r#"{{"task": {task}, "logs": [], "comments": [], "subtasks": [], "artifacts": [], "linkedMessages": [],
        "sessions": [], {checks}}}"#
    );
    let house = House::new(move |_, _| Reply::json(&detail));
    let told = house.run("mi tasks get 2");
    let shown = "checks\n✗ cmd: make test (exit code 2, not 0)\n    one[2J\n    two\n✓ file: a.md\n· json: out.json\n";
    assert!(told.out.contains(shown) && told.out.contains("done (being checked)"), "{}", told.out);
    let told = house.run("mi tasks why 2");
    assert_eq!(told.out, "#2 Find bugs: the server runs its checks\n");
}
