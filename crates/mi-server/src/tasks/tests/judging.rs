//! Judgements: reviewers that the server asks, and work that is taken back.

use serde_json::{Value, json};

use super::{claim, finish, patch, token, with_two};
use crate::testing::{TestHouse, TestOffice};

/// ada works, bob reviews; general work needs a judgement.
async fn with_reviewer<'a>(house: &'a TestHouse, reviewers: Value) -> TestOffice<'a> {
    let office = with_two(house).await;
    let settings = json!({"requireVerification": ["general"], "reviewers": reviewers});
    office.call("PATCH", "/settings", settings).await.ok();
    office.task(json!({"title": "work", "assignedAgent": "ada"})).await;
    office.task(json!({"title": "builds on it", "dependsOn": 1, "assignedAgent": "ada"})).await;
    office
}

async fn work(office: &TestOffice<'_>) {
    let task = claim(office, "ada").await.unwrap();
    assert_eq!(task["id"], 1);
    finish(office, &task).await;
}

async fn verify(office: &TestOffice<'_>, held: &Value, body: Value) -> crate::testing::TestReply {
    office.call_as(&office.house.with_claim(token(held)), "POST", "/tasks/1/verify", body).await
}

#[tokio::test]
async fn a_named_reviewer_is_asked_and_its_review_waits_for_the_verdict() {
    let house = TestHouse::new().await;
    let office = with_reviewer(&house, json!(["nobody", "ada", "bob"])).await;
    work(&office).await;
    let unjudged = office.get_task(1).await;
    assert_eq!((&unjudged["status"], &unjudged["verification"]), (&json!("done"), &json!("pending")));
    assert_eq!(unjudged["why"]["message"], "done, and bob is asked to judge it in #3");
    let review = claim(&office, "bob").await.unwrap();
    assert_eq!(
        (&review["kind"], &review["verifies"], &review["assigned_agent"]),
        (&json!("verify"), &json!(1), &json!("bob"))
    );
    let early = patch(&office, &review, json!({"status": "done", "result": "looks fine"})).await;
    assert_eq!(early.refused(), (409, "verdict_required".to_owned()));
    assert_eq!(claim(&office, "ada").await, None, "what builds on it waits for the verdict");
    // An operator's key speaks for the reviewer here, so the review is called off with the verdict.
    verify(&office, &review, json!({"accepted": true})).await.ok();
    assert_eq!(office.get_task(1).await["verification"], "accepted");
    assert_eq!(office.get_task(3).await["status"], "cancelled");
    assert_eq!(claim(&office, "ada").await.unwrap()["id"], 2);
    house.close().await;
}

#[tokio::test]
async fn a_reviewer_in_its_pod_judges_and_then_says_what_it_looked_at() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"requireVerification": ["general"], "reviewers": ["*"]})).await.ok();
    office.hire("ada").await;
    office.hire("bob").await;
    let (mut ada, mut bob) = (office.runner("ada").await, office.runner("bob").await);
    office.task(json!({"title": "work"})).await;
    let grant = ada.must_take().await;
    ada.done(&grant, "done").await.ok();
    ada.end(&grant, "finished").await.ok();
    assert!(ada.take().await.is_none(), "who did the work isn't offered its review");
    assert_eq!(office.get_task(1).await["why"]["code"], "waiting_for_review");
    let review = bob.must_take().await;
    let harness = bob.harness(&review);
    let body = json!({"accepted": false, "comments": "no tests"});
    office.call_as(&harness, "POST", "/tasks/1/verify", body).await.ok();
    bob.done(&review, "read it all, no tests").await.ok();
    bob.end(&review, "finished").await.ok();
    assert_eq!(office.get_task(2).await["status"], "done");
    let again = ada.must_take().await;
    let context =
        office.call_as(&ada.speaker(), "GET", &format!("/sessions/{}/context", again.id), Value::Null).await.ok();
    let review = &context["reviews"][0];
    assert_eq!(
        (&review["reviewer"], &review["accepted"], &review["comments"]),
        (&json!("bob"), &json!(false), &json!("no tests"))
    );
    ada.done(&again, "with tests").await.ok();
    ada.end(&again, "finished").await.ok();
    assert_eq!(office.get_task(3).await["verifies"], 1, "the rework is judged anew");
    house.close().await;
}

#[tokio::test]
async fn a_review_without_a_verdict_is_named() {
    let house = TestHouse::new().await;
    let office = with_reviewer(&house, json!(["bob"])).await;
    work(&office).await;
    let review = claim(&office, "bob").await.unwrap();
    patch(&office, &review, json!({"status": "failed", "error": "can't read it"})).await.ok();
    let why = office.get_task(1).await["why"]["message"].clone();
    assert_eq!(why, "done, but its review #3 is failed without a verdict");
    office.call("POST", "/tasks/3/retry", json!({})).await.ok();
    assert_eq!(claim(&office, "bob").await.unwrap()["id"], 3);
    house.close().await;
}

#[tokio::test]
async fn nobody_is_asked_where_everybody_had_a_hand_in_it() {
    let house = TestHouse::new().await;
    let office = with_reviewer(&house, json!(["ada"])).await;
    work(&office).await;
    assert_eq!(office.get_task(1).await["why"]["message"], "done, and waits for somebody who judges it");
    assert_eq!(office.call("GET", "/tasks/stats", Value::Null).await.ok()["total"], 2);
    for bad in [json!(["Not A Name"]), json!(["x".repeat(70)])] {
        assert_eq!(office.call("PATCH", "/settings", json!({"reviewers": bad})).await.status, 400);
    }
    house.close().await;
}

#[tokio::test]
async fn rejected_parts_open_their_container_again() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "whole"})).await;
    office.task(json!({"title": "part", "parentId": 1})).await;
    office.task(json!({"title": "after", "dependsOn": 1, "assignedAgent": "bob"})).await;
    let part = claim(&office, "ada").await.unwrap();
    finish(&office, &part).await;
    assert_eq!(office.get_task(1).await["status"], "done");
    let body = json!({"accepted": false, "comments": "again"});
    office.call("POST", "/tasks/2/verify", body.clone()).await.ok();
    let whole = office.get_task(1).await;
    assert_eq!((&whole["status"], &whole["why"]["code"]), (&json!("queued"), &json!("open_subtasks")));
    assert_eq!(office.get_task(3).await["why"]["code"], "waiting_for_dependency");
    let part = claim(&office, "ada").await.unwrap();
    finish(&office, &part).await;
    claim(&office, "bob").await.unwrap();
    let late = office.call("POST", "/tasks/2/verify", body).await;
    assert_eq!(late.refused(), (409, "dependents_started".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_retried_part_brings_its_container_back_and_a_cancelled_whole_keeps_its_parts() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "whole"})).await;
    office.task(json!({"title": "part", "parentId": 1})).await;
    let part = claim(&office, "ada").await.unwrap();
    patch(&office, &part, json!({"status": "failed", "error": "no"})).await.ok();
    assert_eq!(office.get_task(1).await["status"], "failed");
    office.call("POST", "/tasks/2/retry", json!({})).await.ok();
    assert_eq!(office.get_task(1).await["status"], "queued");
    office.call("POST", "/tasks/1/cancel", json!({})).await.ok();
    let part = office.call("POST", "/tasks/2/retry", json!({})).await;
    assert_eq!(part.refused(), (409, "parent_cancelled".to_owned()));
    office.call("POST", "/tasks/1/retry", json!({})).await.ok();
    let again = claim(&office, "ada").await.unwrap();
    assert_eq!(again["id"], 2);
    finish(&office, &again).await;
    assert_eq!(office.get_task(1).await["status"], "done");
    house.close().await;
}

#[tokio::test]
async fn cancelling_takes_unjudged_parts_and_their_reviews_along() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let settings = json!({"requireVerification": ["general"], "reviewers": ["bob"]});
    office.call("PATCH", "/settings", settings).await.ok();
    office.task(json!({"title": "whole"})).await;
    office.task(json!({"title": "part", "parentId": 1, "assignedAgent": "ada"})).await;
    let part = claim(&office, "ada").await.unwrap();
    finish(&office, &part).await;
    office.call("POST", "/tasks/1/cancel", json!({})).await.ok();
    for id in [1, 2, 3] {
        assert_eq!(office.get_task(id).await["status"], "cancelled", "task {id}");
    }
    assert_eq!(claim(&office, "bob").await, None);
    assert_eq!(house.broken().await, Vec::<String>::new());
    house.close().await;
}

/// What is finished is taken back by its own people only, and not under those who build on it.
#[tokio::test]
async fn a_new_part_reopens_only_what_is_ones_own_and_not_built_on() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.hire("eve").await;
    let (mut ada, mut eve) = (office.runner("ada").await, office.runner("eve").await);
    office.task(json!({"title": "hers", "assignedAgent": "ada"})).await;
    let hers = ada.must_take().await;
    ada.done(&hers, "work").await.ok();
    ada.end(&hers, "finished").await.ok();
    office.task(json!({"title": "after", "dependsOn": 1, "assignedAgent": "eve"})).await;
    let after = eve.must_take().await;
    let harness = eve.harness(&after);
    let junk = office.call_as(&harness, "POST", "/tasks", json!({"title": "junk", "parentId": 1})).await;
    assert_eq!(junk.refused(), (403, "not_yours".to_owned()));
    let under = office.call("POST", "/tasks", json!({"title": "more", "parentId": 1})).await;
    assert_eq!(under.refused(), (409, "dependents_started".to_owned()));
    eve.done(&after, "built").await.ok();
    eve.end(&after, "finished").await.ok();
    house.close().await;
}
