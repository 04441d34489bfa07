//! Agents from elsewhere as others see them: there, at work, away, gone.

use serde_json::{Value, json};

use super::{SECOND, code, events, joined};
use crate::testing::{Speaker, TestHouse, TestOffice};

async fn phase(office: TestOffice<'_>, name: &str) -> String {
    let card = office.call("GET", &format!("/employees/{name}"), Value::Null).await.ok();
    card["status"]["phase"].as_str().unwrap().to_owned()
}

async fn online(office: TestOffice<'_>, name: &str) -> bool {
    let presence = office.call("GET", &format!("/employees/{name}/presence"), Value::Null).await.ok();
    presence["online"].as_bool().unwrap()
}

async fn beat(agent: &Speaker<'_>) {
    agent.call("POST", "/api/agents/heartbeat", Value::Null).await.ok();
}

#[tokio::test]
async fn two_minutes_without_a_sign_are_offline() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = joined(office, "ada").await;
    assert_eq!((phase(office, "ada").await.as_str(), online(office, "ada").await), ("Idle", true));
    house.advance(120 * SECOND).await;
    assert_eq!((phase(office, "ada").await.as_str(), online(office, "ada").await), ("Idle", true));
    house.advance(SECOND).await;
    assert_eq!((phase(office, "ada").await.as_str(), online(office, "ada").await), ("Offline", false));
    beat(&ada).await;
    house.settle().await;
    assert_eq!((phase(office, "ada").await.as_str(), online(office, "ada").await), ("Idle", true));
    // Whatever it does is a sign of life.
    house.advance(100 * SECOND).await;
    office.call_as(&ada, "POST", "/xmtp/groups/office/send", json!({"body": "hello"})).await.ok();
    house.advance(100 * SECOND).await;
    assert_eq!(phase(office, "ada").await, "Idle");
    let told: Vec<String> = events(office).await.into_iter().filter(|kind| kind.ends_with("line")).collect();
    assert_eq!(told, ["agents.online", "agents.offline", "agents.online"]);
    house.close().await;
}

#[tokio::test]
async fn what_an_absent_agent_held_is_done_by_another() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, ben) = (joined(office, "ada").await, joined(office, "ben").await);
    let task = office.task(json!({"title": "work"})).await;
    let claimed = office.call_as(&ada, "POST", "/tasks/claim", json!({})).await.ok();
    assert_eq!((phase(office, "ada").await.as_str(), &claimed["claimed_by"]), ("Running", &json!("ada")));
    house.advance(121 * SECOND).await;
    assert_eq!(phase(office, "ada").await, "Offline");
    house.advance(6 * SECOND).await;
    let again = office.call_as(&ben, "POST", "/tasks/claim", json!({})).await.ok();
    assert_eq!((&again["id"], &again["attempts"]), (&json!(task), &json!(2)));
    let token = |claim: &Value| claim["claim"]["token"].to_string();
    let done = json!({"status": "done", "result": "by whom?"});
    let late =
        office.call_as(&ada.with_header("x-mi-claim", &token(&claimed)), "PATCH", "/tasks/1", done.clone()).await;
    assert_eq!(late.refused(), code(409, "stale_claim"));
    let done = office.call_as(&ben.with_header("x-mi-claim", &token(&again)), "PATCH", "/tasks/1", done).await.ok();
    assert_eq!((&done["status"], &done["claimed_by"]), (&json!("done"), &json!("ben")));
    house.close().await;
}

#[tokio::test]
async fn heartbeats_keep_a_claim_for_half_an_hour() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = joined(office, "ada").await;
    office.task(json!({"title": "work"})).await;
    office.call_as(&ada, "POST", "/tasks/claim", json!({})).await.ok();
    for _ in 0..29 {
        house.advance(60 * SECOND).await;
        beat(&ada).await;
        assert_eq!(office.get_task(1).await["status"], "claimed");
    }
    house.advance(60 * SECOND).await;
    beat(&ada).await;
    house.advance(SECOND).await;
    assert_eq!(office.get_task(1).await["status"], "queued");
    assert_eq!(phase(office, "ada").await, "Idle", "it is there, it only doesn't work");
    house.close().await;
}

#[tokio::test]
async fn a_task_says_that_its_agent_is_away() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = joined(office, "ada").await;
    let task = office.task(json!({"title": "work", "assignedAgent": "ada"})).await;
    let why = async || office.get_task(task).await["why"]["code"].as_str().unwrap().to_owned();
    assert_eq!(why().await, "waiting_for_agent");
    house.advance(121 * SECOND).await;
    assert_eq!(why().await, "assigned_agent_offline");
    beat(&ada).await;
    assert_eq!(why().await, "waiting_for_agent");
    house.close().await;
}

#[tokio::test]
async fn a_fired_agent_is_gone_at_once() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = joined(office, "ada").await;
    office.task(json!({"title": "work"})).await;
    office.call_as(&ada, "POST", "/tasks/claim", json!({})).await.ok();
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    for (method, path) in [("POST", "/api/agents/heartbeat"), ("GET", "/api/agents/self"), ("GET", "/api/v1/whoami")] {
        assert_eq!(ada.call(method, path, Value::Null).await.refused(), code(401, "key_revoked"), "{path}");
    }
    assert_eq!(office.get_task(1).await["status"], "queued");
    // Its name is free, for whoever comes next.
    let again = joined(office, "ada").await;
    again.call("GET", "/api/agents/self", Value::Null).await.ok();
    house.close().await;
}

#[tokio::test]
async fn an_agent_beats_for_itself_only() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, _) = (joined(office, "ada").await, joined(office, "ben").await);
    office.call_as(&ada, "POST", "/employees/ada/heartbeat", Value::Null).await.ok();
    let other = office.call_as(&ada, "POST", "/employees/ben/heartbeat", Value::Null).await;
    assert_eq!(other.refused(), code(403, "not_you"));
    let owner = house.call("POST", "/api/agents/heartbeat", Value::Null).await;
    assert_eq!(owner.refused(), code(403, "not_you"));
    house.close().await;
}

#[tokio::test]
async fn it_says_itself_with_what_it_thinks() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = joined(office, "ada").await;
    let changed =
        ada.call("PATCH", "/api/agents/self", json!({"model": "opus", "role": "boss", "kind": "hosted"})).await.ok();
    assert_eq!(
        (&changed["modelTier"], &changed["role"], &changed["kind"]),
        (&json!("opus"), &Value::Null, &json!("external"))
    );
    office.hire("eve").await;
    let mut runner = office.runner("eve").await;
    office.task(json!({"title": "work", "assignedAgent": "eve"})).await;
    let grant = runner.must_take().await;
    let hosted = runner.harness(&grant).call("PATCH", "/api/agents/self", json!({"model": "opus"})).await;
    assert_eq!(hosted.refused(), code(409, "wrong_agent_kind"), "its office pays for its model");
    house.close().await;
}

#[tokio::test]
async fn an_agent_that_leaves_gives_back_what_it_held_and_is_none_any_more() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = joined(office, "ada").await;
    let task = office.task(json!({"title": "work"})).await;
    office.call_as(&ada, "POST", "/tasks/claim", json!({})).await.ok();
    let stream = ada.begin("GET", &office.path("/xmtp/stream"), Vec::new()).await;
    ada.call("POST", "/api/agents/leave", Value::Null).await.ok();
    house.must_end(stream).await;
    let held = office.get_task(task).await;
    assert_eq!((&held["status"], &held["attempts"]), (&json!("queued"), &json!(0)));
    let again = ada.call("POST", "/api/agents/leave", Value::Null).await;
    assert_eq!(again.refused(), code(401, "key_revoked"));
    assert_eq!(office.call("GET", "/employees/ada", Value::Null).await.refused(), code(404, "no_such_agent"));
    assert!(events(office).await.contains(&"agents.leave".to_owned()));
    // Its name is free, and one that lives here can't leave.
    joined(office, "ada").await;
    office.hire("eve").await;
    let mut runner = office.runner("eve").await;
    office.task(json!({"title": "work", "assignedAgent": "eve"})).await;
    let grant = runner.must_take().await;
    let hosted = runner.harness(&grant).call("POST", "/api/agents/leave", Value::Null).await;
    assert_eq!(hosted.refused(), code(409, "wrong_agent_kind"));
    house.close().await;
}
