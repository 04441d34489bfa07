//! Late results: kept, never counted by themselves.

use serde_json::{Value, json};

use super::{claim, finish, patch, token, with_two};
use crate::testing::{TestHouse, TestOffice};

async fn late(office: &TestOffice<'_>, id: i64) -> Vec<Value> {
    let list = office.call("GET", &format!("/tasks/{id}/late-results"), Value::Null).await.ok();
    list.as_array().unwrap().clone()
}

/// Task 1, whose claim by ada has lapsed.
async fn lapsed(office: &TestOffice<'_>) -> Value {
    office.task(json!({"title": "slow"})).await;
    let held = claim(office, "ada").await.unwrap();
    office.house.advance(121_000).await;
    held
}

#[tokio::test]
async fn a_late_result_is_refused_and_kept_once() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let held = lapsed(&office).await;
    for _ in 0..2 {
        let told = patch(&office, &held, json!({"status": "done", "result": " late "})).await;
        assert_eq!(told.json["must_stop"], true);
        assert_eq!(told.refused(), (409, "stale_claim".to_owned()));
    }
    patch(&office, &held, json!({"status": "failed", "error": "or not"})).await.refused();
    for nothing in [json!({"status": "done", "result": " "}), json!({"status": "running"}), json!({"title": "x"})] {
        assert_eq!(patch(&office, &held, nothing).await.refused(), (409, "stale_claim".to_owned()));
    }
    let kept = late(&office, 1).await;
    let shown: Vec<_> = kept.iter().map(|l| (l["id"].as_i64(), l["status"].as_str(), l["text"].as_str())).collect();
    assert_eq!(shown, [(Some(1), Some("done"), Some("late")), (Some(2), Some("failed"), Some("or not"))]);
    assert_eq!(
        (&kept[0]["agent"], &kept[0]["state"], &kept[0]["attempt"]),
        (&json!("ada"), &json!("waiting"), &json!(1))
    );
    assert_eq!(office.get_task(1).await["status"], "queued");
    house.close().await;
}

#[tokio::test]
async fn an_accepted_late_result_is_the_result_and_stops_who_works_on_it() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let held = lapsed(&office).await;
    patch(&office, &held, json!({"status": "done", "result": "late"})).await.refused();
    house.advance(5_001).await;
    let second = claim(&office, "bob").await.unwrap();
    let done = office.call("POST", "/tasks/1/late-results/1/accept", json!({})).await.ok();
    assert_eq!(
        (&done["status"], &done["result_summary"], &done["claimed_by"]),
        (&json!("done"), &json!("late"), &json!("ada"))
    );
    let stale = patch(&office, &second, json!({"status": "done", "result": "mine"})).await;
    assert_eq!(stale.refused(), (409, "stale_claim".to_owned()));
    assert_eq!(late(&office, 1).await.len(), 2, "what bob had is kept as well");
    let again = office.call("POST", "/tasks/1/late-results/1/accept", json!({})).await;
    assert_eq!(again.refused(), (409, "illegal_transition".to_owned()));
    let other = office.call("POST", "/tasks/1/late-results/2/accept", json!({})).await;
    assert_eq!(other.refused(), (409, "illegal_transition".to_owned()));
    let dropped = office.call("POST", "/tasks/1/late-results/2/drop", json!({})).await.ok();
    assert_eq!((&dropped["state"], &dropped["decided_by"]), (&json!("dropped"), &json!("owner")));
    house.close().await;
}

#[tokio::test]
async fn an_accepted_late_result_mends_what_waited_for_the_failed_task() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let held = lapsed(&office).await;
    office.task(json!({"title": "after", "dependsOn": 1})).await;
    patch(&office, &held, json!({"status": "done", "result": "late"})).await.refused();
    house.advance(5_001).await;
    let second = claim(&office, "bob").await.unwrap();
    patch(&office, &second, json!({"status": "failed", "error": "no"})).await.ok();
    assert_eq!(office.get_task(2).await["why"]["code"], "dependency_failed");
    office.call("POST", "/tasks/1/late-results/1/accept", json!({})).await.ok();
    let after = claim(&office, "bob").await.unwrap();
    assert_eq!(after["id"], 2);
    finish(&office, &after).await;
    house.close().await;
}

#[tokio::test]
async fn only_operators_decide_and_only_on_what_there_is() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let held = lapsed(&office).await;
    patch(&office, &held, json!({"status": "failed", "error": "late"})).await.refused();
    let failure = office.call("POST", "/tasks/1/late-results/1/accept", json!({})).await;
    assert_eq!(failure.refused(), (409, "illegal_transition".to_owned()));
    let none = office.call("POST", "/tasks/1/late-results/7/drop", json!({})).await;
    assert_eq!(none.refused(), (404, "no_such_late_result".to_owned()));
    house.close().await;
}

/// A hosted session that was withdrawn may still report for a moment; what it says is kept.
#[tokio::test]
async fn a_session_that_is_over_can_still_bring_its_result() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, grant) = office.at_work("ada").await;
    office.call("POST", "/tasks/1/cancel", json!({})).await.ok();
    assert_eq!(ada.done(&grant, "too late").await.refused(), (409, "stale_claim".to_owned()));
    let harness = ada.harness(&grant);
    let comment = office.call_as(&harness, "POST", "/tasks/1/comments", json!({"message": "hm"})).await;
    assert_eq!(comment.refused(), (409, "stale_claim".to_owned()));
    assert_eq!(late(&office, 1).await[0]["text"], "too late");
    let accept = office.call_as(&harness, "POST", "/tasks/1/late-results/1/accept", json!({})).await;
    assert_eq!(accept.status, 403);
    office.call("POST", "/tasks/1/late-results/1/accept", json!({})).await.ok();
    assert_eq!(office.get_task(1).await["result_summary"], "too late");
    ada.end(&grant, "stopped").await.ok();
    house.close().await;
}

#[tokio::test]
async fn each_attempt_has_one_record_of_proof() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let held = lapsed(&office).await;
    patch(&office, &held, json!({"status": "done", "result": "late"})).await.refused();
    house.advance(5_001).await;
    office.upload("report.md", "first").await;
    let second = claim(&office, "bob").await.unwrap();
    let speaker = house.with_claim(token(&second));
    office.call_as(&speaker, "POST", "/tasks/1/artifacts", json!({"path": "report.md"})).await.ok();
    finish(&office, &second).await;
    office.call("POST", "/tasks/1/verify", json!({"accepted": true, "comments": "good"})).await.ok();
    let records = office.call("GET", "/tasks/1/proof", Value::Null).await.ok();
    let (first, second) = (&records[0], &records[1]);
    assert_eq!((&first["result"]["text"], &first["result"]["late"]), (&json!("late"), &json!(true)));
    assert_eq!((&second["result"]["text"], &second["result"]["late"]), (&json!("did 1"), &json!(false)));
    assert_eq!(second["artifacts"][0]["state"], "unchanged");
    assert_eq!((&second["reviews"][0]["accepted"], &second["reviews"][0]["comments"]), (&json!(true), &json!("good")));
    let events = office.call("GET", "/events?category=task", Value::Null).await.ok();
    let finished = events.as_array().unwrap().iter().find(|event| event["type"] == "tasks.finish").unwrap().clone();
    assert_eq!(finished["data"]["result_sha256"], second["result"]["sha256"]);
    assert_eq!(finished["data"]["artifacts"][0]["sha256"], second["artifacts"][0]["sha256"]);
    office.upload("report.md", "second").await;
    let artifacts = office.call("GET", "/tasks/1/artifacts", Value::Null).await.ok();
    assert_eq!(artifacts[0]["state"], "changed");
    office.call("DELETE", "/files/report.md", Value::Null).await.ok();
    let detail = office.call("GET", "/tasks/1", Value::Null).await.ok();
    assert_eq!(detail["artifacts"][0]["state"], "missing");
    house.close().await;
}

/// Agents change the drive without telling anybody.
#[tokio::test]
async fn a_task_shows_at_once_what_became_of_its_artifacts_on_the_drive() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "t"})).await;
    let (path, one) = (house.house.drive_dir(office.id).join("report.md"), "/tasks/1");
    let state = async |at: &str| {
        let shown = office.call("GET", at, Value::Null).await.ok();
        let artifacts = if at == one { shown["artifacts"].clone() } else { shown[0]["artifacts"].clone() };
        artifacts[0]["state"].clone()
    };
    let held = claim(&office, "ada").await.unwrap();
    office.upload("report.md", "first").await;
    let speaker = house.with_claim(token(&held));
    office.call_as(&speaker, "POST", "/tasks/1/artifacts", json!({"path": "report.md"})).await.ok();
    assert_eq!(state(one).await, "unchanged");
    for (text, expect) in [(Some("second"), "changed"), (Some("first"), "unchanged"), (None, "missing")] {
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        assert_eq!(state(one).await, expect);
        assert_eq!(state("/tasks/1/proof").await, expect);
    }
    house.close().await;
}

/// One lost claim can't fill the places of others, and what it says again costs nothing.
#[tokio::test]
async fn a_lost_claim_brings_only_so_many_results() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let first = lapsed(&office).await;
    for n in 0..5 {
        patch(&office, &first, json!({"status": "done", "result": format!("r{n}")})).await.refused();
    }
    assert_eq!(late(&office, 1).await.len(), 3);
    house.advance(5_001).await;
    let second = claim(&office, "bob").await.unwrap();
    house.advance(121_000).await;
    patch(&office, &second, json!({"status": "done", "result": "honest"})).await.refused();
    assert_eq!(late(&office, 1).await[3]["text"], "honest");
    house.close().await;
}

/// Another outcome than the one that was given in time is a late result.
#[tokio::test]
async fn a_second_thought_is_kept() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    office.task(json!({"title": "t"})).await;
    let held = claim(&office, "ada").await.unwrap();
    patch(&office, &held, json!({"status": "failed", "error": "no"})).await.ok();
    for (body, kept) in
        [(json!({"status": "failed", "error": "no"}), 0), (json!({"status": "done", "result": "yes"}), 1)]
    {
        assert_eq!(patch(&office, &held, body).await.refused(), (409, "stale_claim".to_owned()));
        assert_eq!(late(&office, 1).await.len(), kept);
    }
    let reported = async || office.call("GET", "/tasks/1/proof", Value::Null).await.ok()[0]["result"].clone();
    let in_time = reported().await;
    assert_eq!((&in_time["status"], &in_time["late"]), (&json!("failed"), &json!(false)), "what counted is the proof");
    office.call("POST", "/tasks/1/late-results/1/accept", json!({})).await.ok();
    let accepted = reported().await;
    assert_eq!((&accepted["text"], &accepted["late"]), (&json!("yes"), &json!(true)));
    house.close().await;
}

#[tokio::test]
async fn a_late_review_needs_its_verdict_too() {
    let house = TestHouse::new().await;
    let office = with_two(&house).await;
    let settings = json!({"requireVerification": ["general"], "reviewers": ["bob"]});
    office.call("PATCH", "/settings", settings).await.ok();
    office.task(json!({"title": "work", "assignedAgent": "ada"})).await;
    let work = claim(&office, "ada").await.unwrap();
    finish(&office, &work).await;
    let review = claim(&office, "bob").await.unwrap();
    house.advance(121_000).await;
    patch(&office, &review, json!({"status": "done", "result": "fine"})).await.refused();
    let accepted = office.call("POST", "/tasks/2/late-results/1/accept", json!({})).await;
    assert_eq!(accepted.refused(), (409, "verdict_required".to_owned()));
    house.close().await;
}
