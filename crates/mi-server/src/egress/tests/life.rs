//! Tunnels from beginning to end, and how connections are told.

use std::task::Poll;

use futures_util::poll;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::bench::{Answer, Host, Scripted, Way, denied, house_permitting, way};
use crate::egress::line::LOOK_MS;
use crate::egress::notes::{GATHER_MS, REFUSALS_AT_ONCE_MAX};
use crate::egress::routes::REFUSAL_PAUSE_MS;
use crate::testing::{Manners, TestHouse};

/// A host that answers when it has heard everything.
async fn patient() -> Host {
    Host::saying("<end of the world>", "I heard you").await
}

async fn house_for(host: &Host) -> TestHouse {
    house_permitting(&[&host.place], Scripted::default()).await
}

async fn open_way<'a>(house: &'a TestHouse, host: &Host) -> Way<'a> {
    let way = way(house.office().await, "ada").await;
    way.allow(json!([host.place])).await;
    way
}

fn fields<'e>(event: &'e Value, names: &[&str]) -> Vec<&'e Value> {
    names.iter().map(|name| &event["data"][*name]).collect()
}

#[tokio::test]
async fn a_tunnel_carries_both_ways_and_each_side_ends_for_itself() {
    let host = patient().await;
    let house = house_for(&host).await;
    let way = open_way(&house, &host).await;
    let mut tunnel = way.tunnel(&host.place).await;
    tunnel.write_all(b"question").await.unwrap();
    tunnel.shutdown().await.unwrap();
    let mut heard = String::new();
    tunnel.read_to_string(&mut heard).await.unwrap();
    assert_eq!((heard.as_str(), host.heard()), ("I heard you", vec!["question".to_owned()]));
    let (kind, event) = way.events_until(1).await.remove(0);
    assert_eq!(kind, "egress.allowed");
    let place = format!("ada was let through with CONNECT to {}, 8 bytes up, 11 down", host.place);
    assert_eq!(event["summary"], place);
    assert_eq!(fields(&event, &["bytesUp", "bytesDown", "method"]), [&json!(8), &json!(11), &json!("CONNECT")]);
    let activity = way.office.call("GET", "/employees/ada/activity?category=session", Value::Null).await.ok();
    assert_eq!(activity[0]["type"], "egress.allowed");
    house.close().await;
}

#[tokio::test]
async fn what_is_no_longer_allowed_ends() {
    let host = patient().await;
    let house = house_for(&host).await;
    let way = open_way(&house, &host).await;
    let mut tunnel = way.tunnel(&host.place).await;
    tunnel.write_all(b"x").await.unwrap();
    // Another change takes nothing away.
    way.allow(json!([host.place, "example.com"])).await;
    house.advance(LOOK_MS).await;
    tunnel.write_all(b"y").await.unwrap();
    way.allow(json!([])).await;
    house.advance(LOOK_MS).await;
    let mut rest = Vec::new();
    tunnel.read_to_end(&mut rest).await.unwrap();
    let (_, event) = way.events_until(1).await.remove(0);
    assert_eq!(fields(&event, &["verdict", "why"]), [&json!("allowed"), &json!("revoked")]);
    house.close().await;
}

#[tokio::test]
async fn silence_ends_a_connection() {
    let host = patient().await;
    let house = house_for(&host).await;
    let way = open_way(&house, &host).await;
    let mut tunnel = way.tunnel(&host.place).await;
    for _ in 0..24 {
        assert_eq!(way.events().await, []);
        house.advance(LOOK_MS).await;
        // The connection has looked again before the next step.
        tokio::task::yield_now().await;
    }
    let mut rest = Vec::new();
    tunnel.read_to_end(&mut rest).await.unwrap();
    let (_, event) = way.events_until(1).await.remove(0);
    assert_eq!(fields(&event, &["why"]), [&json!("silent")]);
    house.close().await;
}

#[tokio::test]
async fn a_pods_connections_end_with_its_door() {
    let host = patient().await;
    let house = house_for(&host).await;
    let way = open_way(&house, &host).await;
    let mut tunnel = way.tunnel(&host.place).await;
    let mut waiting = way.open().await;
    waiting.write_all(b"GET http://evil.org/ HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(Answer::read(&mut waiting).await.refused(), denied());
    way.close_door();
    let mut rest = Vec::new();
    tunnel.read_to_end(&mut rest).await.unwrap();
    waiting.read_to_end(&mut rest).await.unwrap();
    let (_, event) = way.events_until(2).await.remove(1);
    assert_eq!(fields(&event, &["why"]), [&json!("pod_ended")]);
    house.close().await;
}

#[tokio::test]
async fn connections_belong_to_the_session_and_none_outlives_its_claim() {
    let host = patient().await;
    let house = house_for(&host).await;
    let way = open_way(&house, &host).await;
    let task = way.office.task(json!({"title": "t"})).await;
    let mut runner = way.office.runner("ada").await;
    let grant = runner.must_take().await;
    way.connect("evil.org:80").await;
    let (_, event) = way.events().await.remove(0);
    assert_eq!((&event["task_id"], &event["data"]["session"]), (&json!(task), &json!(grant.token)));
    let mut tunnel = way.tunnel(&host.place).await;

    // Its claim lapses, and its pod doesn't want to go.
    house.pods_are(Manners::Stubborn);
    house.advance(121_000).await;
    let mut rest = Vec::new();
    tunnel.read_to_end(&mut rest).await.unwrap();
    let late = way.connect(&host.place).await;
    assert_eq!(late.refused(), (409, "stale_claim".to_owned()));
    assert_eq!(late.json()["must_stop"], true);
    house.pods_are(Manners::Obedient);
    house.close().await;
}

#[tokio::test]
async fn many_alike_are_two_events_and_add_up() {
    let host = Host::answering().await;
    let house = house_for(&host).await;
    let way = open_way(&house, &host).await;
    for _ in 0..5 {
        assert_eq!(way.get(&format!("http://{}/", host.place)).await.status, 200);
    }
    for n in 0..50 {
        way.connect(&format!("{n}.evil.org:443")).await;
        way.connect("same.evil.org:443").await;
    }
    let told = way.events_until(1 + 30).await;
    let refusals = told.iter().filter(|(kind, _)| kind == "egress.refused").count();
    assert_eq!((told.len(), refusals), (31, 30));

    house.advance(GATHER_MS).await;
    let later = way.events().await.split_off(31);
    let sums: Vec<_> = later.iter().map(|(kind, event)| (kind.as_str(), fields(event, &["host", "times"]))).collect();
    assert_eq!(
        sums,
        [
            ("egress.allowed", vec![&json!("127.0.0.1"), &json!(4)]),
            ("egress.refused", vec![&json!("same.evil.org"), &json!(49)]),
            ("egress.refused", vec![&Value::Null, &json!(21)]),
        ]
    );
    assert_eq!(
        later[2].1["summary"],
        "ada was refused other connections, 21 times: the office's egress doesn't allow it"
    );
    house.close().await;
}

#[tokio::test]
async fn a_pod_that_hammers_is_answered_slowly() {
    let host = Host::answering().await;
    let house = house_for(&host).await;
    let way = open_way(&house, &host).await;
    for _ in 0..REFUSALS_AT_ONCE_MAX {
        assert_eq!(way.connect("evil.org:443").await.refused(), denied());
    }
    let mut held = Box::pin(way.connect("evil.org:443"));
    for _ in 0..20_000 {
        assert!(poll!(&mut held).is_pending(), "it was answered at once");
        tokio::task::yield_now().await;
    }
    // What is allowed isn't held up.
    assert_eq!(way.get(&format!("http://{}/", host.place)).await.status, 200);
    let answer = loop {
        if let Poll::Ready(answer) = poll!(&mut held) {
            break answer;
        }
        house.advance(REFUSAL_PAUSE_MS).await;
    };
    drop(held);
    assert_eq!(answer.refused(), denied());
    house.advance(GATHER_MS).await;
    assert_eq!(way.connect("evil.org:443").await.refused(), denied());
    let told = way.events().await.into_iter().filter(|(kind, _)| kind == "egress.refused");
    let times: Vec<_> = told.map(|(_, event)| event["data"]["times"].clone()).collect();
    assert_eq!(times, [json!(1), json!(REFUSALS_AT_ONCE_MAX), json!(1)]);
    house.close().await;
}
