//! What agents say of themselves, and what they may do with others.

use serde_json::{Value, json};

use crate::testing::TestHouse;

#[tokio::test]
async fn a_standup_is_an_activity_of_its_agent() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "ben"] {
        office.hire(name).await;
    }
    let (ada, ben) = (office.runner("ada").await, office.runner("ben").await);
    let standup = json!({"type": "standup", "message": "did one, next two"});
    let path = "/employees/ada/events";
    let said = office.call_as(&ada.speaker(), "POST", path, standup.clone()).await.ok();
    assert_eq!((&said["category"], &said["summary"]), (&json!("standup"), &json!("ada: did one, next two")));
    let refused = office.call_as(&ben.speaker(), "POST", path, standup.clone()).await.refused();
    assert_eq!(refused, (403, "not_you".to_owned()));
    office.call("POST", path, json!({"type": "status", "message": "seen by the owner"})).await.ok();
    let standups = office.call("GET", "/employees/ada/activity?category=standup", Value::Null).await.ok();
    assert_eq!(standups.as_array().unwrap().len(), 1, "{standups}");
    assert_eq!(standups[0]["metadata"]["message"], "did one, next two");
    let all = office.call("GET", path, Value::Null).await;
    assert_eq!(all.header("x-total-count"), Some("2"));
    let words: Vec<Value> = all.ok().as_array().unwrap().iter().map(|one| one["metadata"]["type"].clone()).collect();
    assert_eq!(words, ["status", "standup"]);
    house.close().await;
}

#[tokio::test]
async fn reports_that_say_nothing_or_too_much() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    for (body, expected) in [
        (json!({"type": "standup"}), (400, "bad_request")),
        (json!({"type": "standup", "message": " "}), (400, "bad_request")),
        (json!({"type": "Stand up", "message": "x"}), (400, "bad_request")),
        (json!({"message": "x"}), (400, "bad_request")),
        (json!({"type": "standup", "message": "x".repeat(8 * 1024 + 1)}), (400, "too_long")),
    ] {
        let reply = office.call("POST", "/employees/ada/events", body.clone()).await;
        assert_eq!(reply.refused(), (expected.0, expected.1.to_owned()), "{body}");
    }
    let nobody = office.call("POST", "/employees/bob/events", json!({"type": "standup", "message": "x"})).await;
    assert_eq!(nobody.refused(), (404, "no_such_agent".to_owned()));
    house.close().await;
}

/// A session hires a specialist, asks it something, and reads the answer.
#[tokio::test]
async fn a_session_hires_a_specialist_and_talks_with_it() {
    let house = TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "sk-test")]).await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "big"})).await;
    let grant = ada.must_take().await;
    let harness = ada.harness(&grant);
    let hired = office.call_as(&harness, "POST", "/employees", json!({"name": "expert"})).await.ok();
    assert_eq!(hired["spawnedBy"], "ada");
    office.call_as(&harness, "POST", "/messages/send", json!({"to": "expert", "content": "how?"})).await.ok();
    let mut expert = office.runner("expert").await;
    let woken = expert.must_take().await;
    assert_eq!(woken.task, None);
    let answer = json!({"to": "ada", "content": "so"});
    office.call_as(&expert.harness(&woken), "POST", "/messages/send", answer).await.ok();
    let heard = office.call_as(&harness, "GET", "/inbox", Value::Null).await.ok();
    assert_eq!((&heard[0]["from_agent"], &heard[0]["body"]), (&json!("expert"), &json!("so")));
    let fired = office.call_as(&expert.harness(&woken), "DELETE", "/employees/ada", Value::Null).await;
    assert_eq!(fired.refused(), (403, "not_yours".to_owned()));
    house.close().await;
}
