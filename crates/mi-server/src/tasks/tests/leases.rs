//! Leases: what renews them, and for how long mere presence does.

use serde_json::{Value, json};

use super::{claim, token, with_two};
use crate::testing::TestHouse;

#[tokio::test]
async fn whatever_is_written_with_a_claim_renews_its_lease() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "long"})).await;
    let held = claim(&office, "ada").await.unwrap();
    let speaker = house.with_claim(token(&held));
    for _ in 0..4 {
        house.advance(100_000).await;
        office.call_as(&speaker, "POST", "/tasks/1/comments", json!({"message": "still at it"})).await.ok();
    }
    assert_eq!(office.get_task(1).await["attempts"], 1);
    house.close().await;
}

#[tokio::test]
async fn heartbeats_alone_keep_a_claim_for_half_an_hour() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let ada = office.runner("ada").await;
    office.task(json!({"title": "elsewhere"})).await;
    // Claimed with the owner's key, as for an agent elsewhere: no beats of a session renew it.
    let held = claim(&office, "ada").await.unwrap();
    let beat = || async { office.call_as(&ada.speaker(), "POST", "/employees/ada/heartbeat", Value::Null).await.ok() };
    for _ in 0..17 {
        house.advance(100_000).await;
        beat().await;
    }
    assert_eq!(office.get_task(1).await["lease_expires_at"].as_str().map(str::len), Some(24));
    assert_eq!(office.get_task(1).await["status"], "claimed", "29 minutes on");
    house.advance(100_000).await;
    beat().await;
    house.advance(21_000).await;
    assert_eq!(office.get_task(1).await["status"], "queued", "31 minutes without a word about the task");
    let stale = office.call_as(&house.with_claim(token(&held)), "POST", "/tasks/1/renew", Value::Null).await;
    assert_eq!(stale.refused(), (409, "stale_claim".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn after_a_restart_agents_elsewhere_have_one_fresh_term_of_their_office() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.call("PATCH", "/settings", json!({"leaseSeconds": 30})).await.ok();
    office.task(json!({"title": "elsewhere"})).await;
    claim(&office, "ada").await.unwrap();
    house.house.clock.advance(mi_core::time::Millis(600_000));
    crate::sessions::sweep::after_restart(&house.house).await.unwrap();
    house.settle().await;
    assert_eq!(office.get_task(1).await["status"], "claimed");
    house.advance(31_000).await;
    assert_eq!(office.get_task(1).await["status"], "queued");
    house.close().await;
}

#[tokio::test]
async fn a_runner_moves_tasks_only_with_a_claim() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, grant) = office.at_work("ada").await;
    let body = json!({"status": "done", "result": "r"});
    let bare = office.call_as(&ada.speaker(), "PATCH", "/tasks/1", body.clone()).await;
    assert_eq!(bare.refused(), (428, "claim_required".to_owned()));
    let speaker = ada.speaker().with_claim(grant.token);
    assert_eq!(office.call_as(&speaker, "PATCH", "/tasks/1", body).await.ok()["status"], "done");
    ada.end(&grant, "finished").await.ok();
    house.close().await;
}

/// Whoever names another task by mistake keeps its own claim, and isn't told to stop.
#[tokio::test]
async fn a_live_claim_moves_its_own_task_only() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "hers", "assignedAgent": "ada"})).await;
    office.task(json!({"title": "his", "assignedAgent": "bob"})).await;
    let (hers, _his) = (claim(&office, "ada").await.unwrap(), claim(&office, "bob").await.unwrap());
    let speaker = house.with_claim(token(&hers));
    for (act, body) in [("PATCH", json!({"status": "done", "result": "r"})), ("PATCH", json!({"status": "running"}))] {
        let refused = office.call_as(&speaker, act, "/tasks/2", body).await;
        assert_eq!(refused.json["must_stop"], Value::Null);
        assert_eq!(refused.refused(), (403, "not_the_claimer".to_owned()));
    }
    office.call_as(&speaker, "POST", "/tasks/1/log", json!({"message": "still mine"})).await.ok();
    house.close().await;
}

#[tokio::test]
async fn the_chain_names_who_really_spoke() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "a"})).await;
    office.call("POST", "/tasks/1/comments", json!({"agent": "ada", "message": "as she said"})).await.ok();
    let events = office.call("GET", "/events?category=task", Value::Null).await.ok();
    let comment = events.as_array().unwrap().iter().find(|event| event["type"] == "tasks.comment").unwrap().clone();
    assert_eq!((&comment["actor"], &comment["summary"]), (&json!("owner"), &json!("owner commented on task 1 as ada")));
    house.close().await;
}
