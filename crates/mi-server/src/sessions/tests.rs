//! Sessions through their routes.

use serde_json::{Value, json};

use crate::testing::TestHouse;

#[tokio::test]
async fn events_posted_twice_are_kept_once() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "a"})).await;
    let grant = ada.must_take().await;
    ada.log(&grant, 0, &["one", "two"]).await.ok();
    ada.log(&grant, 1, &["two", "three"]).await.ok();
    let detail = office.call("GET", "/tasks/1", Value::Null).await.ok();
    let lines: Vec<&str> = detail["logs"].as_array().unwrap().iter().map(|l| l["message"].as_str().unwrap()).collect();
    assert_eq!(lines, ["one", "two", "three"]);
    assert_eq!(detail["task"]["status"], "running");
    ada.done(&grant, "ok").await.ok();
    ada.end(&grant, "finished").await.ok();
    assert_eq!(ada.end(&grant, "finished").await.status, 200, "an end said twice is one end");
    house.close().await;
}

#[tokio::test]
async fn a_stopped_agents_task_is_offered_again_only_when_its_pod_is_gone() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "a"})).await;
    let grant = ada.must_take().await;
    house.pods_are(crate::testing::Manners::Stubborn);
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "stop"})).await.ok();
    assert_eq!(ada.done(&grant, "zombie").await.refused(), (409, "stale_claim".to_owned()));
    assert_ne!(office.get_task(1).await["status"], "queued", "its sandbox may still write to the drive");
    house.pods_are(crate::testing::Manners::Obedient);
    house.settle().await;
    let task = office.get_task(1).await;
    assert_eq!((task["status"].as_str(), task["attempts"].as_i64()), (Some("queued"), Some(0)));
    house.close().await;
}
