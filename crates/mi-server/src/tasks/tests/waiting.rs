//! Blocks that end by themselves, and tasks that wait for others in more than one way.

use serde_json::{Value, json};

use super::{claim, finish, patch, with_two};
use crate::testing::{TestHouse, TestOffice};

/// Task 1, blocked by ada.
async fn blocked(office: &TestOffice<'_>, body: Value) {
    office.task(json!({"title": "stuck", "assignedAgent": "ada"})).await;
    let held = claim(office, "ada").await.unwrap();
    let mut report = json!({"status": "blocked", "reason": "r"});
    report.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    patch(office, &held, report).await.ok();
}

#[tokio::test]
async fn an_operators_comment_answers_what_needed_input() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    blocked(&office, json!({"blockedKind": "needs_input"})).await;
    office.call("POST", "/tasks/1/comments", json!({"message": "use port 7700"})).await.ok();
    let task = claim(&office, "ada").await.unwrap();
    assert_eq!((&task["id"], &task["attempts"]), (&json!(1), &json!(1)), "a block doesn't count");
    house.close().await;
}

#[tokio::test]
async fn a_block_by_quota_ends_at_its_time() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let until = house.now() + mi_core::time::Millis::seconds(90);
    blocked(&office, json!({"blockedKind": "quota", "blockedUntil": until})).await;
    let task = office.get_task(1).await;
    assert_eq!(task["why"]["message"], format!("r; it is offered again at {until}"));
    house.advance(89_000).await;
    assert_eq!(claim(&office, "ada").await, None);
    house.advance(6_000).await;
    let task = claim(&office, "ada").await.unwrap();
    assert_eq!(task["blocked_until"], Value::Null);
    let far = house.now() + mi_core::time::Millis::seconds(40 * 24 * 3_600);
    for bad in
        [json!({"blockedKind": "quota", "blockedUntil": far}), json!({"blockedKind": "other", "blockedUntil": until})]
    {
        let mut body = json!({"status": "blocked", "reason": "r"});
        body.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert_eq!(patch(&office, &task, body).await.refused(), (400, "bad_request".to_owned()));
    }
    patch(&office, &task, json!({"status": "blocked", "reason": "r", "blockedKind": "quota"})).await.ok();
    house.advance(3_606_000).await;
    assert_eq!(office.get_task(1).await["status"], "queued");
    house.close().await;
}

#[tokio::test]
async fn a_claimer_may_name_what_it_waits_for() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    blocked(&office, json!({"blockedKind": "other"})).await;
    office.task(json!({"title": "needed", "assignedAgent": "bob"})).await;
    office.call("PATCH", "/tasks/1", json!({"status": "queued"})).await.ok();
    let held = claim(&office, "ada").await.unwrap();
    let circle = json!({"status": "blocked", "reason": "r", "blockedKind": "dependency", "dependsOn": 1});
    assert_eq!(patch(&office, &held, circle).await.refused(), (400, "dependency_cycle".to_owned()));
    let report = json!({"status": "blocked", "reason": "needs 2", "blockedKind": "dependency", "dependsOn": [2]});
    patch(&office, &held, report).await.ok();
    let waiting = office.get_task(1).await;
    assert_eq!((&waiting["status"], &waiting["depends_on"]), (&json!("blocked"), &json!("2")));
    let needed = claim(&office, "bob").await.unwrap();
    patch(&office, &needed, json!({"status": "failed", "error": "no"})).await.ok();
    assert_eq!(office.get_task(1).await["why"]["code"], "dependency_failed");
    office.call("POST", "/tasks/2/retry", json!({})).await.ok();
    assert_eq!(office.get_task(1).await["why"]["code"], "waiting_for_dependency");
    let needed = claim(&office, "bob").await.unwrap();
    finish(&office, &needed).await;
    let held = claim(&office, "ada").await.unwrap();
    let known = json!({"status": "blocked", "reason": "again", "blockedKind": "dependency", "dependsOn": [2]});
    patch(&office, &held, known).await.ok();
    assert_eq!(office.get_task(1).await["why"]["code"], "backing_off", "what it names is there already");
    house.close().await;
}

/// What was called off stays so, whatever becomes of the task that it was once blocked on.
#[tokio::test]
async fn a_cancelled_task_is_not_blocked_again() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "stuck", "assignedAgent": "ada"})).await;
    office.task(json!({"title": "needed", "assignedAgent": "bob"})).await;
    let held = claim(&office, "ada").await.unwrap();
    let report = json!({"status": "blocked", "reason": "needs 2", "blockedKind": "dependency", "dependsOn": [2]});
    patch(&office, &held, report).await.ok();
    office.call("POST", "/tasks/1/cancel", json!({})).await.ok();
    let needed = claim(&office, "bob").await.unwrap();
    patch(&office, &needed, json!({"status": "failed", "error": "no"})).await.ok();
    assert_eq!(office.get_task(1).await["status"], "cancelled");
    house.close().await;
}

/// B waits for T and for the container A, which waits for T: one acceptance moves both.
#[tokio::test]
async fn one_acceptance_can_move_a_task_in_two_ways() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "T"})).await;
    office.task(json!({"title": "A", "dependsOn": 1})).await;
    office.task(json!({"title": "part of A", "parentId": 2, "priority": 0})).await;
    office.task(json!({"title": "B", "dependsOn": [1, 2]})).await;
    let part = claim(&office, "ada").await.unwrap();
    assert_eq!(part["id"], 3);
    finish(&office, &part).await;
    let first = claim(&office, "ada").await.unwrap();
    finish(&office, &first).await;
    assert_eq!(office.get_task(2).await["status"], "done");
    let last = claim(&office, "ada").await.unwrap();
    assert_eq!(last["id"], 4);
    finish(&office, &last).await;
    assert_eq!(house.broken().await, Vec::<String>::new());
    house.close().await;
}

#[tokio::test]
async fn a_release_with_open_subtasks_is_a_split() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "big"})).await;
    let held = claim(&office, "ada").await.unwrap();
    let speaker = house.with_claim(super::token(&held));
    let own = office.house.owner();
    office.call_as(&own, "POST", "/tasks", json!({"title": "small", "parentId": 1})).await.ok();
    let withdrawn = office.call_as(&speaker, "PATCH", "/tasks/1", json!({"status": "queued"})).await;
    assert_eq!(withdrawn.refused(), (409, "stale_claim".to_owned()), "an operator's subtask took the claim back");
    house.close().await;
}

#[tokio::test]
async fn a_key_that_holds_a_claim_splits_its_own_task() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "big"})).await;
    let held = claim(&office, "ada").await.unwrap();
    let speaker = house.with_claim(super::token(&held));
    office.call_as(&speaker, "POST", "/tasks", json!({"title": "small", "parentId": 1})).await.ok();
    assert_eq!(office.get_task(1).await["claimed_by"], "ada");
    let early = patch(&office, &held, json!({"status": "done", "result": "r"})).await;
    assert_eq!(early.refused(), (409, "subtasks_open".to_owned()));
    house.close().await;
}

/// An operator's key may speak for an agent; that is no answer to the agent.
#[tokio::test]
async fn what_an_agent_says_itself_answers_nothing() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    blocked(&office, json!({"blockedKind": "needs_input"})).await;
    office.call("POST", "/tasks/1/comments", json!({"agent": "ada", "message": "still waiting"})).await.ok();
    assert_eq!(office.get_task(1).await["status"], "blocked");
    house.close().await;
}
