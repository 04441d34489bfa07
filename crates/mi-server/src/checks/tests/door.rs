//! What is let in, and who may change it.

use serde_json::{Value, json};

use super::{claim, detail, office_with, report, standing, stands, wait_for_rounds};
use crate::testing::{FakeRunner, TestHouse, TestOffice};

#[tokio::test]
async fn checks_are_read_in_every_form_and_shown_in_one() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let checks = json!([
        "cmd[timeout=5]: cargo test",
        {"kind": "file", "path": "report.md", "wordsMin": 100},
        {"kind": "json_schema", "path": "out.json", "schema_path": "schema.json"},
    ]);
    let id = office.task(json!({"title": "t", "checks": checks})).await;
    let shown = detail(&office, id).await["checks"].clone();
    let expected = json!([
        {"kind": "command", "command": "cargo test", "exit": 0, "timeout_seconds": 5,
         "text": "cmd[timeout=5]: cargo test", "outcome": null},
        {"kind": "file", "path": "report.md", "words_min": 100, "text": "file: report.md words>=100", "outcome": null},
        {"kind": "json_schema", "path": "out.json", "schema_path": "schema.json",
         "text": "json: out.json schema.json", "outcome": null},
    ]);
    assert_eq!(shown, expected);
    office.call("PATCH", &format!("/tasks/{id}"), json!({"checks": ["file: a"]})).await.ok();
    assert_eq!(detail(&office, id).await["checks"][0]["text"], "file: a");
    office.call("PATCH", &format!("/tasks/{id}"), json!({"checks": []})).await.ok();
    assert_eq!(detail(&office, id).await["checks"], json!([]));
    house.close().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_number_and_nothing_is_created() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &[]).await;
    for (checks, said) in [
        (json!(["file: a", "make it good"]), "check 2: "),
        (json!([{"kind": "file", "path": "../x"}]), "check 1: "),
        (json!(["http: https://example.com"]), "check 1: the office's egress doesn't allow GET to example.com:443"),
        (json!([7]), "check 1: it is an object"),
        (
            json!([{"kind": "json_schema", "path": "a", "schema": {"type": "nonsense"}}]),
            "check 1: its schema is none: ",
        ),
        (json!([r#"json: a {"required": 3}"#]), "check 1: its schema is none: "),
    ] {
        let reply = office.call("POST", "/tasks", json!({"title": "t", "checks": checks})).await;
        assert!(reply.json["error"].as_str().unwrap().starts_with(said), "{}", reply.json);
        assert_eq!(reply.refused(), (400, "bad_request".to_owned()));
    }
    assert_eq!(office.call("GET", "/tasks", Value::Null).await.ok(), json!([]));
    house.close().await;
}

/// Whatever the office allows, and however it is written.
#[tokio::test]
async fn addresses_of_the_servers_own_network_are_refused_at_the_door() {
    let house = TestHouse::reaching(&["127.0.0.1:7899".to_owned()]).await;
    let office = office_with(&house, &[]).await;
    office.call("PATCH", "/settings", json!({"egress": ["*", "127.0.0.1:1"]})).await.ok();
    let attempt = async |url: &str| {
        let checks = json!([format!("http: {url}")]);
        office.call("POST", "/tasks", json!({"title": "t", "checks": checks})).await
    };
    for url in [
        "http://localhost/",
        "http://[::1]/",
        "http://169.254.169.254/latest",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://10.0.0.1/",
        "http://127.0.0.1:1/",
        // A public address of the machine itself.
        "http://203.0.113.9/",
    ] {
        let reply = attempt(url).await;
        let said = reply.json["error"].as_str().unwrap();
        assert!(said.starts_with("check 1: ") && said.contains("the server's own machine or network"), "{url}: {said}");
        assert!(reply.json["hint"].as_str().unwrap().contains("--allow-upstream"), "{}", reply.json);
        assert_eq!(reply.refused(), (400, "bad_request".to_owned()));
    }
    // What may be reached is named as the run will see it.
    let reply = attempt("http://0x7f.1:7899/ok").await;
    assert!(reply.json["hint"].as_str().unwrap().contains("\"127.0.0.1:7899\""), "{}", reply.json);
    assert_eq!(reply.refused(), (400, "bad_request".to_owned()));
    office.call("PATCH", "/settings", json!({"egress": ["127.0.0.1:7899"]})).await.ok();
    assert_eq!(attempt("http://0x7f.1:7899/ok").await.status, 201);
    house.close().await;
}

async fn with_runner<'a>(office: &TestOffice<'a>, name: &str) -> FakeRunner<'a> {
    office.hire(name).await;
    office.runner(name).await
}

/// An agent that obeys an attacker can't lower the bar for its own work.
#[tokio::test]
async fn whoever_does_the_work_cannot_change_what_it_is_measured_by() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let mut ada = with_runner(&office, "ada").await;
    let path = |id: i64| format!("/tasks/{id}");
    let none = json!({"checks": []});

    // The owner's task, claimed by ada: it is held.
    let id = office.task(json!({"title": "t", "checks": ["file: report.md"], "assignedAgent": "ada"})).await;
    let grant = ada.must_take().await;
    let held = office.call_as(&ada.harness(&grant), "PATCH", &path(id), none.clone()).await;
    assert_eq!(held.refused(), (409, "task_held".to_owned()));
    // Nor together with its report.
    let both = json!({"status": "done", "result": "done", "checks": []});
    let sneaky = office.call_as(&ada.harness(&grant), "PATCH", &path(id), both).await;
    assert_eq!(sneaky.refused(), (409, "task_held".to_owned()));

    // A subtask of ada's own: its creator may change its checks before it has touched it …
    let wish = json!({"title": "mine", "checks": ["file: a"], "assignedAgent": "ada"});
    let own = office.call_as(&ada.harness(&grant), "POST", "/tasks", wish).await.ok()["id"].as_i64().unwrap();
    let changed = office.call_as(&ada.harness(&grant), "PATCH", &path(own), json!({"checks": ["file: b"]})).await;
    changed.ok();
    let release = json!({"status": "queued", "reason": "later"});
    office.call_as(&ada.harness(&grant), "PATCH", &path(id), release).await.ok();
    ada.end(&grant, "finished").await.ok();
    house.settle().await;

    // … and no more once it has: also not while nobody holds it.
    let grant = ada.must_take().await;
    assert_eq!(grant.task.unwrap().0, own);
    let release = json!({"status": "queued", "reason": "later"});
    office.call_as(&ada.harness(&grant), "PATCH", &path(own), release).await.ok();
    let late = office.call_as(&ada.speaker(), "PATCH", &path(own), none.clone()).await;
    assert_eq!(late.refused(), (403, "not_yours".to_owned()));
    // Nor those of a task that is merely assigned to it.
    let given = office.call_as(&ada.speaker(), "PATCH", &path(id), none.clone()).await;
    assert_eq!(given.refused(), (403, "not_yours".to_owned()));
    ada.end(&grant, "finished").await.ok();
    office.call("PATCH", &path(own), none).await.ok();
    house.close().await;
}

#[tokio::test]
async fn a_finished_task_takes_no_checks_and_a_waiting_one_is_checked_anew() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id = office.task(json!({"title": "t", "checks": ["cmd: true"]})).await;
    let task = claim(&office, "ada").await;
    report(&office, &task).await.ok();
    house.settle().await;
    let first = house.check_pod().await;
    // The owner sees that this can't be meant, and asks for something else.
    office.call("PATCH", &format!("/tasks/{id}"), json!({"checks": ["file: a"]})).await.ok();
    super::put(&office, "a", "x");
    first.pod.exit(1);
    house.house.checks.settled().await;
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    assert_eq!(detail(&office, id).await["checks"][0]["outcome"]["generation"], 2);
    let late = office.call("PATCH", &format!("/tasks/{id}"), json!({"checks": []})).await;
    assert_eq!(late.refused(), (409, "illegal_transition".to_owned()));
    house.close().await;
}
