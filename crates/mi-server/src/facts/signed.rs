//! Signed requests, on every operation that lets an agent in: each counts once.
//!
//! The first copy is answered, every later one is refused, from memory and, after a restart, from the store; and a
//! request whose body, method or address is another is refused before anything is done.

use futures_util::future::join_all;
use mi_core::signing::payload::{STREAMED, X_CONTENT_SHA256};
use mi_core::time::Millis;
use serde_json::{Value, json};

use super::access::MODELS;
use super::samples::{Place, Sample, sample};
use crate::house::operations;
use crate::infra::caller::Access;
use crate::infra::http::Operation;
use crate::testing::{External, SignatureVersion, Signer, Speaker, TestHouse, TestReply};

/// Copies of one request that come together.
const COPIES: usize = 64;
/// Fewer changes that succeed would mean that the office is too empty to say anything.
const CHANGES_MIN: usize = 10;
/// They are asked as changes are, and leave nothing behind that a copy could do again.
const CHANGE_NOTHING: [&str; 2] = ["audit.check", "mcp.answer"];

/// Operations that an agent with a signature may use. Claims come last: who has one must name it.
fn signable() -> Vec<Operation> {
    let admits = |access| matches!(access, Access::Known | Access::Member | Access::Agent | Access::Ticket);
    // Whoever leaves has no key that signs any more: there a copy is refused as anything of theirs.
    let stays = |operation: &Operation| operation.id != "agents.leave";
    let mut all: Vec<Operation> = operations();
    all.retain(|operation| admits(operation.access) && stays(operation));
    all.sort_by_key(|operation| operation.id == "tasks.claim");
    all
}

fn operation(id: &str) -> Operation {
    operations().into_iter().find(|operation| operation.id == id).unwrap()
}

/// An agent in an office that holds what is asked for.
async fn furnished<'a>(house: &'a TestHouse) -> (External<'a>, Place) {
    let office = house.office().await;
    office.lift_hire_limit().await;
    let ada = office.external("ada").await;
    office.task(json!({"title": "work", "assignedAgent": "ada"})).await;
    office.upload("report.md", "words").await;
    let place = Place {
        office: office.id.to_string(),
        name: "ada".to_owned(),
        id: "1".to_owned(),
        session: "1".to_owned(),
        path: "report.md".to_owned(),
        boot_id: "none".to_owned(),
        group: "office".to_owned(),
        backup: "0".to_owned(),
        code: "AAAAAA".to_owned(),
        key_id: "none".to_owned(),
    };
    (ada, place)
}

/// A speaker with the signature of this one request.
fn sealed<'a>(agent: &External<'a>, method: &str, request: &Sample) -> Speaker<'a> {
    let speaker = agent.speaker().sealed(method, &request.path, &request.body);
    match &request.content_type {
        Some(kind) => speaker.with_header("content-type", kind),
        None => speaker,
    }
}

/// Status and code; a stream is left after its head.
async fn ask(speaker: &Speaker<'_>, operation: &Operation, path: &str, body: &[u8]) -> (u16, String) {
    let method = operation.method.as_str();
    if operation.id.ends_with(".stream") {
        let response = speaker.begin(method, path, body.to_vec()).await;
        if response.status().is_success() {
            return (response.status().as_u16(), String::new());
        }
        // Its refusal is whole; the same signature counts only once.
        let reply = TestReply::whole(response, path.to_owned()).await;
        return (reply.status, reply.json["code"].as_str().unwrap_or_default().to_owned());
    }
    let reply = speaker.send(method, path, body.to_vec()).await;
    (reply.status, reply.json["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(code: &str) -> (u16, String) {
    (401, code.to_owned())
}

/// What was sent once, and may be sent again to another life of the server.
struct Sent {
    operation: Operation,
    request: Sample,
    headers: Vec<(String, String)>,
    changed: bool,
}

#[tokio::test]
async fn a_signed_request_counts_once_whatever_it_asks() {
    let house = TestHouse::with_environment(&MODELS).await;
    let mut sent = Vec::new();
    {
        let (ada, place) = furnished(&house).await;
        for operation in signable() {
            let request = sample(&operation, &place);
            let speaker = sealed(&ada, operation.method.as_str(), &request);
            let (status, code) = ask(&speaker, &operation, &request.path, &request.body).await;
            let doubted = ["bad_signature", "timestamp_out_of_range", "replayed"].contains(&code.as_str());
            assert!(!doubted, "{}: {status} {code}", operation.id);
            let again = speaker.send(operation.method.as_str(), &request.path, request.body.clone()).await;
            assert_eq!(again.refused(), refused("replayed"), "{}", operation.id);
            let changed = operation.is_mutating()
                && (200..300).contains(&status)
                && status != 204
                && !CHANGE_NOTHING.contains(&operation.id);
            sent.push(Sent { operation, request, headers: speaker.headers().to_vec(), changed });
        }
    }
    let changes = sent.iter().filter(|one| one.changed).count();
    assert!(changes >= CHANGES_MIN, "only {changes} changes succeeded");
    house.house.clock.advance(Millis::seconds(5));
    let house = house.restart().await;
    for Sent { operation, request, headers, changed } in sent {
        let speaker = headers.iter().fold(house.nobody(), |speaker, (name, value)| speaker.with_header(name, value));
        let reply = speaker.send(operation.method.as_str(), &request.path, request.body).await;
        let known = reply.json["code"] == "replayed";
        assert!(known || !changed, "{}: the store doesn't know it: {}", operation.id, reply.json);
        assert!(known || reply.refused() == refused("timestamp_out_of_range"), "{} after a restart", operation.id);
    }
    house.close().await;
}

/// A key that is younger than the server has signed for no earlier one, so an old time alone is no reason.
#[tokio::test]
async fn after_a_restart_a_new_agent_may_have_a_slow_clock() {
    let house = TestHouse::new().await.restart().await;
    let office = house.office().await;
    let ada = office.external("ada").await;
    let slow = Signer { at: Some(house.now().0 / 1_000 - 50), ..ada.signer() };
    house.nobody().signed_by(slow).call("GET", &office.path("/tasks"), Value::Null).await.ok();
    house.close().await;
}

#[tokio::test]
async fn nonces_go_when_no_signature_with_them_counts() {
    let house = TestHouse::new().await;
    let (ada, _) = furnished(&house).await;
    ada.speaker().call("POST", &ada.office.path("/tasks"), json!({"title": "one"})).await.ok();
    let kept = async || house.nonces_kept(ada.office).await;
    house.advance(120_000).await;
    assert_eq!(kept().await, 1, "longer than it has to be, for a clock that was set back");
    house.advance(600_000).await;
    assert_eq!(kept().await, 0);
    house.close().await;
}

#[tokio::test]
async fn of_many_copies_at_once_one_is_answered() {
    let house = TestHouse::new().await;
    let (ada, place) = furnished(&house).await;
    for id in ["tasks.create", "tasks.comment", "files.upload", "files.list", "tasks.get", "tasks.claim", "mcp.answer"]
    {
        let operation = operation(id);
        let request = sample(&operation, &place);
        let speaker = sealed(&ada, operation.method.as_str(), &request);
        let copies = (0..COPIES).map(|_| ask(&speaker, &operation, &request.path, &request.body));
        let replies = join_all(copies).await;
        let answered = replies.iter().filter(|(status, _)| (200..300).contains(status)).count();
        let repeated = replies.iter().filter(|reply| **reply == refused("replayed")).count();
        assert_eq!((answered, repeated), (1, COPIES - 1), "{id}");
    }
    house.close().await;
}

#[tokio::test]
async fn another_body_method_or_address_is_not_what_was_signed() {
    let house = TestHouse::with_environment(&MODELS).await;
    let (ada, place) = furnished(&house).await;
    let events =
        async || ada.office.call("GET", "/events", Value::Null).await.header("x-total-count").map(str::to_owned);
    let before = events().await;
    for operation in signable() {
        let request = sample(&operation, &place);
        let (path, body) = (request.path.as_str(), request.body.as_slice());
        let signed = || sealed(&ada, operation.method.as_str(), &request);
        let longer = [body, b" "].concat();
        let mut tries = vec![
            ("address", signed(), format!("{path}?limit=1"), body),
            ("method", sealed(&ada, "OPTIONS", &request), path.to_owned(), body),
        ];
        if operation.is_mutating() {
            tries.push(("body", signed(), path.to_owned(), &longer));
            tries.push(("digest", signed().without(X_CONTENT_SHA256), path.to_owned(), body));
            let streamed = signed().without(X_CONTENT_SHA256).with_header(X_CONTENT_SHA256, STREAMED);
            tries.push(("promise", streamed, path.to_owned(), body));
        }
        for (what, speaker, path, body) in tries {
            let reply = ask(&speaker, &operation, &path, body).await;
            assert_eq!(reply, refused("bad_signature"), "{} with another {what}", operation.id);
        }
    }
    assert_eq!(events().await, before);
    house.close().await;
}

#[tokio::test]
async fn a_signature_decides_whatever_key_comes_with_it() {
    let house = TestHouse::new().await;
    let (ada, _) = furnished(&house).await;
    let owner = house.owner().signed_by(ada.signer());
    assert_eq!(owner.call("GET", "/api/v1/whoami", Value::Null).await.ok()["kind"], json!("agent"));
    assert_eq!(owner.call("GET", "/api/v1/offices", Value::Null).await.refused().0, 403);
    let broken = house.owner().with_header("x-signature", "00");
    assert_eq!(broken.call("GET", "/api/v1/whoami", Value::Null).await.refused(), refused("bad_signature"));
    house.close().await;
}

#[tokio::test]
async fn the_time_of_a_signature_is_the_servers_give_or_take_a_minute() {
    let house = TestHouse::new().await;
    let (ada, _) = furnished(&house).await;
    let now = house.now().0 / 1_000;
    for version in [SignatureVersion::One, SignatureVersion::Two] {
        for (apart, fine) in [(0, true), (60, true), (-60, true), (61, false), (-61, false), (-100_000, false)] {
            let signer = Signer { version, at: Some(now + apart), ..ada.signer() };
            let reply = house.nobody().signed_by(signer).call("GET", &ada.office.path("/tasks"), Value::Null).await;
            if fine {
                reply.ok();
                continue;
            }
            assert_eq!(reply.json["server_time"], json!(now), "{apart}");
            assert!(reply.json["hint"].as_str().unwrap().contains(&now.to_string()), "{apart}");
            assert_eq!(reply.refused(), refused("timestamp_out_of_range"), "{apart}");
        }
    }
    house.close().await;
}
