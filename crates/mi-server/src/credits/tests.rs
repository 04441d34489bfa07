//! Credits through their routes.

use axum::http::Method;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::gateway::tests::bench::Bench;

async fn balance(bench: &Bench) -> Value {
    bench.get(&bench.at("/credits")).await.json()
}

#[tokio::test]
async fn an_office_starts_with_its_grant_and_additions_are_appended() {
    let bench = Bench::new(&[]).await;
    let office = bench.office.to_string();
    assert_eq!(balance(&bench).await, json!({"office_id": office, "balance": 1000, "available": 1000}));

    let added = bench.post(&bench.at("/credits"), json!({"amount": 0.25, "reason": "gift"})).await;
    assert_eq!((added.status, added.json()["balance"].clone()), (200, json!(1000.25)));
    bench.post(&bench.at("/credits"), json!({"amount": "100"})).await;
    assert_eq!(balance(&bench).await["balance"], json!(1100.25));

    let history = bench.get(&bench.at("/credits/history?limit=2")).await;
    assert_eq!(history.headers["x-total-count"], "3");
    let mut entries = history.json();
    for entry in entries.as_array_mut().unwrap() {
        let entry = entry.as_object_mut().unwrap();
        assert!(entry.remove("id").is_some() && entry.remove("created_at").is_some());
    }
    let expected = json!([
        {"office_id": office, "amount": 100, "balance_after": 1100.25, "reason": "added by the operator"},
        {"office_id": office, "amount": 0.25, "balance_after": 1000.25, "reason": "gift"},
    ]);
    assert_eq!(entries, expected);
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
