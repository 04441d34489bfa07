//! Events through their routes, and the chain under them.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use http_body_util::BodyExt;
use mi_core::ids::OfficeId;
use mi_core::time::Millis;
use serde_json::{Value, json};

use super::chain::{store, verify_chain};
use crate::gateway::tests::bench::Bench;
use crate::infra::db::{DbError, Tx};
use crate::infra::fault::{self, Fault};

async fn bench() -> Bench {
    Bench::new(&[]).await
}

async fn seqs(bench: &Bench, query: &str) -> Vec<i64> {
    let events = bench.get(&bench.at(&format!("/events{query}"))).await.json();
    events.as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()).collect()
}

async fn happen(bench: &Bench) {
    let got = bench.post(&bench.at("/credits"), json!({"amount": 1})).await;
    assert_eq!(got.status, 200);
}

#[tokio::test]
async fn the_history_runs_from_the_oldest_to_the_newest() {
    let bench = bench().await;
    let all = seqs(&bench, "").await;
    assert_eq!(all, (1..=all.len() as i64).collect::<Vec<_>>());
    assert_eq!(seqs(&bench, "?limit=2").await, [1, 2]);
    assert_eq!(seqs(&bench, "?since=1&limit=1").await, [2]);
    assert_eq!(seqs(&bench, &format!("?since={}", all.len())).await, Vec::<i64>::new());
    let tasks = bench.get(&bench.at("/events?category=task")).await.json();
    assert!(tasks.as_array().unwrap().iter().all(|event| event["category"] == "task"));
    assert_eq!(tasks[0]["type"], "tasks.create");
    let count = bench.get(&bench.at("/events?limit=1")).await.headers["x-total-count"].clone();
    assert_eq!(count, all.len().to_string());
    assert_eq!(bench.get(&bench.at("/events?since=x")).await.problem(), (400, "bad_request".to_owned()));
    bench.close().await;
}

/// Reads the stream up to `count` events.
async fn read(body: &mut Body, count: usize) -> Vec<Value> {
    let mut text = String::new();
    while text.matches("\n\n").count() - text.matches("retry:").count() < count {
        let frame = body.frame().await.unwrap().unwrap();
        text += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut events = Vec::new();
    for pair in lines.windows(2) {
        if let (Some(id), Some(data)) = (pair[0].strip_prefix("id: "), pair[1].strip_prefix("data: ")) {
            let event: Value = serde_json::from_str(data).unwrap();
            assert_eq!(event["seq"].to_string(), id);
            events.push(event);
        }
    }
    events
}

async fn follow(bench: &Bench, last: Option<i64>) -> Body {
    let last = last.map(|seq| seq.to_string());
    let headers: Vec<(&str, &str)> = last.iter().map(|seq| ("last-event-id", seq.as_str())).collect();
    let path = bench.at("/events/stream");
    let response = bench.begin(Method::GET, &path, &bench.key, &headers, Bytes::new()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body()
}

#[tokio::test]
async fn the_stream_goes_on_where_the_client_left_off() {
    let bench = bench().await;
    let before = seqs(&bench, "").await.len() as i64;
    let mut resumed = follow(&bench, Some(1)).await;
    let caught_up = read(&mut resumed, before as usize - 1).await;
    let seen: Vec<i64> = caught_up.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seen, (2..=before).collect::<Vec<_>>());

    let mut fresh = follow(&bench, None).await;
    happen(&bench).await;
    for stream in [&mut resumed, &mut fresh] {
        let events = read(stream, 1).await;
        assert_eq!((events[0]["seq"].clone(), events[0]["type"].clone()), (json!(before + 1), json!("credits.add")));
    }
    bench.close().await;
}

#[tokio::test]
async fn a_silent_stream_is_kept_alive_and_ends_when_the_server_drains() {
    let bench = bench().await;
    let mut stream = follow(&bench, None).await;
    let first = stream.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first.as_ref(), b"retry: 1000\n\n");
    let (clock, moving) = (bench.house.clock.clone(), Millis::seconds(15));
    let next = tokio::spawn(async move { (stream.frame().await, stream) });
    // The clock may move before the stream waits: then it is moved again.
    while !next.is_finished() {
        clock.advance(moving);
        tokio::task::yield_now().await;
    }
    let (frame, mut stream) = next.await.unwrap();
    assert_eq!(frame.unwrap().unwrap().into_data().unwrap().as_ref(), b": still here\n\n");
    bench.house.drain();
    assert!(stream.frame().await.is_none());
    bench.close().await;
}

#[tokio::test]
async fn an_agents_activity_is_newest_first() {
    let bench = bench().await;
    let activity = bench.get(&bench.at("/employees/ada/activity")).await.json();
    let ids: Vec<i64> =
        activity.as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().parse().unwrap()).collect();
    assert!(!ids.is_empty() && ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    let claimed = activity.as_array().unwrap().iter().find(|one| one["type"] == "tasks.claim").unwrap();
    assert_eq!(claimed["metadata"]["task_id"], json!(1));
    let none = bench.get(&bench.at("/employees/ada/activity?since=2100-01-01T00:00:00Z")).await;
    assert_eq!((none.json(), none.headers["x-total-count"].to_str().unwrap()), (json!([]), "0"));
    bench.close().await;
}

/// The first broken event after this was done to the store; afterwards it is as it was.
async fn broken_by(
    bench: &Bench,
    tamper: impl Fn(&mut dyn Tx, OfficeId) -> Result<(), DbError> + Send + 'static,
) -> Option<i64> {
    let (keys, office) = (bench.house.keys.clone(), bench.office);
    let found = Arc::new(Mutex::new(None));
    let answer = Arc::clone(&found);
    let write = move |tx: &mut dyn Tx| -> Result<(), Fault> {
        tamper(tx, office)?;
        *answer.lock().unwrap() = Some(verify_chain(tx, &keys, office)?);
        Err(fault::bad_request("only tried"))
    };
    bench.house.db.write(write).await.unwrap_err();
    found.lock().unwrap().take().unwrap()
}

#[tokio::test]
async fn the_chain_shows_what_was_altered_or_lost() {
    let bench = bench().await;
    assert_eq!(broken_by(&bench, |_, _| Ok(())).await, None);
    assert_eq!(broken_by(&bench, |tx, office| store::forge_summary(tx, office, 2, "nothing")).await, Some(2));
    assert_eq!(broken_by(&bench, |tx, office| store::lose(tx, office, 1)).await, Some(1));
    // The newest one is missed because the office's row remembers it.
    let newest = seqs(&bench, "").await.len() as i64;
    assert_eq!(broken_by(&bench, move |tx, office| store::lose(tx, office, newest)).await, Some(newest));
    bench.close().await;
}

#[tokio::test]
async fn agents_dont_read_the_offices_events() {
    let bench = bench().await;
    let got = bench.send(Method::GET, &bench.at("/events"), &bench.credential, &[], Bytes::new()).await;
    assert_eq!(got.problem(), (403, "operator_only".to_owned()));
    bench.close().await;
}
