//! Commands and schemas: what their sandbox is, what comes back from it, and what becomes of one that can't be had.

use mi_pods::{Pod, PodError, PodStatus, Room};
use serde_json::json;

use super::{detail, office_with, said, standing, stands, wait_for_rounds, work};
use crate::testing::TestHouse;

#[tokio::test]
async fn a_command_gets_a_room_with_the_drive_and_nothing_else() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id = office.task(json!({"title": "t", "checks": ["cmd[exit=2]: make test"]})).await;
    office.call("PUT", "/env", json!({"key": "SECRET", "value": "s3cret"})).await.ok();
    work(&office).await;
    house.settle().await;
    let started = house.check_pod().await;
    let spec = &started.spec;
    assert_eq!((spec.room, spec.socket_dir.as_ref(), spec.ticket.as_str()), (Room::Check, None, ""));
    assert_eq!((spec.env.len(), spec.args.last().map(String::as_str)), (0, Some("make test")));
    assert_eq!(spec.drive, house.house.drive_dir(office.id));
    assert!(spec.limits.memory.is_some() && spec.limits.pids.is_some() && spec.limits.cpu.is_some());
    assert!(std::fs::read_dir(&spec.workspace).unwrap().next().is_none());
    std::fs::write(&spec.log, format!("{}\nthe last\0 line\n", "x".repeat(20_000))).unwrap();
    started.pod.exit(1);
    wait_for_rounds(&house).await;

    let outcome = detail(&office, id).await["checks"][0]["outcome"].clone();
    assert_eq!(outcome["detail"], "exit code 1, not 2");
    assert_eq!((&outcome["exit_code"], &outcome["output"]), (&json!(1), &json!("the last\u{fffd} line")));
    assert!(!spec.workspace.exists() && !spec.log.exists(), "nothing of it stays");

    work(&office).await;
    house.settle().await;
    house.check_pod().await.pod.exit(2);
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    house.close().await;
}

#[tokio::test]
async fn a_command_that_does_not_end_is_killed_and_has_failed() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id = office.task(json!({"title": "t", "checks": ["cmd[timeout=1]: sleep 1000"]})).await;
    work(&office).await;
    house.settle().await;
    let started = house.check_pod().await;
    wait_for_rounds(&house).await;
    assert_ne!(started.pod.status(), PodStatus::Running);
    let outcome = detail(&office, id).await["checks"][0]["outcome"].clone();
    assert_eq!(
        (&outcome["detail"], &outcome["exit_code"]),
        (&json!("still running after 1 s, and killed"), &json!(null))
    );
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_run_is_judged_neither_way_and_tried_again() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id = office.task(json!({"title": "t", "checks": ["cmd: true"]})).await;
    for _ in 0..2 {
        house.driver.fail_next(PodError::Wall { wall: "files".to_owned(), detail: "no room".to_owned() });
    }
    work(&office).await;
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "pending", "checks_delayed"));
    let task = office.get_task(id).await;
    assert!(task["why"]["message"].as_str().unwrap().contains("files wall can't be raised: no room"), "{task}");
    house.advance(5_001).await;
    wait_for_rounds(&house).await;
    // The second pause is longer.
    house.advance(5_001).await;
    assert_eq!(standing(&office, id).await, stands("done", "pending", "checks_delayed"));
    house.advance(20_000).await;
    house.check_pod().await.pod.exit(0);
    wait_for_rounds(&house).await;
    let task = office.get_task(id).await;
    assert_eq!((&task["verification"], &task["attempts"]), (&json!("accepted"), &json!(1)));
    assert_eq!(said(&office).await, ["checks.run", "checks.delay", "checks.pass"], "one failure is one event");
    house.close().await;
}

#[tokio::test]
async fn a_schema_is_judged_in_a_sandbox_too() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id = office.task(json!({"title": "t", "checks": [r#"json: out.json {"type": "object"}"#]})).await;
    let expected = ["check-json", "out.json", "--schema", r#"{"type":"object"}"#];
    for (code, said, detail_said) in [(1, "is no JSON: line 1\n", "is no JSON: line 1"), (0, "", "follows its schema")]
    {
        work(&office).await;
        house.settle().await;
        let started = house.check_pod().await;
        assert_eq!(started.spec.args, expected);
        assert_eq!((started.spec.room, &started.spec.program), (Room::Check, &house.house.settings.program));
        std::fs::write(&started.spec.log, said).unwrap();
        started.pod.exit(code);
        wait_for_rounds(&house).await;
        assert_eq!(detail(&office, id).await["checks"][0]["outcome"]["detail"], detail_said);
    }
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    house.close().await;
}

/// Whoever asked for it has to mend it; whoever did the work is not rejected for it.
#[tokio::test]
async fn a_schema_that_turns_out_broken_rejects_nobody() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id = office.task(json!({"title": "t", "checks": ["json: out.json schema.json"]})).await;
    work(&office).await;
    house.settle().await;
    let started = house.check_pod().await;
    std::fs::write(&started.spec.log, "its schema is none: \"x\" is no type\n").unwrap();
    started.pod.exit(2);
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "pending", "checks_delayed"));
    let task = office.get_task(id).await;
    assert!(task["why"]["message"].as_str().unwrap().contains("its schema is none: \"x\" is no type"), "{task}");
    assert_eq!(detail(&office, id).await["comments"], json!([]));
    house.advance(5_001).await;
    house.check_pod().await.pod.exit(0);
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    house.close().await;
}

/// Every round that isn't judged is in the store, and taken up by whichever server comes next.
#[tokio::test]
async fn a_round_whose_server_died_is_run_anew() {
    let house = TestHouse::new().await;
    let office = office_with(&house, &["ada"]).await;
    let id = office.task(json!({"title": "t", "checks": ["cmd: true"]})).await;
    work(&office).await;
    let begun =
        house.house.act_as_server(office.id, move |act| super::super::service::begin(act, mi_core::ids::TaskId(id)));
    assert!(begun.await.unwrap().is_some(), "somebody took it up and was never heard of again");
    house.settle().await;
    house.check_pod().await.pod.exit(0);
    wait_for_rounds(&house).await;
    assert_eq!(standing(&office, id).await, stands("done", "accepted", ""));
    house.close().await;
}

/// At most two rounds of an office run at a time.
#[tokio::test]
async fn long_checks_of_one_office_leave_room_for_others() {
    let house = TestHouse::new().await;
    let (one, other) = (office_with(&house, &["ada"]).await, office_with(&house, &["ada"]).await);
    for _ in 0..3 {
        one.task(json!({"title": "t", "checks": ["cmd: true"]})).await;
        work(&one).await;
    }
    house.settle().await;
    let first = [house.check_pod().await, house.check_pod().await];
    other.task(json!({"title": "t", "checks": ["cmd: true"]})).await;
    work(&other).await;
    house.settle().await;
    let others = house.check_pod().await;
    assert_eq!(others.spec.office, other.id.0.simple().to_string(), "the third of the first office waits");
    for started in first.iter().chain([&others]) {
        started.pod.exit(0);
    }
    house.house.checks.settled().await;
    house.settle().await;
    house.check_pod().await.pod.exit(0);
    wait_for_rounds(&house).await;
    assert_eq!(one.call("GET", "/tasks?status=done", serde_json::Value::Null).await.header("x-total-count"), Some("3"));
    house.close().await;
}
