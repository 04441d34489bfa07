//! Who may have how many calls under way, and for how long.

use axum::body::Body;
use axum::http::{Method, Response};
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::BodyExt;
use mi_core::time::Millis;
use serde_json::json;

use super::bench::Bench;
use super::upstream::{End, Script, Upstream};
use crate::gateway::outflow::UNREAD_SECONDS_MAX;
use crate::gateway::places::CALLS_OF_AN_OFFICE_MAX;

const PATH: &str = "/llm/anthropic/v1/messages";
const MODELS: &str = "/llm/anthropic/v1/models";
const BEGUN: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":\
    {\"input_tokens\":1000,\"output_tokens\":1}}}\n\n";

async fn bench(script: Script) -> (Bench, Upstream) {
    let upstream = Upstream::new(script).await;
    (Bench::new(&[("ANTHROPIC_BASE_URL", &upstream.base), ("ANTHROPIC_API_KEY", "sk")]).await, upstream)
}

fn asking() -> Bytes {
    Bytes::from(json!({"model": "m", "max_tokens": 1, "stream": true}).to_string())
}

async fn begin(bench: &Bench) -> Response<Body> {
    bench.begin(Method::POST, PATH, &bench.credential, &[], asking()).await
}

/// Every call is settled, also those that nobody takes the answers of.
async fn over(bench: &Bench) {
    let over = |credits: &serde_json::Value| {
        bench.house.clock.advance(Millis(1_000));
        credits["held"] == 0
    };
    bench.until(&bench.at("/credits"), over).await;
}

#[tokio::test]
async fn an_office_has_its_share_and_no_more() {
    let (bench, upstream) = bench(Script { end: End::Hangs, ..Script::events(BEGUN) }).await;
    let share = usize::try_from(CALLS_OF_AN_OFFICE_MAX).unwrap();
    let held = join_all((0..share).map(|_| begin(&bench))).await;
    assert!(held.iter().all(|response| response.status() == 200));
    let refused = bench.send(Method::POST, PATH, &bench.credential, &[], asking()).await;
    assert_eq!(refused.problem(), (503, "busy".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(
        refused.json()["error"].as_str().unwrap().contains(&format!("this office has {share} model calls")),
        "{:?}",
        refused.json()
    );
    assert_eq!(upstream.calls(), share);

    let (other, credential) = bench.other_office().await;
    let elsewhere = bench.begin(Method::POST, PATH, &credential, &[], asking()).await;
    assert_eq!(elsewhere.status(), 200, "{other} has its own share");
    drop((held, elsewhere));
    over(&bench).await;
    assert_eq!(begin(&bench).await.status(), 200);
    over(&bench).await;
    bench.close().await;
}

#[tokio::test]
async fn what_costs_nothing_keeps_no_place_though_nobody_reads_it() {
    let (bench, _upstream) = bench(Script::json(200, r#"{"data":[]}"#)).await;
    let mut unread = Vec::new();
    for _ in 0..=CALLS_OF_AN_OFFICE_MAX {
        unread.push(bench.begin(Method::GET, MODELS, &bench.credential, &[], Bytes::new()).await);
    }
    assert!(unread.iter().all(|response| response.status() == 200));
    let last = unread.pop().unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(last.as_ref(), br#"{"data":[]}"#);
    bench.close().await;
}

#[tokio::test]
async fn a_free_answer_that_never_ends_is_given_up() {
    let (bench, _upstream) = bench(Script { end: End::Hangs, ..Script::json(200, r#"{"data":["#) }).await;
    let asked = bench.send(Method::GET, MODELS, &bench.credential, &[], Bytes::new());
    let got = bench.while_time_passes(asked).await;
    assert_eq!(got.problem(), (502, "upstream_failed".to_owned()));
    bench.close().await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_ended_and_paid_as_far_as_it_came() {
    let (bench, _upstream) = bench(Script { end: End::Hangs, ..Script::events(BEGUN) }).await;
    let response = begin(&bench).await;
    bench.test.advance(UNREAD_SECONDS_MAX * 1_000 - 1).await;
    assert_eq!(bench.get(&bench.at("/usage/llm")).await.json()[0]["state"], "reserved");
    // The clock moves until the provider's first pieces are there and wait.
    let path = bench.at("/usage/llm");
    bench
        .until(&path, |calls| {
            bench.house.clock.advance(Millis(1_000));
            calls[0]["state"] != "reserved"
        })
        .await;
    assert!(response.into_body().collect().await.is_err(), "it doesn't look like a whole answer");
    bench.close().await;
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_comes_whole() {
    let (bench, _upstream) = bench(Script::events(BEGUN)).await;
    let mut flowing = begin(&bench).await.into_body();
    let mut taken = Vec::new();
    while let Some(frame) = flowing.frame().await {
        taken.extend_from_slice(&frame.unwrap().into_data().unwrap());
        bench.house.clock.advance(Millis::seconds(UNREAD_SECONDS_MAX - 1));
    }
    assert_eq!(taken, BEGUN.as_bytes());
    bench.close().await;
}
