//! What becomes of a task when its checks are run.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{claim, detail, office_with, put, report, said, standing, stands, wait_for_rounds, work};
use crate::testing::TestHouse;

#[tokio::test]
async fn a_word_is_no_proof_and_what_was_found_goes_back_to_the_agent() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id =
        office.task(json!({"title": "t", "checks": ["file: report.md words>=3", "file: report.md size<=99"]})).await;
    let reported = work(&office).await;
    assert_eq!((reported["status"].as_str(), reported["verification"].as_str()), (Some("done"), Some("pending")));
    assert_eq!(standing(&office, id).await, stands("done", "pending", "checks_running"));

    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await.0, "queued");
    let seen = detail(&office, id).await;
    assert_eq!(seen["comments"][0]["agent"], "checks");
    let comment = seen["comments"][0]["message"].as_str().unwrap();
    assert!(comment.starts_with("rejected: 2 of 2 checks failed."), "{comment}");
    assert!(comment.contains("✗ file: report.md words>=3\nthere is no such file"), "{comment}");
    assert_eq!(seen["checks"][0]["outcome"]["verdict"], "failed");

    put(&office, "report.md", "two words");
    work(&office).await;
    wait_for_rounds(&house).await;
    let seen = detail(&office, id).await;
    assert_eq!(seen["checks"][0]["outcome"]["detail"], "has 2 words");
    assert_eq!(
        (&seen["checks"][1]["outcome"]["verdict"], &seen["checks"][1]["outcome"]["generation"]),
        (&json!("passed"), &json!(2))
    );

    put(&office, "report.md", "now three words");
    work(&office).await;
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    let kinds = ["checks.run", "checks.fail", "checks.run", "checks.fail", "checks.run", "checks.pass"];
    assert_eq!(said(&office).await, kinds);
    house.close().await;
}

#[tokio::test]
async fn the_third_failed_round_fails_the_task() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id = office.task(json!({"title": "t", "checks": ["file: report.md"]})).await;
    for _ in 0..3 {
        work(&office).await;
        wait_for_rounds(&house).await;
    }
    let task = office.get_task(id).await;
    assert_eq!(task["status"], "failed");
    assert_eq!(task["error"], "rejected 3 times, the last time: 1 of 1 checks failed");
    // Brought back, it is measured as before.
    office.call("POST", &format!("/tasks/{id}/retry"), json!({})).await.ok();
    put(&office, "report.md", "x");
    work(&office).await;
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    house.close().await;
}

#[tokio::test]
async fn what_builds_on_it_waits_until_its_checks_have_passed() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let parent = office.task(json!({"title": "whole", "assignedAgent": "ada"})).await;
    let part = office.task(json!({"title": "part", "parentId": parent, "checks": ["file: a"], "priority": 0})).await;
    let after = office.task(json!({"title": "after", "dependsOn": [part]})).await;
    work(&office).await;
    assert_eq!(standing(&office, after).await.2, "waiting_for_dependency");
    assert_eq!(standing(&office, parent).await.2, "open_subtasks");
    put(&office, "a", "x");
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, part).await, stands("done", "accepted", ""));
    assert_eq!(claim(&office, "ada").await["id"], json!(parent));
    assert_eq!(claim(&office, "ada").await["id"], json!(after));
    house.close().await;
}

/// Nobody claims a container, so nobody could be told to do better.
#[tokio::test]
async fn a_container_is_measured_as_well() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    for (file, status, verification) in [(None, "failed", "none"), (Some("whole.md"), "done", "accepted")] {
        let whole = office.task(json!({"title": "whole", "checks": ["file: whole.md"]})).await;
        office.task(json!({"title": "part", "parentId": whole})).await;
        if let Some(name) = file {
            put(&office, name, "x");
        }
        work(&office).await;
        assert_eq!(standing(&office, whole).await, stands("done", "pending", "checks_running"));
        wait_for_rounds(&house).await;
        assert_eq!(standing(&office, whole).await, stands(status, verification, ""));
    }
    house.close().await;
}

#[tokio::test]
async fn an_agents_word_does_not_replace_the_checks_but_an_operators_does() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    office.hire("rita").await;
    let rita = office.runner("rita").await;
    let id = office.task(json!({"title": "t", "checks": ["cmd: true"], "assignedAgent": "ada"})).await;
    work(&office).await;
    house.settle().await;
    let started = house.check_pod().await;
    let path = format!("/tasks/{id}/verify");
    let accept = json!({"accepted": true});
    let refused = office.call_as(&rita.speaker(), "POST", &path, accept.clone()).await;
    assert_eq!(refused.refused(), (409, "checks_pending".to_owned()));
    office.call("POST", &path, accept).await.ok();
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    // What is found after that changes nothing.
    started.pod.exit(1);
    wait_for_rounds(&house).await;
    let seen = detail(&office, id).await;
    assert_eq!((&seen["task"]["verification"], &seen["checks"][0]["outcome"]), (&json!("accepted"), &Value::Null));
    assert!(seen["logs"].to_string().contains("owner accepted it before its checks had passed"), "{seen:#}");
    house.close().await;
}

#[tokio::test]
async fn where_the_office_wants_a_reviewer_the_checks_come_first() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    office.call("PATCH", "/settings", json!({"requireVerification": ["code"], "reviewers": ["*"]})).await.ok();
    let id = office.task(json!({"title": "t", "kind": "code", "checks": ["file: a"]})).await;
    put(&office, "a", "x");
    work(&office).await;
    assert_eq!(standing(&office, id).await, stands("done", "pending", "checks_running"));
    let asked = |tasks: &Value| tasks.as_array().unwrap().iter().filter(|task| task["verifies"] == json!(id)).count();
    assert_eq!(asked(&office.call("GET", "/tasks", Value::Null).await.ok()), 0, "nobody is asked yet");
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "pending", "waiting_for_review"));
    assert_eq!(asked(&office.call("GET", "/tasks", Value::Null).await.ok()), 1);
    office.call("POST", &format!("/tasks/{id}/verify"), json!({"accepted": true})).await.ok();
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    house.close().await;
}

/// A task that is opened again takes its round along, and the next completion is measured anew.
#[tokio::test]
async fn a_round_whose_task_goes_on_is_dropped() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id = office.task(json!({"title": "t", "checks": ["cmd: true"], "assignedAgent": "ada"})).await;
    work(&office).await;
    house.settle().await;
    let started = house.check_pod().await;
    let part = office.task(json!({"title": "one more thing", "parentId": id})).await;
    started.pod.exit(0);
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("queued", "none", "open_subtasks"));
    let task = claim(&office, "ada").await;
    assert_eq!(task["id"], json!(part));
    report(&office, &task).await.ok();
    work(&office).await;
    house.settle().await;
    house.check_pod().await.pod.exit(0);
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    house.close().await;
}

async fn answering(status: u16) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    let app = Router::new().fallback(move || async move { (status, "what it says") });
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

#[tokio::test]
async fn an_address_is_asked_where_the_office_may_go_and_nowhere_else() {
    let address = answering(204).await;
    let house = TestHouse::reaching(&[address.to_string()]).await;
    let office = office_with(&house, &["ada"]).await;
    office.call("PATCH", "/settings", json!({"egress": [address.to_string()]})).await.ok();
    let check = |status: u16| json!({"title": "t", "checks": [format!("http: http://{address}/x {status}")]});
    let good = office.task(check(204)).await;
    work(&office).await;
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, good).await, stands("done", "accepted", ""));

    let bad = office.task(check(200)).await;
    work(&office).await;
    wait_for_rounds(&house).await;
    let outcome = detail(&office, bad).await["checks"][0]["outcome"].clone();
    assert_eq!((&outcome["verdict"], &outcome["detail"]), (&json!("failed"), &json!("answered 204, not 200")));
    office.call("POST", &format!("/tasks/{bad}/cancel"), Value::Null).await.ok();

    // What the office's settings forbid isn't the agent's fault.
    let later = office.task(check(204)).await;
    work(&office).await;
    office.call("PATCH", "/settings", json!({"egress": []})).await.ok();
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, later).await, stands("done", "pending", "checks_delayed"));
    let why = office.get_task(later).await["why"]["message"].clone();
    assert!(why.as_str().unwrap().contains("the office's egress doesn't allow GET"), "{why}");
    office.call("PATCH", "/settings", json!({"egress": [address.to_string()]})).await.ok();
    house.advance(5_001).await;
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, later).await, stands("done", "accepted", ""));
    house.close().await;
}
