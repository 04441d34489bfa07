//! Sessions through their routes.

mod chain;
mod elsewhere;
mod idle;
mod kept;
mod shown;
mod sweeps;

use mi_core::wire::runner::SessionGrant;
use serde_json::{Value, json};

use crate::testing::{FakeRunner, TestHouse};

#[tokio::test]
async fn events_posted_twice_are_kept_once() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, grant) = office.at_work("ada").await;
    ada.log(&grant, 0, &["one", "two"]).await.ok();
    ada.log(&grant, 1, &["two", "three"]).await.ok();
    let detail = office.call("GET", "/tasks/1", Value::Null).await.ok();
    let lines: Vec<&str> = detail["logs"].as_array().unwrap().iter().map(|l| l["message"].as_str().unwrap()).collect();
    assert_eq!(lines, ["one", "two", "three"]);
    assert_eq!(detail["task"]["status"], "running");
    ada.done(&grant, "ok").await.ok();
    ada.end(&grant, "finished").await.ok();
    assert_eq!(ada.end(&grant, "finished").await.status, 200, "an end said twice is one end");
    house.close().await;
}

#[tokio::test]
async fn a_stopped_agents_task_is_offered_again_only_when_its_pod_is_gone() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, grant) = office.at_work("ada").await;
    house.pods_are(crate::testing::Manners::Stubborn);
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "stop"})).await.ok();
    assert_eq!(ada.done(&grant, "zombie").await.refused(), (409, "stale_claim".to_owned()));
    assert_ne!(office.get_task(1).await["status"], "queued", "its sandbox may still write to the drive");
    house.pods_are(crate::testing::Manners::Obedient);
    house.settle().await;
    let task = office.get_task(1).await;
    assert_eq!((task["status"].as_str(), task["attempts"].as_i64()), (Some("queued"), Some(0)));
    house.close().await;
}

#[tokio::test]
async fn a_transcript_is_read_part_by_part_by_those_who_may() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    office.hire("ada").await;
    office.hire("bob").await;
    let (mut ada, bob) = (office.runner("ada").await, office.runner("bob").await);
    office.task(json!({"title": "a", "assignedAgent": "ada"})).await;
    let grant = ada.must_take().await;
    let at = house.now().to_string();
    let said = |kind: &str, text: &str| json!({"at": at, "kind": kind, "text": text});
    let items = json!([
        said("log", "one"),
        said("tool", "shell ls\n→ a"),
        said("transcript", "done\u{0}"),
        said("usage", "{}")
    ]);
    let path = format!("/sessions/{}", grant.id);
    let post = json!({"from": 0, "items": items});
    office.call_as(&ada.speaker(), "POST", &format!("{path}/events"), post).await.ok();

    let part = office.call("GET", &format!("{path}?limit=2"), Value::Null).await.ok();
    assert_eq!((&part["next"], &part["more"], &part["session"]["agent"]), (&json!(2), &json!(true), &json!("ada")));
    let first = json!({"n": 0, "at": at, "kind": "log", "text": "one"});
    assert_eq!((part["items"].as_array().unwrap().len(), &part["items"][0]), (2, &first));
    let rest = office.call("GET", &format!("{path}?from=2"), Value::Null).await.ok();
    assert_eq!(
        (&rest["next"], &rest["more"], &rest["items"][0]["text"]),
        (&json!(4), &json!(false), &json!("done\u{fffd}"))
    );
    let none = office.call("GET", &format!("{path}?from=99"), Value::Null).await.ok();
    assert_eq!((&none["next"], &none["more"], &none["items"]), (&json!(99), &json!(false), &json!([])));

    let own = office.call_as(&ada.harness(&grant), "GET", &path, Value::Null).await;
    assert_eq!(own.status, 200);
    let others = office.call_as(&bob.speaker(), "GET", &path, Value::Null).await;
    assert_eq!(others.refused(), (404, "no_such_session".to_owned()));
    assert_eq!(office.call("GET", "/sessions/77", Value::Null).await.refused(), (404, "no_such_session".to_owned()));
    assert_eq!(office.call("GET", &format!("{path}?from=x"), Value::Null).await.status, 400);
    house.close().await;
}

#[tokio::test]
async fn a_part_is_bounded_in_bytes_and_a_session_in_items() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, grant) = office.at_work("ada").await;
    let path = format!("/sessions/{}", grant.id);
    let large = "x".repeat(250_000);
    for n in 0..6 {
        ada.log(&grant, n, &[large.as_str()]).await.ok();
    }
    let part = office.call("GET", &path, Value::Null).await.ok();
    assert_eq!((&part["next"], &part["more"]), (&json!(4), &json!(true)));

    let most = mi_core::limits::SESSION_ITEMS_MAX;
    let at = house.now().to_string();
    let usage = |n: i64, text: &str| json!({"from": n, "items": [{"at": at, "kind": "usage", "text": text}]});
    let (long, events) = ("u".repeat(4 * 1024 + 1), format!("{path}/events"));
    for (n, text) in [(most - 3, "{}"), (most - 2, &long)] {
        office.call_as(&ada.speaker(), "POST", &events, usage(n, text)).await.ok();
    }
    ada.log(&grant, most - 1, &["kept", "in its place", "gone"]).await.ok();
    office.call_as(&ada.speaker(), "POST", &events, usage(most + 2, "{}")).await.ok();
    ada.log(&grant, most + 3, &["gone"]).await.ok();
    let part = office.call("GET", &format!("{path}?from={}", most - 3), Value::Null).await.ok();
    assert_eq!((&part["next"], &part["more"]), (&json!(most + 4), &json!(false)), "a reader comes to an end");
    let seen: Vec<(i64, &str)> = part["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["n"].as_i64().unwrap(), item["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [(most - 3, "usage"), (most - 1, "log"), (most, "log")]);
    assert!(part["items"][2]["text"].as_str().unwrap().contains("not kept"));
    house.close().await;
}

#[tokio::test]
async fn a_runner_that_was_stopped_from_inside_of_its_pod_loses_its_attempt() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "a"})).await;
    for (cause, attempts) in [("drain", 1), ("stopped", 2)] {
        let grant = ada.must_take().await;
        ada.end(&grant, cause).await.ok();
        let task = office.get_task(1).await;
        assert_eq!((&task["attempts"], &task["status"]), (&json!(attempts), &json!("queued")), "{cause}: {task}");
        house.advance(60_000).await;
    }
    // At the server's end it is as we want it.
    let grant = ada.must_take().await;
    house.house.drain();
    ada.end(&grant, "drain").await.ok();
    assert_eq!(office.get_task(1).await["attempts"], 2);
    house.close().await;
}

#[tokio::test]
async fn a_namesake_of_a_fired_agent_reads_none_of_its_transcripts() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "a", "assignedAgent": "ada"})).await;
    let grant = ada.must_take().await;
    ada.done(&grant, "ok").await.ok();
    ada.end(&grant, "finished").await.ok();
    let path = format!("/sessions/{}", grant.id);
    assert_eq!(office.call_as(&ada.speaker(), "GET", &path, Value::Null).await.status, 200);
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    house.settle().await;
    office.hire("ada").await;
    let namesake = office.runner("ada").await;
    let refused = office.call_as(&namesake.speaker(), "GET", &path, Value::Null).await;
    assert_eq!(refused.refused(), (404, "no_such_session".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn what_was_taken_away_and_what_no_model_read_is_not_marked_as_read() {
    let house = TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "sk-of-the-office")]).await;
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "harness": "native", "provider": "anthropic"})).await;
    let mut ada = office.runner("ada").await;
    office.call("POST", "/xmtp/groups/office/send", json!({"body": "nobody in particular"})).await.ok();
    for (cause, shown) in [("harness_missing", 1), ("finished", 1), ("finished", 0)] {
        office.task(json!({"title": "a", "assignedAgent": "ada"})).await;
        let grant = ada.must_take().await;
        assert_eq!(read_by(&ada, &grant).await.len(), shown, "{cause}");
        ada.end(&grant, cause).await.ok();
        house.advance(60_000).await;
    }
    house.close().await;
}

#[tokio::test]
async fn a_session_that_messages_woke_shows_only_those_that_it_will_have_read() {
    let house = TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "sk-of-the-office")]).await;
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "harness": "native", "provider": "anthropic"})).await;
    let mut ada = office.runner("ada").await;
    let send = async |text: &str| {
        office.call("POST", "/messages/send", json!({"to": "ada", "content": text})).await.ok();
    };
    send("first").await;
    let grant = ada.must_take().await;
    send("second").await;
    assert_eq!(read_by(&ada, &grant).await, ["first"]);
    ada.end(&grant, "finished").await.ok();
    let grant = ada.must_take().await;
    assert_eq!(read_by(&ada, &grant).await, ["second"]);
    ada.end(&grant, "finished").await.ok();
    house.close().await;
}

/// The messages of a session's context.
async fn read_by(ada: &FakeRunner<'_>, grant: &SessionGrant) -> Vec<String> {
    let path = format!("/sessions/{}/context", grant.id);
    let context = ada.office.call_as(&ada.speaker(), "GET", &path, Value::Null).await.ok();
    context["messages"].as_array().unwrap().iter().map(|one| one["body"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_session_that_was_taken_away_marks_nothing_as_read() {
    let house = TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "sk-of-the-office")]).await;
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "harness": "native", "provider": "anthropic"})).await;
    let mut ada = office.runner("ada").await;
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "hi"})).await.ok();
    let grant = ada.must_take().await;
    house.pods_are(crate::testing::Manners::Stubborn);
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "stop"})).await.ok();
    ada.end(&grant, "finished").await.ok();
    house.pods_are(crate::testing::Manners::Obedient);
    house.settle().await;
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "start"})).await.ok();
    let mut ada = office.runner("ada").await;
    let grant = ada.must_take().await;
    assert_eq!(read_by(&ada, &grant).await, ["hi"]);
    house.close().await;
}
