//! An agent's life through the front door: what it is doing, how it changes, how it ends.

use serde_json::{Value, json};

use crate::testing::{TestHouse, TestOffice};

const SECOND: i64 = 1_000;

async fn agent(office: TestOffice<'_>, name: &str) -> Value {
    office.call("GET", &format!("/employees/{name}"), Value::Null).await.ok()
}

async fn phase(office: TestOffice<'_>, name: &str) -> String {
    agent(office, name).await["status"]["phase"].as_str().unwrap().to_owned()
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_phase_follows_pod_and_work() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    assert_eq!(phase(office, "ada").await, "Pending");
    let mut runner = office.runner("ada").await;
    assert_eq!(phase(office, "ada").await, "Idle");
    let task = office.task(json!({"title": "work"})).await;
    let grant = runner.must_take().await;
    let ada = agent(office, "ada").await;
    assert_eq!((&ada["status"]["phase"], &ada["status"]["currentTask"]), (&json!("Running"), &json!(task)));
    runner.done(&grant, "did it").await.ok();
    runner.end(&grant, "finished").await.ok();
    assert_eq!(phase(office, "ada").await, "Idle");
    house.close().await;
}

#[tokio::test]
async fn by_name_or_by_id_and_nobody_else() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let card = office.hire("ada").await;
    let by_id = agent(office, card["id"].as_str().unwrap()).await;
    assert_eq!(by_id["name"], "ada");
    for (method, path) in [
        ("GET", "/employees/bob"),
        ("PATCH", "/employees/bob"),
        ("DELETE", "/employees/bob"),
        ("GET", "/employees/bob/logs"),
        ("GET", "/employees/bob/activity"),
        ("GET", "/employees/bob/presence"),
        ("GET", "/employees/bob/last-error"),
    ] {
        let reply = office.call(method, path, Value::Null).await;
        assert_eq!(reply.refused(), code(404, "no_such_agent"), "{method} {path}");
    }
    let other = house.office().await;
    let reply = other.call("GET", "/employees/ada", Value::Null).await;
    assert_eq!(reply.refused(), code(404, "no_such_agent"));
    house.close().await;
}

#[tokio::test]
async fn updates_change_what_they_name() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "role": "Analyst", "command": "true", "skills": ["go"]})).await;
    let changed = office.call("PATCH", "/employees/ada", json!({"system_prompt": "Short.", "role": ""})).await.ok();
    assert_eq!((&changed["role"], &changed["systemPrompt"]), (&Value::Null, &json!("Short.")));
    assert_eq!((&changed["harness"], &changed["command"]), (&json!("command"), &json!("true")));
    let skills = json!({"add": ["rust", "go"], "remove": "c"});
    let changed = office.call("POST", "/employees/ada/skills", skills).await.ok();
    assert_eq!(changed["skills"], json!(["go", "rust"]));
    let promoted = json!({"modelTier": "opus", "provider": "anthropic"});
    let changed = office.call("POST", "/employees/ada/promote", promoted).await.ok();
    assert_eq!((&changed["modelTier"], &changed["modelProvider"]), (&json!("opus"), &json!("anthropic")));
    for (path, body, expected) in [
        ("/employees/ada", json!({"command": "", "harness": "command"}), code(400, "command_required")),
        ("/employees/ada", json!({"harness": "emacs"}), code(400, "unknown_harness")),
        ("/employees/ada", json!({"provider": "acme"}), code(400, "unknown_provider")),
    ] {
        assert_eq!(office.call("PATCH", path, body.clone()).await.refused(), expected, "{body}");
    }
    let nothing = office.call("POST", "/employees/ada/promote", json!({})).await;
    assert_eq!(nothing.refused(), code(400, "bad_request"));
    house.close().await;
}

#[tokio::test]
async fn firing_gives_work_back_frees_the_name_and_ends_the_pod() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    let task = office.task(json!({"title": "work"})).await;
    let grant = runner.must_take().await;
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    assert_eq!(runner.done(&grant, "too late").await.refused().1, "stale_claim");
    house.settle().await;
    let task = office.get_task(task).await;
    assert_eq!((&task["status"], &task["attempts"]), (&json!("queued"), &json!(0)));
    assert_eq!(runner.next(0).await.refused(), code(409, "superseded"));
    house.settle().await;
    assert_eq!(house.driver.running(), 0);
    assert_eq!(office.call("GET", "/employees/ada", Value::Null).await.refused().1, "no_such_agent");
    let again = office.hire("ada").await;
    assert_eq!(again["status"]["phase"], "Pending");
    house.close().await;
}

#[tokio::test]
async fn stopped_by_hand_an_agent_stays_stopped() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    let task = office.task(json!({"title": "work"})).await;
    runner.must_take().await;
    let stopped = office.call("POST", "/employees/ada/lifecycle", json!({"action": "stop"})).await.ok();
    assert_eq!(stopped["status"]["phase"], "Stopped");
    house.settle().await;
    assert_eq!(office.get_task(task).await["status"], "queued");
    house.advance(60 * SECOND).await;
    assert_eq!(house.driver.running(), 0);
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "start"})).await.ok();
    house.settle().await;
    assert_eq!(house.driver.running(), 1);
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "restart"})).await.ok();
    house.advance(2 * SECOND).await;
    office.runner("ada").await;
    let bad = office.call("POST", "/employees/ada/lifecycle", json!({"action": "dance"})).await;
    assert_eq!(bad.refused(), code(400, "bad_request"));
    house.close().await;
}

#[tokio::test]
async fn logs_show_the_newest_lines_in_their_order() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "bob"] {
        office.hire(name).await;
    }
    let mut runner = office.runner("ada").await;
    office.task(json!({"title": "work", "assignedAgent": "ada"})).await;
    let grant = runner.must_take().await;
    runner.log(&grant, 0, &["one", "two"]).await.ok();
    house.advance(SECOND).await;
    runner.log(&grant, 2, &["three"]).await.ok();
    let since = house.now().to_string();

    let words = |logs: Value| -> Vec<String> {
        let text = logs["logs"].as_str().unwrap().to_owned();
        text.lines().filter_map(|line| line.split_once(' ')).map(|(_, word)| word.to_owned()).collect()
    };
    let all = office.call("GET", "/employees/ada/logs", Value::Null).await.ok();
    assert_eq!(words(all), ["one", "two", "three"]);
    let tail = office.call("GET", "/employees/ada/logs?limit=2", Value::Null).await.ok();
    assert_eq!(words(tail), ["two", "three"]);
    let late = office.call("GET", &format!("/employees/ada/logs?since={since}"), Value::Null).await.ok();
    assert_eq!(words(late), ["three"]);
    for bad in ["tail=many", "since=soon"] {
        let reply = office.call("GET", &format!("/employees/ada/logs?{bad}"), Value::Null).await;
        assert_eq!(reply.refused(), code(400, "bad_request"), "{bad}");
    }
    let own = office.call_as(&runner.speaker(), "GET", "/employees/ada/logs", Value::Null).await.ok();
    assert_eq!(words(own).len(), 3);
    let nosy = office.runner("bob").await.speaker();
    let reply = office.call_as(&nosy, "GET", "/employees/ada/logs", Value::Null).await;
    assert_eq!(reply.refused(), code(403, "not_yours"));
    house.close().await;
}

#[tokio::test]
async fn presence_ends_two_minutes_after_the_last_sign_of_life() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let path = "/employees/ada/presence";
    let unseen = office.call("GET", path, Value::Null).await.ok();
    assert_eq!(unseen, json!({"online": false, "last_seen": null}));
    let runner = office.runner("ada").await;
    assert_eq!(office.call("GET", path, Value::Null).await.ok()["online"], true);
    house.house.clock.advance(mi_core::time::Millis::seconds(121));
    assert_eq!(office.call("GET", path, Value::Null).await.ok()["online"], false);
    let beat = office.call_as(&runner.speaker(), "POST", "/employees/ada/heartbeat", Value::Null).await.ok();
    assert_eq!(beat, json!({"ok": true}));
    assert_eq!(office.call("GET", path, Value::Null).await.ok()["online"], true);
    let owner = office.call("POST", "/employees/ada/heartbeat", Value::Null).await;
    assert_eq!(owner.refused(), code(403, "not_you"));
    house.close().await;
}

#[tokio::test]
async fn a_crash_is_told_as_the_last_error() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let none = office.call("GET", "/employees/ada/last-error", Value::Null).await.ok();
    assert_eq!(none, json!({}));
    office.runner("ada").await.exit(3).await;
    let told = office.call("GET", "/employees/ada/last-error", Value::Null).await.ok();
    assert_eq!(told["error"], "the pod ended with exit code 3");
    assert_eq!(told["timestamp"], json!(house.now().to_string()));
    let ada = agent(office, "ada").await;
    assert!(ada["status"]["message"].as_str().unwrap().contains("exit code 3"), "{ada}");
    house.close().await;
}

#[tokio::test]
async fn activity_tells_the_hire() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let list = office.call("GET", "/employees/ada/activity?category=lifecycle", Value::Null).await.ok();
    assert_eq!(list[0]["type"], "agents.hire");
    assert_eq!(list[0]["summary"], "ada was hired by owner");
    house.close().await;
}

#[tokio::test]
async fn lifecycle_is_for_operators() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let runner = office.runner("ada").await;
    let body = json!({"action": "stop"});
    let reply = office.call_as(&runner.speaker(), "POST", "/employees/ada/lifecycle", body).await;
    assert_eq!(reply.refused(), code(403, "operator_only"));
    house.close().await;
}

#[tokio::test]
async fn a_new_provider_means_the_same_as_at_hire() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire_with(json!({"name": "eve", "provider": "claude-code"})).await;
    let change = async |body: Value| office.call("PATCH", "/employees/eve", body).await;
    // Without a provider a model's name tells whose it is.
    office.hire_with(json!({"name": "bob", "harness": "claude-code"})).await;
    let foreign = office.call("PATCH", "/employees/bob", json!({"modelTier": "gpt-5.5"})).await;
    assert_eq!(foreign.refused(), (400, "bad_request".to_owned()));
    for (body, harness) in [
        (json!({"modelTier": "opus"}), "claude-code"),
        (json!({"provider": "anthropic"}), "claude-code"),
        (json!({"provider": "google"}), "native"),
        (json!({"provider": "codex"}), "openai-codex"),
        (json!({"provider": "venice"}), "openai-codex"),
        (json!({"provider": "google", "harness": "gemini-cli"}), "gemini-cli"),
    ] {
        let card = change(body.clone()).await.ok();
        assert_eq!(card["harness"], harness, "{body}");
    }
    let contradiction = change(json!({"provider": "venice", "harness": "gemini-cli"})).await;
    assert_eq!(contradiction.refused(), (400, "bad_request".to_owned()));
    house.close().await;
}
