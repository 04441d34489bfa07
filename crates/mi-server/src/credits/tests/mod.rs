//! Credits through their routes.

mod sweeps;
mod tree;

use axum::http::Method;
use bytes::Bytes;
use mi_core::credits::Micro;
use mi_core::time::Millis;
use serde_json::{Value, json};

use crate::gateway::tests::bench::Bench;
use crate::infra::act::Act;
use crate::testing::{TestHouse, TestOffice};

async fn balance(bench: &Bench) -> Value {
    bench.get(&bench.at("/credits")).await.json()
}

#[tokio::test]
async fn an_office_starts_with_its_grant_and_additions_are_appended() {
    let bench = Bench::new(&[]).await;
    let office = bench.office.to_string();
    assert_eq!(balance(&bench).await, json!({"office_id": office, "balance": 1000, "available": 1000, "held": 0}));

    let added = bench.post(&bench.at("/credits"), json!({"amount": 0.25, "reason": "gift"})).await;
    assert_eq!((added.status, added.json()["balance"].clone()), (200, json!(1000.25)));
    bench.post(&bench.at("/credits"), json!({"amount": "100"})).await;
    let wrong = bench.post(&bench.at("/credits"), json!({"amount": null})).await;
    assert!(wrong.json()["error"].as_str().unwrap().contains("amount is a number of credits"), "{:?}", wrong.json());
    assert_eq!(balance(&bench).await["balance"], json!(1100.25));

    let history = bench.get(&bench.at("/credits/history?limit=2")).await;
    assert_eq!(history.headers["x-total-count"], "3");
    let mut entries = history.json();
    for entry in entries.as_array_mut().unwrap() {
        let entry = entry.as_object_mut().unwrap();
        assert!(entry.remove("id").is_some() && entry.remove("created_at").is_some());
    }
    let expected = json!([
        {"office_id": office, "kind": "added", "amount": 100, "balance_after": 1100.25, "reason": "added by the operator"},
        {"office_id": office, "kind": "added", "amount": 0.25, "balance_after": 1000.25, "reason": "gift"},
    ]);
    assert_eq!(entries, expected);
    let grants = bench.get(&bench.at("/credits/history?kind=grant")).await.json();
    assert_eq!((grants.as_array().unwrap().len(), &grants[0]["amount"]), (1, &json!(1000)));
    let wrong = bench.get(&bench.at("/credits/history?kind=gifts")).await;
    assert_eq!(wrong.problem(), (400, "bad_request".to_owned()));
    bench.close().await;
}

#[tokio::test]
async fn an_addition_is_more_than_nothing_and_no_slip_of_the_finger() {
    let bench = Bench::new(&[]).await;
    for amount in [json!(0), json!(-5), json!(0.0000001), json!(1e300), json!("many"), json!(null), json!([1])] {
        let got = bench.post(&bench.at("/credits"), json!({"amount": amount})).await;
        assert_eq!(got.problem(), (400, "bad_request".to_owned()), "{amount}");
    }
    let long = bench.post(&bench.at("/credits"), json!({"amount": 1, "reason": "x".repeat(501)})).await;
    assert_eq!(long.problem().1, "too_long");
    assert_eq!(balance(&bench).await["balance"], json!(1000));
    bench.close().await;
}

#[tokio::test]
async fn a_repeated_addition_is_one_addition() {
    let bench = Bench::new(&[]).await;
    let headers = [("idempotency-key", "top-up-1")];
    for _ in 0..2 {
        let body = Bytes::from(r#"{"amount":5}"#);
        let got = bench.send(Method::POST, &bench.at("/credits"), &bench.key, &headers, body).await;
        assert_eq!(got.json()["balance"], json!(1005));
    }
    assert_eq!(balance(&bench).await["balance"], json!(1005));
    bench.close().await;
}

#[tokio::test]
async fn agents_neither_add_nor_see() {
    let bench = Bench::new(&[]).await;
    let body = Bytes::from(r#"{"amount":5}"#);
    let add = bench.send(Method::POST, &bench.at("/credits"), &bench.credential, &[], body).await;
    assert_eq!(add.problem(), (403, "operator_only".to_owned()));
    let history = bench.send(Method::GET, &bench.at("/credits/history"), &bench.credential, &[], Bytes::new()).await;
    assert_eq!(history.problem(), (403, "operator_only".to_owned()));
    bench.close().await;
}

fn ledger_of(entries: &Value) -> Vec<(String, f64)> {
    let entry = |entry: &Value| (entry["kind"].as_str().unwrap().to_owned(), entry["amount"].as_f64().unwrap());
    entries.as_array().unwrap().iter().map(entry).collect()
}

#[tokio::test]
async fn each_minute_of_a_pod_is_put_aside_and_paid_within_the_hour() {
    let house = TestHouse::with_pod_minute(Micro(100_000)).await;
    let office = house.office().await;
    office.hire("ada").await;
    office.call("PATCH", "/settings", json!({"idleTimeoutSeconds": 86_400})).await.ok();
    let held = async || office.call("GET", "/credits", Value::Null).await.ok()["held"].clone();
    let runner = office.runner("ada").await;
    house.settle().await;
    assert_eq!(held().await, json!(0.1), "a minute begins with the pod");
    house.advance(59_000).await;
    assert_eq!(held().await, json!(0.1));
    house.advance(1_000).await;
    assert_eq!(held().await, json!(0.2));
    house.advance(8 * 60_000).await;
    assert_eq!(held().await, json!(1));
    assert_eq!(office.call("GET", "/credits", Value::Null).await.ok()["balance"], json!(1000));

    house.advance(52 * 60_000).await;
    let history = office.call("GET", "/credits/history?kind=pods", Value::Null).await.ok();
    assert_eq!(ledger_of(&history), [("pods".to_owned(), -6.2)], "one line an hour");
    let summary = office.call("GET", "/usage/summary", Value::Null).await.ok();
    assert_eq!(
        summary,
        json!({"cpu_core_hours": 62.0 / 60.0, "memory_gib_hours": 62.0 * 4.0 / 60.0,
        "total_credits": 6.2, "pods": 1})
    );
    // The pod goes, and what it owes is paid; what sleeps or is stopped costs nothing.
    house.advance(60_000).await;
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "stop"})).await.ok();
    house.settle().await;
    house.advance(600_000).await;
    drop(runner);
    let history = office.call("GET", "/credits/history?kind=pods", Value::Null).await.ok();
    assert_eq!(ledger_of(&history), [("pods".to_owned(), -0.1), ("pods".to_owned(), -6.2)]);
    assert_eq!(held().await, json!(0));
    let by_agent = office.call("GET", "/usage?by=agent", Value::Null).await.ok();
    assert_eq!((&by_agent[0]["kind"], &by_agent[0]["pod_minutes"]), (&json!("pod"), &json!(63)));
    house.close().await;
}

#[tokio::test]
async fn a_pod_pays_each_minute_that_it_began_however_short_it_lived() {
    let house = TestHouse::with_pod_minute(Micro(100_000)).await;
    let office = house.office().await;
    office.hire("ada").await;
    let act = async |action: &str| {
        office.call("POST", "/employees/ada/lifecycle", json!({"action": action})).await.ok();
    };
    let paid = async || {
        house.settle().await;
        ledger_of(&office.call("GET", "/credits/history?kind=pods", Value::Null).await.ok())
    };
    let line = |amount: f64| ("pods".to_owned(), amount);
    // No sweep looks between its coming and its going.
    drop(office.runner("ada").await);
    act("stop").await;
    assert_eq!(paid().await, [line(-0.1)]);
    // Back within the minute that is paid, and then with a minute that began a second before the end.
    act("start").await;
    drop(office.runner("ada").await);
    act("stop").await;
    assert_eq!(paid().await, [line(-0.1)]);
    house.advance(60_000).await;
    act("start").await;
    drop(office.runner("ada").await);
    house.house.clock.advance(Millis(61_000));
    act("stop").await;
    assert_eq!(paid().await, [line(-0.2), line(-0.1)]);
    house.close().await;
}

#[tokio::test]
async fn minutes_that_do_not_fit_beside_running_calls_are_paid_when_those_end() {
    let house = TestHouse::with_pod_minute(Micro(100_000)).await;
    let office = house.office().await;
    let id = office.id;
    office.call("PATCH", "/settings", json!({"idleTimeoutSeconds": 86_400})).await.ok();
    office.hire("ada").await;
    let put_aside = async |micro: i64| {
        let hold = move |act: &mut Act<'_>| {
            act.head.held.0 += micro;
            Ok(())
        };
        house.house.act_as_server(id, hold).await.unwrap();
    };
    let held = async || office.call("GET", "/credits", Value::Null).await.ok()["held"].clone();
    // Of 1000 credits calls leave room for two minutes and a half.
    let by_calls = 999_750_000;
    put_aside(by_calls).await;
    let runner = office.runner("ada").await;
    house.settle().await;
    house.advance(4 * 60_000).await;
    assert_eq!(held().await, json!(999.95), "two whole minutes");
    put_aside(-by_calls).await;
    house.advance(5_000).await;
    assert_eq!(held().await, json!(0.5), "and the other three");
    drop(runner);
    house.close().await;
}

#[tokio::test]
async fn at_zero_everybody_is_suspended_and_goes_on_after_an_addition() {
    // A minute costs more than half of what there is.
    let house = TestHouse::with_pod_minute(Micro::credits(600)).await;
    let office = house.office().await;
    office.hire("ada").await;
    office.task(json!({"title": "one", "assignedAgent": "ada"})).await;
    let mut runner = office.runner("ada").await;
    house.settle().await;
    runner.must_take().await;
    house.advance(60_000).await;
    let credits = office.call("GET", "/credits", Value::Null).await.ok();
    assert_eq!((&credits["balance"], &credits["available"], &credits["held"]), (&json!(0), &json!(0), &json!(0)));
    house.settle().await;
    let ada = office.call("GET", "/employees/ada", Value::Null).await.ok();
    assert_eq!(ada["status"]["phase"], "Suspended");
    let task = office.get_task(1).await;
    assert_eq!((&task["status"], &task["attempts"]), (&json!("queued"), &json!(0)), "{task}");
    assert_eq!(task["why"]["code"], "out_of_credits");
    let told = office.call("GET", "/events?limit=500", Value::Null).await.ok().to_string();
    assert_eq!(told.matches("credits.exhausted").count(), 1);

    office.call("POST", "/credits", json!({"amount": 10_000})).await.ok();
    let mut runner = office.runner("ada").await;
    assert_eq!(runner.must_take().await.task.unwrap().0, 1, "it goes on where it was");
    house.close().await;
}

#[tokio::test]
async fn the_time_in_which_the_server_was_away_costs_nothing() {
    let house = TestHouse::with_pod_minute(Micro(100_000)).await;
    let office = house.office().await;
    let id = office.id;
    office.hire("ada").await;
    drop(office.runner("ada").await);
    house.settle().await;
    house.house.clock.advance(Millis::seconds(3_600));
    let house = house.restart().await;
    house.settle().await;
    let office = TestOffice { house: &house, id };
    let history = office.call("GET", "/credits/history?kind=pods", Value::Null).await.ok();
    assert_eq!(ledger_of(&history), [("pods".to_owned(), -0.1)]);
    house.close().await;
}

#[tokio::test]
async fn what_a_subscription_paid_is_counted_at_a_shadow_price_and_not_taken() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.task(json!({"title": "one", "assignedAgent": "ada"})).await;
    let mut runner = office.runner("ada").await;
    let grant = runner.must_take().await;
    let said = |subscription: bool| {
        json!({"input_tokens": 1000, "cached_tokens": 0, "output_tokens": 200, "model": "claude-sonnet-4-6",
            "provider": "anthropic", "subscription": subscription})
    };
    let item = |text: String| json!({"at": "2026-01-01T00:00:00Z", "kind": "usage", "text": text});
    let items =
        json!({"from": 0, "items": [item(said(true).to_string()), item(said(false).to_string()), item("?".into())]});
    // Said twice, counted once.
    for _ in 0..2 {
        let path = format!("/sessions/{}/events", grant.id);
        office.call_as(&runner.speaker(), "POST", &path, items.clone()).await.ok();
    }
    let sums = office.call("GET", "/usage?by=task", Value::Null).await.ok();
    let expected = json!([{"kind": "subscription", "task_id": 1, "calls": 1, "input_tokens": 1000, "cached_tokens": 0,
        "output_tokens": 200, "credits": 0.6, "pod_minutes": 0}]);
    assert_eq!(sums, expected);
    assert_eq!(office.call("GET", "/usage/summary", Value::Null).await.ok()["total_credits"], json!(0));
    assert_eq!(office.call("GET", "/credits", Value::Null).await.ok()["balance"], json!(1000));
    house.close().await;
}
