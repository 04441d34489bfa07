//! Agents elsewhere with a plain key: whatever they name in their requests, their chains of wake-ups are counted.

use serde_json::json;

use super::chain::events;
use crate::testing::{RemoteAgent, TestHouse, TestOffice};

async fn office_with_two_elsewhere(house: &TestHouse, most: i64) -> (TestOffice<'_>, [RemoteAgent<'_>; 2]) {
    let office = house.office().await;
    office.lift_hire_limit().await;
    office.call("PATCH", "/settings", json!({"wakeChainMax": most})).await.ok();
    (office, [office.remote("ada").await, office.remote("bob").await])
}

async fn claim(agent: &RemoteAgent<'_>) -> Option<i64> {
    let taken = agent.office.call_as(&agent.speaker(), "POST", "/tasks/claim", json!({"agent": agent.name})).await;
    (taken.status == 200).then(|| taken.ok()["id"].as_i64().unwrap())
}

#[tokio::test]
async fn two_that_give_each_other_tasks_without_naming_their_claims_are_stopped() {
    let house = TestHouse::new().await;
    let (office, [ada, bob]) = office_with_two_elsewhere(&house, 3).await;
    office.task(json!({"title": "begin", "assignedAgent": "ada"})).await;
    let mut done = 0;
    while done < 50 {
        let (me, other) = if done % 2 == 0 { (&ada, "bob") } else { (&bob, "ada") };
        let Some(task) = claim(me).await else { break };
        let report = json!({"status": "done", "result": "made the next one"});
        let next = json!({"title": "go on", "assignedAgent": other});
        // Before the end of its claim or after it.
        let calls = [("POST", "/tasks".to_owned(), next), ("PATCH", format!("/tasks/{task}"), report)];
        let calls: Vec<_> = if done < 2 { calls.into() } else { calls.into_iter().rev().collect() };
        for (method, path, body) in calls {
            me.office.call_as(&me.speaker(), method, &path, body).await.ok();
        }
        house.advance(1_000).await;
        done += 1;
    }
    assert_eq!(done, 4, "the owner's task, and three among agents");
    assert_eq!(office.get_task(5).await["status"], "blocked");
    // An operator's word is the newest thing that it got.
    office.call("POST", "/messages/send", json!({"to": "bob", "content": "go on"})).await.ok();
    bob.office.call_as(&bob.speaker(), "POST", "/tasks", json!({"title": "anew", "assignedAgent": "ada"})).await.ok();
    assert_eq!(office.get_task(6).await["status"], "queued");
    house.close().await;
}

#[tokio::test]
async fn two_that_mention_each_other_in_a_group_are_stopped_whatever_claim_they_name() {
    let house = TestHouse::new().await;
    let (office, [ada, bob]) = office_with_two_elsewhere(&house, 5).await;
    // Both hold a task of the owner's all the time, and name it.
    let mut speakers = Vec::new();
    for agent in [&ada, &bob] {
        office.task(json!({"title": "watch", "assignedAgent": agent.name})).await;
        let taken = office.call_as(&agent.speaker(), "POST", "/tasks/claim", json!({"agent": agent.name})).await.ok();
        let claim = taken["claim"]["token"].as_i64().unwrap();
        speakers.push((agent.speaker().with_header("X-Mi-Claim", &claim.to_string()), agent));
    }
    for round in 0..8 {
        house.advance(1_000).await;
        let (speaker, me) = &speakers[round % 2];
        let other = if me.name == "ada" { "bob" } else { "ada" };
        let message = json!({"body": format!("@{other} and you?")});
        office.call_as(speaker, "POST", "/xmtp/groups/office/send", message).await.ok();
        let stopped = events(office, "chat.chain_stopped").await.len();
        assert_eq!(stopped, round.saturating_sub(4), "message {}", round + 1);
    }
    house.close().await;
}

#[tokio::test]
async fn two_that_write_to_each_other_are_stopped_whatever_else_they_got_before() {
    let house = TestHouse::new().await;
    let (office, [ada, bob]) = office_with_two_elsewhere(&house, 5).await;
    office.task(json!({"title": "watch", "assignedAgent": "ada"})).await;
    claim(&ada).await.unwrap();
    for round in 0..8 {
        house.advance(1_000).await;
        let (me, other) = if round % 2 == 0 { (&ada, "bob") } else { (&bob, "ada") };
        let message = json!({"to": other, "content": "and you?"});
        let sent = office.call_as(&me.speaker(), "POST", "/messages/send", message).await.ok();
        let metadata = &sent["metadata"];
        assert_eq!(metadata == &json!({}), round < 5, "message {}: {metadata}", round + 1);
    }
    house.close().await;
}
