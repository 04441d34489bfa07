//! When tasks begin, and when they should end.

use serde_json::{Value, json};

use crate::infra::wakeups::Interest;
use crate::testing::{TestHouse, TestOffice};

const MINUTE_MS: i64 = 60_000;

async fn claim(office: &TestOffice<'_>, agent: &str) -> u16 {
    office.call("POST", "/tasks/claim", json!({"agent": agent})).await.status
}

/// Events of one kind, as `task: summary`.
async fn told(office: &TestOffice<'_>, kind: &str) -> Vec<String> {
    let events = office.call("GET", "/events?limit=500", Value::Null).await.ok();
    let wanted = events.as_array().unwrap().iter().filter(|event| event["type"] == kind);
    wanted.map(|event| event["summary"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_task_is_offered_when_its_time_has_come_and_not_before() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "stop"})).await.ok();
    let task = office.call("POST", "/tasks", json!({"title": "later", "notBefore": "2026-01-01T00:05:00Z"})).await.ok();
    assert_eq!(task["not_before"], "2026-01-01T00:05:00.000Z");
    let why = json!({"code": "not_before", "message": "is not to begin before 2026-01-01T00:05:00.000Z"});
    assert_eq!(task["why"], why);
    assert_eq!(claim(&office, "ada").await, 204);
    let named = office.call("POST", "/tasks/claim", json!({"agent": "ada", "taskId": 1})).await;
    assert_eq!(named.refused(), (409, "not_claimable".to_owned()));
    house.advance(5 * MINUTE_MS - 1).await;
    assert_eq!(claim(&office, "ada").await, 204);

    let waiting = office.call("POST", "/tasks/claim", json!({"agent": "ada", "wait": 60}));
    let time = async {
        tokio::task::yield_now().await;
        house.advance(1).await;
    };
    let (claimed, ()) = tokio::join!(waiting, time);
    assert_eq!((claimed.status, &claimed.json["id"]), (200, &json!(1)), "the sweep wakes who waits");
    assert!(!claimed.json["claim"]["lease_expires_at"].is_null());
    house.close().await;
}

#[tokio::test]
async fn every_task_that_is_due_at_once_wakes_a_claimer_of_its_own() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let park = || house.house.wakeups.park(office.id, Interest::Work("ada".parse().unwrap()));
    for _ in 0..2 {
        office.task(json!({"title": "together", "notBefore": "+1m"})).await;
    }
    let mut parked = [park(), park(), park()];
    house.advance(MINUTE_MS).await;
    let mut woken = 0;
    for one in &mut parked {
        woken += tokio::select! {
            biased;
            () = one.woken() => 1,
            () = std::future::ready(()) => 0,
        };
    }
    assert_eq!(woken, 2);
    house.close().await;
}

#[tokio::test]
async fn a_wish_and_a_back_off_never_shorten_each_other() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    office.task(json!({"title": "work"})).await;
    let code = async || office.get_task(1).await["why"]["code"].clone();
    let grant = runner.must_take().await;
    runner.end(&grant, "failed").await.ok();
    assert_eq!(code().await, "backing_off");
    let edit = async |body: Value| office.call("PATCH", "/tasks/1", body).await.ok();

    // Shorter than the back-off of five seconds: that stays the reason.
    edit(json!({"notBefore": "+2s"})).await;
    assert_eq!(code().await, "backing_off");
    house.advance(2_000).await;
    assert_eq!(runner.next(0).await.status, 204);
    edit(json!({"not_before": "+1m"})).await;
    assert_eq!(code().await, "not_before");
    house.advance(5_000).await;
    assert_eq!((code().await, runner.next(0).await.status), (json!("not_before"), 204));
    let cleared = edit(json!({"notBefore": null})).await;
    assert_eq!((&cleared["not_before"], &cleared["why"]["code"]), (&Value::Null, &json!("waiting_for_agent")));

    // A wish that lies far ahead survives a lost attempt.
    let grant = runner.must_take().await;
    runner.end(&grant, "failed").await.ok();
    edit(json!({"notBefore": "+1h"})).await;
    let cleared = edit(json!({"notBefore": ""})).await;
    assert_eq!(cleared["why"]["code"], "backing_off", "what the wish hid is still there");
    house.close().await;
}

#[tokio::test]
async fn times_that_make_no_sense_are_refused() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for body in [
        json!({"title": "t", "notBefore": "soon"}),
        json!({"title": "t", "notBefore": true}),
        json!({"title": "t", "deadline": "2025-12-31T23:59:59Z"}),
        json!({"title": "t", "deadline": "2026-01-01T00:00:00Z"}),
        json!({"title": "t", "notBefore": "+2h", "deadline": "+1h"}),
        json!({"title": "t", "deadline": 9_223_372_036_854_775_807_i64}),
    ] {
        let reply = office.call("POST", "/tasks", body.clone()).await;
        assert_eq!(reply.refused(), (400, "bad_request".to_owned()), "{body}");
    }
    office.task(json!({"title": "t", "deadline": "+1h", "notBefore": 0})).await;
    let reply = office.call("PATCH", "/tasks/1", json!({"notBefore": "+1h"})).await;
    assert_eq!(reply.refused(), (400, "bad_request".to_owned()));
    assert_eq!(office.get_task(1).await["not_before"], "1970-01-01T00:00:00.000Z");
    house.close().await;
}

#[tokio::test]
async fn a_missed_deadline_is_told_once_and_changes_nothing_else() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    office.task(json!({"title": "held", "deadline": "+10m"})).await;
    office.task(json!({"title": "waits", "dependsOn": "1", "deadline": "2026-01-01T00:10:00Z"})).await;
    office.task(json!({"title": "no deadline"})).await;
    house.advance(MINUTE_MS).await;
    let grant = runner.must_take().await;
    let mut logged = 0;
    for _ in 0..9 {
        logged += 1;
        runner.log(&grant, logged - 1, &["still at it"]).await.ok();
        office
            .call_as(&runner.speaker(), "POST", &format!("/sessions/{}/beat", grant.id), json!({"seen": 0, "wait": 0}))
            .await
            .ok();
        house.advance(MINUTE_MS).await;
    }
    let (held, waits) = (office.get_task(1).await, office.get_task(2).await);
    assert_eq!((&held["late"], &held["status"]), (&json!(true), &json!("running")), "it goes on");
    let message = "at its deadline ada held it, since 2026-01-01T00:01:00.000Z";
    assert_eq!(held["why_late"], json!({"code": "held", "message": message}));
    let message = "at its deadline it waited: waits for #1";
    assert_eq!(waits["why_late"], json!({"code": "waiting_for_dependency", "message": message}));
    assert_eq!(told(&office, "tasks.late").await.len(), 2);
    let late = office.call("GET", "/tasks?late=true", Value::Null).await;
    assert_eq!(late.header("x-total-count"), Some("2"));
    assert_eq!(office.call("GET", "/tasks?late=perhaps", Value::Null).await.status, 400);

    house.advance(MINUTE_MS).await;
    runner.done(&grant, "found it").await.ok();
    runner.end(&grant, "finished").await.ok();
    let done = office.get_task(1).await;
    assert_eq!((&done["late"], &done["deadline"]), (&json!(true), &json!("2026-01-01T00:10:00.000Z")));
    let said = done["why_late"]["message"].as_str().unwrap();
    assert!(said.ends_with("; it was finished 1 min after its deadline"), "{said}");
    assert_eq!(told(&office, "tasks.late").await.len(), 2, "once each");

    // A later deadline can be missed anew.
    let moved = office.call("PATCH", "/tasks/2", json!({"deadline": "+5m"})).await.ok();
    assert_eq!((&moved["late"], &moved["why_late"]), (&json!(false), &Value::Null));
    house.advance(5 * MINUTE_MS).await;
    assert_eq!(told(&office, "tasks.late").await.len(), 3);
    let free = office.call("PATCH", "/tasks/2", json!({"deadline": null})).await.ok();
    assert_eq!((&free["late"], &free["deadline"]), (&json!(false), &Value::Null));
    house.close().await;
}

#[tokio::test]
async fn whoever_ends_a_task_late_tells_it_before_the_sweep_does() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.task(json!({"title": "in time", "deadline": "+10m"})).await;
    office.task(json!({"title": "too late", "deadline": "+10m"})).await;
    office.call("POST", "/tasks/1/cancel", Value::Null).await.ok();
    house.house.clock.advance(mi_core::time::Millis(11 * MINUTE_MS));
    let before = office.get_task(2).await;
    assert_eq!(before["late"], true, "seen before the sweep came by");
    office.call("POST", "/tasks/2/cancel", Value::Null).await.ok();
    house.settle().await;
    assert_eq!(told(&office, "tasks.late").await.len(), 1);
    let late = office.call("GET", "/tasks?late=1", Value::Null).await.ok();
    assert_eq!(late.as_array().unwrap().iter().map(|task| task["id"].clone()).collect::<Vec<_>>(), [json!(2)]);
    assert_eq!(office.get_task(1).await["late"], false);
    house.close().await;
}

#[tokio::test]
async fn a_task_that_waits_for_a_look_at_it_is_late_too() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"requireVerification": ["code"]})).await.ok();
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    office.task(json!({"title": "t", "kind": "code", "deadline": "+10m"})).await;
    let grant = runner.must_take().await;
    runner.done(&grant, "written").await.ok();
    runner.end(&grant, "finished").await.ok();
    assert_eq!(office.get_task(1).await["verification"], "pending");
    house.advance(10 * MINUTE_MS).await;
    assert_eq!(office.get_task(1).await["why_late"]["code"], "waiting_for_review");
    house.close().await;
}
