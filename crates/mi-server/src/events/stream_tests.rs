//! Live streams through their routes: of a task, of an agent's log, and how many there may be.

use axum::body::Body;
use http_body_util::BodyExt;
use mi_core::time::Millis;
use serde_json::{Value, json};

use crate::pods::service::log_path;
use crate::testing::{Speaker, TestHouse, TestOffice};

/// One message: its name, its id, its data.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    event: String,
    id: String,
    data: Value,
}

/// A client that reads a stream.
struct Reader {
    body: Body,
    rest: String,
}

impl Reader {
    async fn open(office: &TestOffice<'_>, speaker: Speaker<'_>, path: &str, last: Option<&str>) -> Self {
        let speaker = match last {
            Some(id) => speaker.with_header("last-event-id", id),
            None => speaker,
        };
        let response = speaker.begin("GET", &office.path(path), Vec::new()).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Self { body: response.into_body(), rest: String::new() }
    }

    /// The next message; comments and the head of the stream are passed over.
    async fn next(&mut self) -> Piece {
        loop {
            while let Some((text, rest)) = self.rest.split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())) {
                self.rest = rest;
                if let Some(piece) = read(&text) {
                    return piece;
                }
            }
            let frame = self.body.frame().await.expect("the stream ended").unwrap();
            self.rest += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
        }
    }
}

fn read(text: &str) -> Option<Piece> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
    let data = serde_json::from_str(&field("data: ")?).unwrap();
    Some(Piece { event: field("event: ").unwrap_or_else(|| "message".to_owned()), id: field("id: ")?, data })
}

#[tokio::test]
async fn a_place_that_the_office_never_reached_is_told_to_be_unknown() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let newest = office.call("GET", "/events?limit=1", Value::Null).await.header("x-total-count").unwrap().to_owned();
    let newest: i64 = newest.parse().unwrap();
    for (path, last) in [("/events/stream", Some("1000000")), ("/events/stream?since=1000000", None)] {
        let mut stream = Reader::open(&office, house.owner(), path, last).await;
        let reset = stream.next().await;
        assert_eq!((reset.event.as_str(), reset.id), ("reset", newest.to_string()), "{path}");
        assert_eq!(reset.data, json!({"reason": "unknown", "after": newest}));
    }
    let mut stream = Reader::open(&office, house.owner(), "/events/stream", Some("1000000")).await;
    assert_eq!(stream.next().await.event, "reset");
    office.task(json!({"title": "goes on"})).await;
    let next = stream.next().await;
    assert_eq!((next.event.as_str(), &next.data["seq"]), ("message", &json!(newest + 1)));
    house.close().await;
}

#[tokio::test]
async fn a_task_is_followed_from_a_snapshot_and_resumed_without_a_gap() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    let task = office.task(json!({"title": "whole", "assignedAgent": "ada"})).await;
    let path = format!("/tasks/{task}/stream");
    let mut stream = Reader::open(&office, house.owner(), &path, None).await;
    let snapshot = stream.next().await;
    assert_eq!((snapshot.event.as_str(), &snapshot.data["task"]["title"]), ("snapshot", &json!("whole")));

    // Nothing of other tasks is told.
    let other = office.task(json!({"title": "another"})).await;
    office.call("POST", &format!("/tasks/{other}/comments"), json!({"message": "elsewhere"})).await.ok();
    let grant = ada.must_take().await;
    ada.log(&grant, 0, &["first line", "second line"]).await.ok();
    office.call("POST", &format!("/tasks/{task}/comments"), json!({"message": "a word"})).await.ok();
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(stream.next().await);
    }
    let texts = |pieces: &[Piece], event: &str, field: &str| {
        let of = pieces.iter().filter(|piece| piece.event == event);
        of.map(|piece| piece.data[field].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&seen, "log", "message"), ["first line", "second line"]);
    assert_eq!(texts(&seen, "comment", "message"), ["a word"]);
    assert_eq!(texts(&seen, "event", "type"), ["tasks.claim", "tasks.start", "tasks.comment"]);

    // Whoever comes back at any place gets exactly the rest.
    for (n, piece) in seen.iter().enumerate().take(seen.len() - 1) {
        let mut again = Reader::open(&office, house.owner(), &path, Some(&piece.id)).await;
        let rest = &seen[n + 1..];
        let mut resumed = Vec::new();
        for _ in rest {
            resumed.push(again.next().await);
        }
        let told = |pieces: &[Piece]| {
            let mut told: Vec<String> = pieces.iter().map(|piece| format!("{} {}", piece.event, piece.data)).collect();
            told.sort();
            told
        };
        assert_eq!(told(&resumed), told(rest), "after {}", piece.id);
    }

    let subtask = office.task(json!({"title": "part", "parentId": task})).await;
    assert_eq!(office.get_task(subtask).await["parent_id"], json!(task));
    loop {
        let piece = stream.next().await;
        if piece.data["task_id"] == json!(subtask) {
            assert_eq!((piece.event.as_str(), &piece.data["type"]), ("event", &json!("tasks.create")));
            break;
        }
    }
    house.close().await;
}

#[tokio::test]
async fn a_place_that_is_gone_is_told() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let task = office.task(json!({"title": "old"})).await;
    house.house.clock.advance(Millis::days(60));
    office.call("POST", "/credits", json!({"amount": 1})).await.ok();
    house.advance(Millis::days(40).0).await;

    let mut events = Reader::open(&office, house.owner(), "/events/stream", Some("0")).await;
    let reset = events.next().await;
    assert_eq!((reset.event.as_str(), &reset.data), ("reset", &json!({"reason": "pruned", "after": 2})));
    assert_eq!((reset.id.as_str(), events.next().await.id.as_str()), ("2", "3"));

    let path = format!("/tasks/{task}/stream");
    for (last, reason) in [("1-0", "pruned"), ("999-0", "unknown")] {
        let mut stream = Reader::open(&office, house.owner(), &path, Some(last)).await;
        let reset = stream.next().await;
        assert_eq!((reset.event.as_str(), &reset.data["reason"]), ("reset", &json!(reason)));
        assert_eq!(stream.next().await.event, "snapshot");
    }
    let bad =
        house.owner().with_header("last-event-id", "nonsense").call("GET", &office.path(&path), Value::Null).await;
    assert_eq!(bad.refused(), (400, "bad_request".to_owned()));
    let none = office.call("GET", "/tasks/99/stream", Value::Null).await.refused();
    assert_eq!(none, (404, "no_such_task".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn an_agents_log_is_followed_over_sessions_pods_and_breaks() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "one", "assignedAgent": "ada"})).await;
    let grant = ada.must_take().await;
    ada.log(&grant, 0, &["a", "b", "c"]).await.ok();
    let file = log_path(&house.house, office.id, ada.agent);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "booting\nready\n").unwrap();

    let path = "/employees/ada/logs?follow=true&tail=2";
    let mut stream = Reader::open(&office, house.owner(), path, None).await;
    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(stream.next().await);
    }
    let texts = |pieces: &[Piece]| {
        pieces
            .iter()
            .map(|piece| format!("{} {}", piece.event, piece.data["text"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(&first), ["log b", "log c", "pod booting", "pod ready"]);

    ada.log(&grant, 3, &["d"]).await.ok();
    assert_eq!(texts(&[stream.next().await]), ["log d"]);
    // The agent reads its own, its colleague doesn't.
    office.hire("ben").await;
    let mut ben = office.runner("ben").await;
    office.task(json!({"title": "two", "assignedAgent": "ben"})).await;
    let other = ben.must_take().await;
    let mut own = Reader::open(&office, ada.harness(&grant), path, None).await;
    assert_eq!(own.next().await.event, "log");
    let refused = office.call_as(&ben.harness(&other), "GET", path, Value::Null).await.refused();
    assert_eq!(refused, (403, "not_yours".to_owned()));
    // The pod's file wakes nobody; a look a second sees it.
    std::fs::rename(&file, file.with_extension("log.1")).unwrap();
    std::fs::write(&file, "next file\n").unwrap();
    let clock = house.house.clock.clone();
    let reading = tokio::spawn(async move { (stream.next().await, stream) });
    while !reading.is_finished() {
        clock.advance(Millis::seconds(1));
        tokio::task::yield_now().await;
    }
    let (piece, _stream) = reading.await.unwrap();
    assert_eq!(texts(&[piece]), ["pod next file"]);

    let mut resumed = Reader::open(&office, house.owner(), path, Some(&first[2].id)).await;
    let mut rest = Vec::new();
    for _ in 0..3 {
        rest.push(resumed.next().await);
    }
    assert_eq!(texts(&rest), ["log d", "pod ready", "pod next file"]);
    std::fs::remove_file(file.with_extension("log.1")).unwrap();
    let mut torn = Reader::open(&office, house.owner(), path, Some(&first[2].id)).await;
    assert_eq!((torn.next().await.event.as_str(), torn.next().await.event.as_str()), ("log", "reset"));

    let bad = office.call("GET", "/employees/ada/logs?follow=perhaps", Value::Null).await.refused();
    assert_eq!(bad, (400, "bad_request".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn an_office_has_so_many_seats_and_one_is_free_again_when_a_client_goes() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"maxAgents": 0})).await.ok();
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(Reader::open(&office, house.owner(), "/events/stream", None).await);
    }
    let full = office.call("GET", "/events/stream", Value::Null).await;
    assert_eq!((full.header("retry-after"), full.clone().refused()), (Some("5"), (503, "busy".to_owned())));
    drop(streams.pop());
    Reader::open(&office, house.owner(), "/events/stream", None).await;
    house.close().await;
}

#[tokio::test]
async fn events_of_one_task_are_listed() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (one, two) = (office.task(json!({"title": "one"})).await, office.task(json!({"title": "two"})).await);
    office.call("POST", &format!("/tasks/{two}/comments"), json!({"message": "hm"})).await.ok();
    let types = |task: i64| async move {
        let reply = office.call("GET", &format!("/events?task={task}"), Value::Null).await;
        let count = reply.header("x-total-count").unwrap().to_owned();
        let listed = reply.ok();
        let types: Vec<String> =
            listed.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
        (count, types)
    };
    assert_eq!(types(one).await, ("1".to_owned(), vec!["tasks.create".to_owned()]));
    assert_eq!(types(two).await, ("2".to_owned(), vec!["tasks.create".to_owned(), "tasks.comment".to_owned()]));
    let bad = office.call("GET", "/events?task=x", Value::Null).await.refused();
    assert_eq!(bad, (400, "bad_request".to_owned()));
    house.close().await;
}
