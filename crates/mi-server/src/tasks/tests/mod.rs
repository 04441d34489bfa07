//! The queue through its routes. `table` walks the whole state machine; the others have a part each.

mod elsewhere;
mod judging;
mod late;
mod leases;
mod names;
mod table;
mod times;
mod waiting;

use mi_core::ids::ClaimToken;
use serde_json::{Value, json};

use crate::testing::{TestHouse, TestOffice};

/// Two agents whose pods are stopped: an operator claims for them.
pub(super) async fn with_two(house: &TestHouse) -> TestOffice<'_> {
    let office = house.office().await;
    for name in ["ada", "bob"] {
        office.hire(name).await;
        office.call("POST", &format!("/employees/{name}/lifecycle"), json!({"action": "stop"})).await.ok();
    }
    office
}

pub(super) async fn claim(office: &TestOffice<'_>, agent: &str) -> Option<Value> {
    let reply = office.call("POST", "/tasks/claim", json!({"agent": agent})).await;
    if reply.status == 204 { None } else { Some(reply.ok()) }
}

pub(super) fn token(task: &Value) -> ClaimToken {
    ClaimToken(task["claim"]["token"].as_i64().unwrap())
}

pub(super) async fn patch(office: &TestOffice<'_>, task: &Value, body: Value) -> crate::testing::TestReply {
    let speaker = office.house.with_claim(token(task));
    office.call_as(&speaker, "PATCH", &format!("/tasks/{}", task["id"]), body).await
}

pub(super) async fn finish(office: &TestOffice<'_>, task: &Value) {
    patch(office, task, json!({"status": "done", "result": format!("did {}", task["id"])})).await.ok();
}

#[tokio::test]
async fn a_task_is_created_claimed_and_done_with_a_result() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let made = office.call("POST", "/tasks", json!({"title": " Review ", "priority": "10"})).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!(
        (made["id"].as_i64(), made["title"].as_str(), made["priority"].as_i64()),
        (Some(1), Some("Review"), Some(10))
    );
    assert_eq!(made["why"]["code"], "no_eligible_agent");
    let task = claim(&office, "ada").await.unwrap();
    assert_eq!((task["status"].as_str(), task["attempts"].as_i64()), (Some("claimed"), Some(1)));
    assert_eq!(claim(&office, "bob").await, None);
    let blank = patch(&office, &task, json!({"status": "done", "result": "  "})).await;
    assert_eq!(blank.refused(), (400, "result_required".to_owned()));
    finish(&office, &task).await;
    let done = office.get_task(1).await;
    assert_eq!((done["status"].as_str(), done["result_summary"].as_str()), (Some("done"), Some("did 1")));
    assert_eq!(office.call("GET", "/tasks/stats", Value::Null).await.ok()["completed"], 1);
    house.close().await;
}

#[tokio::test]
async fn the_oldest_of_the_most_urgent_comes_first_and_own_tasks_before_open_ones() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    for body in [
        json!({"title": "normal"}),
        json!({"title": "critical", "priority": 0}),
        json!({"title": "mine", "priority": 100, "assignedAgent": "ada"}),
        json!({"title": "critical too", "priority": 0}),
        json!({"title": "bob's", "priority": 0, "assigned_agent": "bob"}),
    ] {
        office.task(body).await;
    }
    let mut order = Vec::new();
    while let Some(task) = claim(&office, "ada").await {
        order.push(task["title"].as_str().unwrap().to_owned());
        finish(&office, &task).await;
    }
    assert_eq!(order, ["mine", "critical", "critical too", "normal"]);
    house.close().await;
}

#[tokio::test]
async fn a_lapsed_claim_is_stale_and_its_task_comes_back_after_a_pause() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "slow"})).await;
    let first = claim(&office, "ada").await.unwrap();
    house.advance(121_000).await;
    let late = patch(&office, &first, json!({"status": "done", "result": "late"})).await;
    assert_eq!(late.json["must_stop"], true);
    assert_eq!(late.refused(), (409, "stale_claim".to_owned()));
    assert_eq!(office.get_task(1).await["why"]["code"], "backing_off");
    assert_eq!(claim(&office, "bob").await, None);
    house.advance(5_001).await;
    let second = claim(&office, "bob").await.unwrap();
    assert!(token(&second) > token(&first));
    assert_eq!(second["attempts"], 2);
    finish(&office, &second).await;
    house.close().await;
}

#[tokio::test]
async fn after_the_third_lost_attempt_a_task_fails_with_its_cause() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "doomed"})).await;
    for pause in [5_001, 20_001, 0] {
        claim(&office, "ada").await.unwrap();
        house.advance(121_000).await;
        house.advance(pause).await;
    }
    let task = office.get_task(1).await;
    assert_eq!(task["status"], "failed");
    assert!(task["error"].as_str().unwrap().contains("the lease lapsed"), "{task}");
    let retried = office.call("POST", "/tasks/1/retry", json!({"reason": "again"})).await.ok();
    assert_eq!((retried["status"].as_str(), retried["attempts"].as_i64()), (Some("queued"), Some(0)));
    house.close().await;
}

#[tokio::test]
async fn a_renewed_lease_holds() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "long"})).await;
    let task = claim(&office, "ada").await.unwrap();
    for _ in 0..5 {
        house.advance(100_000).await;
        let speaker = house.with_claim(token(&task));
        office.call_as(&speaker, "POST", "/tasks/1/renew", Value::Null).await.ok();
    }
    assert_eq!(office.get_task(1).await["status"], "running");
    finish(&office, &task).await;
    house.close().await;
}

#[tokio::test]
async fn dependencies_hold_back_until_accepted_and_failures_block() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "first"})).await;
    office.task(json!({"title": "second", "dependsOn": "1"})).await;
    office.task(json!({"title": "third", "dependsOn": [1, "2"]})).await;
    let second = office.get_task(2).await;
    assert_eq!(second["why"], json!({"code": "waiting_for_dependency", "message": "waits for #1"}));
    let first = claim(&office, "ada").await.unwrap();
    assert_eq!(claim(&office, "bob").await, None);
    patch(&office, &first, json!({"status": "failed", "error": "can't"})).await.ok();
    let blocked = office.get_task(2).await;
    assert_eq!(
        (blocked["status"].as_str(), blocked["why"]["code"].as_str()),
        (Some("blocked"), Some("dependency_failed"))
    );
    office.call("POST", "/tasks/1/retry", json!({})).await.ok();
    assert_eq!(office.get_task(3).await["status"], "queued");
    for expected in [1, 2, 3] {
        let task = claim(&office, "ada").await.unwrap();
        assert_eq!(task["id"], expected);
        finish(&office, &task).await;
    }
    house.close().await;
}

#[tokio::test]
async fn what_can_not_be_is_refused_with_its_code() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "a"})).await;
    office.task(json!({"title": "b", "dependsOn": 1})).await;
    office.task(json!({"title": "c", "parentId": 2})).await;
    for (body, code) in [
        (json!({}), "bad_request"),
        (json!({"title": "  "}), "bad_request"),
        (json!({"title": 7}), "bad_request"),
        (json!({"title": "x".repeat(501)}), "too_long"),
        (json!({"title": "x", "kind": "party"}), "bad_request"),
        (json!({"title": "x", "priority": 101}), "bad_request"),
        (json!({"title": "x", "dependsOn": "99"}), "unknown_dependency"),
        (json!({"title": "x", "dependsOn": "x"}), "unknown_dependency"),
        (json!({"title": "x", "parentId": 99}), "unknown_parent"),
        (json!({"title": "x", "assignedAgent": "eve"}), "unknown_agent"),
        (json!({"title": "x", "parentId": 2, "dependsOn": 2}), "dependency_cycle"),
        (json!({"title": "x", "parentId": 1, "dependsOn": 2}), "dependency_cycle"),
    ] {
        let refused = office.call("POST", "/tasks", body.clone()).await.refused();
        assert_eq!(refused, (400, code.to_owned()), "{body}");
    }
    let cycle = office.call("PATCH", "/tasks/1", json!({"dependsOn": "2"})).await;
    assert_eq!(cycle.refused(), (400, "dependency_cycle".to_owned()));
    assert_eq!(office.call("GET", "/tasks/99", Value::Null).await.refused(), (404, "no_such_task".to_owned()));
    assert_eq!(office.call("GET", "/tasks/x", Value::Null).await.refused(), (400, "bad_request".to_owned()));
    let stranger = office.call("POST", "/tasks/claim", json!({"agent": "eve"})).await;
    assert_eq!(stranger.refused(), (400, "unknown_agent".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn moves_that_the_machine_forbids_name_both_statuses() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "a"})).await;
    for status in ["done", "failed", "blocked", "running"] {
        let body = json!({"status": status, "result": "r", "error": "e", "reason": "r"});
        let reply = office.call("PATCH", "/tasks/1", body).await;
        let said = reply.json["error"].as_str().unwrap().to_owned();
        assert_eq!(reply.refused(), (409, "illegal_transition".to_owned()));
        assert!(said.contains("queued") && said.contains(status), "{said}");
    }
    office.call("POST", "/tasks/1/cancel", json!({})).await.ok();
    let twice = office.call("POST", "/tasks/1/cancel", json!({})).await;
    assert_eq!(twice.refused(), (409, "illegal_transition".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_container_is_never_claimed_and_closed_by_the_server() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "parent"})).await;
    office.task(json!({"title": "bugs", "parentId": 1, "assignedAgent": "ada"})).await;
    office.task(json!({"title": "speed", "parentId": "1", "assignedAgent": "bob"})).await;
    assert_eq!(office.get_task(1).await["why"]["code"], "open_subtasks");
    for name in ["ada", "bob"] {
        let task = claim(&office, name).await.unwrap();
        finish(&office, &task).await;
    }
    let parent = office.get_task(1).await;
    assert_eq!(parent["status"], "done");
    assert_eq!(parent["result_summary"], "#2 bugs:\ndid 2\n\n#3 speed:\ndid 3");
    house.close().await;
}

#[tokio::test]
async fn a_parent_claimed_before_its_subtasks_exist_is_withdrawn() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "parent"})).await;
    let held = claim(&office, "ada").await.unwrap();
    office.task(json!({"title": "part", "parentId": 1})).await;
    let stale = patch(&office, &held, json!({"status": "done", "result": "alone"})).await;
    assert_eq!(stale.refused(), (409, "stale_claim".to_owned()));
    let parent = office.get_task(1).await;
    assert_eq!((parent["status"].as_str(), parent["attempts"].as_i64()), (Some("queued"), Some(0)));
    let part = claim(&office, "ada").await.unwrap();
    assert_eq!(part["id"], 2);
    finish(&office, &part).await;
    assert_eq!(office.get_task(1).await["status"], "done");
    house.close().await;
}

#[tokio::test]
async fn a_claimer_that_splits_its_task_gets_it_back_for_the_synthesis() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "big"})).await;
    let big = ada.must_take().await;
    let harness = ada.harness(&big);
    office.call_as(&harness, "POST", "/tasks", json!({"title": "small", "parentId": 1})).await.ok();
    let early = ada.done(&big, "too early").await;
    assert_eq!(early.refused(), (409, "subtasks_open".to_owned()));
    ada.end(&big, "finished").await.ok();
    let parent = office.get_task(1).await;
    assert_eq!((parent["attempts"].as_i64(), parent["assigned_agent"].as_str()), (Some(0), Some("ada")));
    let small = ada.must_take().await;
    assert_eq!(small.task.unwrap().0, 2);
    ada.done(&small, "part").await.ok();
    ada.end(&small, "finished").await.ok();
    let synthesis = ada.must_take().await;
    assert_eq!(synthesis.task.unwrap().0, 1);
    ada.done(&synthesis, "whole").await.ok();
    ada.end(&synthesis, "finished").await.ok();
    assert_eq!(office.get_task(1).await["result_summary"], "whole");
    house.close().await;
}

#[tokio::test]
async fn cancelling_takes_the_open_subtasks_along_and_stops_their_holders() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "parent"})).await;
    office.task(json!({"title": "held", "parentId": 1})).await;
    office.task(json!({"title": "waits", "parentId": 1, "dependsOn": 2})).await;
    office.task(json!({"title": "outside", "dependsOn": 1})).await;
    let held = claim(&office, "ada").await.unwrap();
    office.call("POST", "/tasks/1/cancel", json!({"reason": "not needed"})).await.ok();
    for id in [1, 2, 3] {
        assert_eq!(office.get_task(id).await["status"], "cancelled", "task {id}");
    }
    assert_eq!(office.get_task(4).await["why"]["code"], "dependency_cancelled");
    let stale = patch(&office, &held, json!({"status": "running"})).await;
    assert_eq!(stale.refused(), (409, "stale_claim".to_owned()));
    let refused = office.call("POST", "/tasks", json!({"title": "late", "parentId": 1})).await;
    assert_eq!(refused.refused(), (409, "parent_cancelled".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn done_said_twice_with_the_same_key_is_one_fact() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "a"})).await;
    let task = claim(&office, "ada").await.unwrap();
    let speaker = house.with_claim(token(&task)).with_header("idempotency-key", "k1");
    let body = json!({"status": "done", "result": "r"});
    let first = office.call_as(&speaker, "PATCH", "/tasks/1", body.clone()).await.ok();
    let second = office.call_as(&speaker, "PATCH", "/tasks/1", body.clone()).await.ok();
    assert_eq!(first, second);
    let plain = patch(&office, &task, body).await;
    assert_eq!(plain.ok()["status"], "done");
    let other = patch(&office, &task, json!({"status": "done", "result": "another"})).await;
    assert_eq!(other.refused(), (409, "stale_claim".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_claim_repeated_with_its_key_is_the_same_claim() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "a"})).await;
    office.task(json!({"title": "b"})).await;
    let speaker = house.owner().with_header("idempotency-key", "c1");
    let body = json!({"agent": "ada"});
    let first = office.call_as(&speaker, "POST", "/tasks/claim", body.clone()).await.ok();
    let second = office.call_as(&speaker, "POST", "/tasks/claim", body).await.ok();
    assert_eq!(first, second);
    assert_eq!(claim(&office, "ada").await.unwrap()["id"], 2);
    house.close().await;
}

#[tokio::test]
async fn rejected_work_comes_back_with_the_comment_and_fails_the_third_time() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "a"})).await;
    for round in 1..=3 {
        let task = claim(&office, "ada").await.unwrap();
        finish(&office, &task).await;
        let silent = office.call("POST", "/tasks/1/verify", json!({"accepted": false})).await;
        assert_eq!(silent.refused(), (400, "reason_required".to_owned()));
        let body = json!({"accepted": false, "reviewer": "owner", "comments": format!("no {round}")});
        office.call("POST", "/tasks/1/verify", body).await.ok();
    }
    assert_eq!(office.get_task(1).await["status"], "failed");
    let comments = office.call("GET", "/tasks/1/comments", Value::Null).await.ok();
    assert_eq!(comments[2]["message"], "rejected: no 3");
    house.close().await;
}

#[tokio::test]
async fn a_parked_claim_gets_a_new_task_at_once() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let parked = office.call("POST", "/tasks/claim", json!({"agent": "ada", "wait": 60}));
    let create = async {
        tokio::task::yield_now().await;
        office.task(json!({"title": "fresh"})).await
    };
    let (claimed, id) = tokio::join!(parked, create);
    assert_eq!(claimed.ok()["id"], id);
    let parked = office.call("POST", "/tasks/claim", json!({"agent": "ada", "wait": 2}));
    let later = async {
        tokio::task::yield_now().await;
        house.house.clock.advance(mi_core::time::Millis(60_001));
    };
    assert_eq!(tokio::join!(parked, later).0.status, 204);
    house.close().await;
}

#[tokio::test]
async fn a_session_that_ends_without_finishing_counts_as_lost() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (mut ada, grant) = office.at_work("ada").await;
    ada.log(&grant, 0, &["I'm done."]).await.ok();
    ada.end(&grant, "finished").await.ok();
    let task = office.get_task(1).await;
    assert_eq!((task["status"].as_str(), task["attempts"].as_i64()), (Some("queued"), Some(1)));
    house.advance(5_001).await;
    let again = ada.must_take().await;
    assert_eq!(again.attempt, Some(2));
    ada.done(&again, "really").await.ok();
    assert_eq!(ada.beat(&again).await.status, 200);
    ada.end(&again, "finished").await.ok();
    let detail = office.call("GET", "/tasks/1", Value::Null).await.ok();
    assert!(detail["logs"].to_string().contains("I'm done."), "{detail}");
    assert_eq!(detail["sessions"].as_array().unwrap().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn a_lapsed_pod_is_replaced_before_its_task_is_offered_again() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.hire("bob").await;
    let mut ada = office.runner("ada").await;
    let mut bob = office.runner("bob").await;
    office.task(json!({"title": "a"})).await;
    let grant = ada.must_take().await;
    house.pods_are(crate::testing::Manners::Stubborn);
    house.house.clock.advance(mi_core::time::Millis(121_000));
    crate::sessions::sweep::lapse(&house.house, &Default::default()).await.unwrap();
    assert_eq!(ada.done(&grant, "zombie").await.refused(), (409, "stale_claim".to_owned()));
    let task = office.get_task(1).await;
    assert!(task["status"] != "queued", "offered again while its sandbox lives: {task}");
    house.pods_are(crate::testing::Manners::Obedient);
    house.settle().await;
    house.advance(5_001).await;
    let second = bob.must_take().await;
    assert_eq!(second.attempt, Some(2));
    bob.done(&second, "done").await.ok();
    bob.end(&second, "finished").await.ok();
    house.close().await;
}

#[tokio::test]
async fn agents_act_only_as_themselves_and_on_what_is_theirs() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.hire("bob").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "hers"})).await;
    office.task(json!({"title": "not hers"})).await;
    let grant = ada.must_take().await;
    let harness = ada.harness(&grant);
    let as_bob = office.call_as(&harness, "POST", "/tasks/claim", json!({"agent": "bob"})).await;
    assert_eq!(as_bob.refused(), (403, "not_you".to_owned()));
    let comment = office.call_as(&harness, "POST", "/tasks/2/comments", json!({"agent": "bob", "message": "hi"})).await;
    assert_eq!(comment.refused(), (403, "not_you".to_owned()));
    let foreign = office.call_as(&harness, "PATCH", "/tasks/2", json!({"title": "mine now"})).await;
    assert_eq!(foreign.refused(), (403, "not_yours".to_owned()));
    let cancel = office.call_as(&harness, "POST", "/tasks/1/cancel", json!({})).await;
    assert_eq!(cancel.refused(), (403, "not_yours".to_owned()));
    ada.done(&grant, "ok").await.ok();
    let own = office.call_as(&harness, "POST", "/tasks/1/verify", json!({"accepted": true})).await;
    assert_eq!(own.refused().0, 409, "a settled session writes nothing");
    ada.end(&grant, "finished").await.ok();
    house.close().await;
}
