use serde_json::json;

use crate::testing::TestHouse;

#[tokio::test]
async fn anybody_reads_the_catalogue() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.remote("ada").await;
    for (path, name) in [("/api/v1/roles", "engineer"), ("/api/v1/skills", "task-queue")] {
        for speaker in [house.owner(), ada.speaker(), house.nobody()] {
            let list = speaker.call("GET", path, json!(null)).await.ok();
            assert!(list.as_array().unwrap().iter().any(|one| one["name"] == name), "{list}");
        }
    }
    house.close().await;
}

/// The first of equally urgent open tasks, by what the agent's role prefers.
#[tokio::test]
async fn an_agent_takes_what_its_role_is_for_before_other_things_of_that_urgency() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire_with(json!({"name": "rita", "role": "Reviewer"})).await;
    office.hire_with(json!({"name": "ben", "role": "keeper of bees"})).await;
    for (title, kind, priority) in
        [("a", "general", 50), ("b", "code", 50), ("c", "review", 50), ("d", "verify", 60), ("e", "general", 50)]
    {
        office.task(json!({"title": title, "kind": kind, "priority": priority})).await;
    }
    office.task(json!({"title": "own", "assignedAgent": "rita", "priority": 90})).await;
    let mut taken = Vec::new();
    for name in ["rita", "rita", "ben"] {
        let claim = office.call("POST", "/tasks/claim", json!({"agent": name})).await.ok();
        taken.push(claim["title"].as_str().unwrap().to_owned());
    }
    assert_eq!(taken, ["own", "c", "a"], "what is its own comes first, urgency before taste, and others take in order");
    house.close().await;
}
