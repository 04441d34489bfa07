//! What agents ask for, and what an answer sets going.

use serde_json::{Value, json};

use super::{enabled, get, set_secret, toggle};
use crate::testing::{FakeRunner, TestHouse, TestOffice, TestReply};

async fn ask(ada: &FakeRunner<'_>, body: Value) -> TestReply {
    ada.office.call_as(&ada.speaker(), "POST", "/integration-requests", body).await
}

/// Agent and integration of the requests in a state.
async fn asked(office: TestOffice<'_>, status: &str) -> Vec<(String, String)> {
    let found = get(office, &format!("/integration-requests?status={status}")).await;
    let pair = |request: &Value| {
        (request["agentName"].as_str().unwrap().to_owned(), request["integrationId"].as_str().unwrap().to_owned())
    };
    found.as_array().unwrap().iter().map(pair).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(agent, id)| ((*agent).to_owned(), (*id).to_owned())).collect()
}

/// Ada takes the next task and blocks it.
async fn blocked(ada: &mut FakeRunner<'_>, body: Value) -> i64 {
    let grant = ada.must_take().await;
    let task = grant.task.unwrap();
    let reply = ada.office.call_as(&ada.harness(&grant), "PATCH", &format!("/tasks/{task}"), body).await;
    assert_eq!(reply.ok()["status"], "blocked");
    ada.end(&grant, "finished").await.ok();
    task.0
}

#[tokio::test]
async fn who_asked_gets_it_when_the_secret_is_set() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "bob", "cyd"] {
        office.hire(name).await;
    }
    let ada = office.runner("ada").await;
    let made = ask(&ada, json!({"integrationId": "gh", "agentName": "ada", "reason": "Need PRs"})).await.ok();
    assert_eq!((&made["integrationId"], &made["status"]), (&json!("github"), &json!("pending")));
    office.call("POST", "/integration-requests", json!({"integration_id": "github", "agent_name": "bob"})).await.ok();
    office.call("POST", "/integration-requests", json!({"integrationId": "slack", "agentName": "cyd"})).await.ok();
    let renewed = ask(&ada, json!({"integrationId": "github", "reason": "still need PRs"})).await.ok();
    assert_ne!(renewed["id"], made["id"]);
    assert_eq!(asked(office, "pending").await, pairs(&[("bob", "github"), ("cyd", "slack"), ("ada", "github")]));

    set_secret(office, "github", json!({"key": "t"})).await.ok();
    assert_eq!(asked(office, "granted").await, pairs(&[("bob", "github"), ("ada", "github")]));
    assert_eq!(asked(office, "pending").await, pairs(&[("cyd", "slack")]));
    assert_eq!((enabled(office, "ada").await, enabled(office, "cyd").await.len()), (vec!["github".to_owned()], 0));
    let again = ask(&ada, json!({"integrationId": "github"})).await.ok();
    assert_eq!(again["status"], "granted");
    toggle(office, "slack", "cyd", true).await;
    assert_eq!(asked(office, "pending").await, pairs(&[]));
    house.close().await;
}

#[tokio::test]
async fn a_part_of_a_secret_grants_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.call("POST", "/integration-requests", json!({"integrationId": "wa", "agentName": "ada"})).await.ok();
    set_secret(office, "whatsapp", json!({"WHATSAPP_ACCESS_TOKEN": "t"})).await.ok();
    assert_eq!((asked(office, "pending").await.len(), enabled(office, "ada").await.len()), (1, 0));
    set_secret(office, "whatsapp", json!({"WHATSAPP_PHONE_NUMBER_ID": "7"})).await.ok();
    assert_eq!((asked(office, "pending").await.len(), enabled(office, "ada").await.len()), (0, 1));
    house.close().await;
}

#[tokio::test]
async fn a_model_that_was_asked_for_is_enabled_with_its_key() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.call("POST", "/integration-requests", json!({"integrationId": "gemini", "agentName": "ada"})).await.ok();
    let card = set_secret(office, "google", json!({"key": "k", "check": false})).await.ok();
    assert_eq!((&card["status"], enabled(office, "ada").await), (&json!("active"), vec!["google".to_owned()]));
    house.close().await;
}

#[tokio::test]
async fn an_agent_asks_for_itself_only() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.hire("bob").await;
    let ada = office.runner("ada").await;
    let long = "x".repeat(64 * 1024 + 1);
    for (body, status, code) in [
        (json!({"integrationId": "github", "agentName": "bob"}), 403, "not_you"),
        (json!({"integrationId": "github", "agentName": "nobody"}), 404, "no_such_agent"),
        (json!({"integrationId": "jira"}), 404, "no_such_integration"),
        (json!({"integrationId": "github", "reason": long}), 400, "too_long"),
        (json!({"reason": "please"}), 400, "bad_request"),
    ] {
        assert_eq!(ask(&ada, body).await.refused(), (status, code.to_owned()));
    }
    let nobody = office.call("POST", "/integration-requests", json!({"integrationId": "github"})).await;
    assert_eq!(nobody.refused(), (400, "bad_request".to_owned()));
    let strange = office.call("GET", "/integration-requests?status=lost", Value::Null).await;
    assert_eq!(strange.refused(), (400, "bad_request".to_owned()));
    assert_eq!(get(office, "/integration-requests").await, json!([]));
    house.close().await;
}

#[tokio::test]
async fn a_blocked_task_comes_back_when_its_integration_is_enabled() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    for title in ["needs github", "needs slack", "needs advice"] {
        office.task(json!({"title": title, "assignedAgent": "ada"})).await;
    }
    let one =
        blocked(&mut ada, json!({"status": "blocked", "reason": "no access to PRs", "integrationId": "gh"})).await;
    let kind =
        json!({"status": "blocked", "reason": "no chat", "blockedKind": "needs_integration", "integrationId": "slack"});
    let two = blocked(&mut ada, kind).await;
    let three =
        blocked(&mut ada, json!({"status": "blocked", "reason": "which one?", "blockedKind": "needs_input"})).await;
    let why = office.get_task(one).await["why"].clone();
    assert_eq!(why["code"], "needs_integration");
    assert!(why["message"].as_str().unwrap().starts_with("needs github: no access to PRs; "), "{why}");
    let filed = get(office, "/integration-requests?status=pending").await;
    assert_eq!((&filed[0]["reason"], &filed[0]["taskId"]), (&json!("no access to PRs"), &json!(one)));

    let toggled = toggle(office, "github", "ada", true).await;
    assert_eq!(toggled["unblocked"], json!([one]));
    let (first, second) = (office.get_task(one).await, office.get_task(two).await);
    assert_eq!(
        (&first["status"], &first["attempts"], &second["status"]),
        (&json!("queued"), &json!(0), &json!("blocked"))
    );
    set_secret(office, "slack", json!({"key": "xoxb"})).await.ok();
    assert_eq!(office.get_task(two).await["status"], "queued");
    assert_eq!(office.get_task(three).await["status"], "blocked");
    assert_eq!(asked(office, "pending").await, pairs(&[]));
    house.close().await;
}

#[tokio::test]
async fn a_new_secret_of_what_is_enabled_brings_the_task_back_too() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    toggle(office, "github", "ada", true).await;
    office.task(json!({"title": "needs github"})).await;
    let task = blocked(&mut ada, json!({"status": "blocked", "reason": "401", "integrationId": "github"})).await;
    office.hire("bob").await;
    toggle(office, "github", "bob", true).await;
    assert_eq!(office.get_task(task).await["status"], "blocked");
    set_secret(office, "github", json!({"key": "a better one"})).await.ok();
    assert_eq!(office.get_task(task).await["status"], "queued");
    house.close().await;
}

#[tokio::test]
async fn a_block_on_what_no_catalogue_has_is_refused() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "work"})).await;
    let grant = ada.must_take().await;
    let body = json!({"status": "blocked", "reason": "no jira", "integrationId": "jira"});
    let reply = office.call_as(&ada.harness(&grant), "PATCH", "/tasks/1", body).await;
    assert_eq!(reply.refused(), (404, "no_such_integration".to_owned()));
    assert_ne!(office.get_task(1).await["status"], "blocked");
    ada.done(&grant, "without it").await.ok();
    ada.end(&grant, "finished").await.ok();
    house.close().await;
}

#[tokio::test]
async fn a_ready_task_is_taken_as_soon_as_somebody_may_use_its_tools() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    let task = office.task(json!({"title": "work", "requiredTools": ["gh", "own-tool"]})).await;
    let why = office.get_task(task).await;
    assert_eq!(why["required_tools"], json!(["github", "own-tool"]));
    assert_eq!(why["why"]["code"], "no_eligible_agent");
    let said = why["why"]["message"].as_str().unwrap().to_owned();
    assert!(said.starts_with("no agent has all of: github, own-tool; the catalogue has no own-tool"), "{said}");

    let other = office.task(json!({"title": "work", "requiredTools": "github"})).await;
    let said = office.get_task(other).await["why"]["message"].clone();
    assert_eq!(said, "no agent has all of: github; mi integrations enable github ada lets it");
    // The question is asked first, so only a wake-up can answer it: the clock stands still.
    let (waited, _) = tokio::join!(ada.next(20), toggle(office, "github", "ada", true));
    assert_eq!(waited.ok()["session"]["task"], json!(other));
    house.close().await;
}
