//! Tasks that are known by a name as well.

use serde_json::{Value, json};

use crate::testing::TestHouse;

#[tokio::test]
async fn a_named_task_is_found_by_its_name() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["wave-1/collect", "report"] {
        let made = office.call("POST", "/tasks", json!({"title": name, "name": name})).await.ok();
        assert_eq!(made["name"], name);
    }
    let unnamed = office.call("POST", "/tasks", json!({"title": "no name", "name": ""})).await.ok();
    assert_eq!(unnamed.get("name"), None);
    let ids = async |query: &str| -> Vec<i64> {
        let list = office.call("GET", &format!("/tasks?name={query}"), Value::Null).await.ok();
        list.as_array().unwrap().iter().map(|task| task["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids("report").await, [2]);
    assert_eq!(ids("report,wave-1%2Fcollect,nobody,report").await, [1, 2]);
    assert_eq!(ids("nobody").await, [0; 0]);
    assert_eq!(office.get_task(1).await["name"], "wave-1/collect");
    house.close().await;
}

#[tokio::test]
async fn a_name_is_taken_for_ever_but_only_in_its_office() {
    let house = TestHouse::new().await;
    let (office, other) = (house.office().await, house.office().await);
    let collect = json!({"title": "Collect", "name": "collect"});
    office.call("POST", "/tasks", collect.clone()).await.ok();
    office.call("POST", "/tasks/1/cancel", json!({})).await.ok();
    let again = office.call("POST", "/tasks", collect.clone()).await;
    assert_eq!(again.refused(), (409, "task_name_taken".to_owned()));
    assert_eq!(office.call("GET", "/tasks/stats", Value::Null).await.ok()["total"], 1);
    assert_eq!(other.call("POST", "/tasks", collect).await.status, 201);
    house.close().await;
}

#[tokio::test]
async fn a_name_that_could_be_a_number_or_a_list_is_refused() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["7", "a,b", "a b", "-a", &"x".repeat(129)] {
        let refused = office.call("POST", "/tasks", json!({"title": "t", "name": name})).await.refused();
        assert_eq!(refused, (400, "bad_name".to_owned()), "{name}");
    }
    assert_eq!(office.call("GET", "/tasks?name=a%20b", Value::Null).await.refused().0, 400);
    let many = vec!["a"; 101].join(",");
    let refused = office.call("GET", &format!("/tasks?name={many}"), Value::Null).await.refused();
    assert_eq!(refused, (400, "too_long".to_owned()));
    house.close().await;
}
