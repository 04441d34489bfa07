//! Clones and their state, through the routes, and the unpacker against hostile archives.

mod bundles;
mod hostile;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use mi_core::ids::AgentId;
use serde_json::{Value, json};

use self::bundles::*;
use crate::testing::{Speaker, TestHouse, TestOffice, TestReply};

const SEND: &str = "/api/agents/clone/transfer";
const HOUR_MS: i64 = 3_600_000;

/// A clone of ada that waits for its state: its card, and the transfer's id.
async fn waiting(office: &TestOffice<'_>) -> (Value, String) {
    let cloned = office.call("POST", "/employees/ada/clone", json!({})).await.ok();
    let id = cloned["transfer_id"].as_str().unwrap().to_owned();
    (cloned, id)
}

fn workspace(office: &TestOffice<'_>, cloned: &Value) -> PathBuf {
    let agent: AgentId = cloned["clone_id"].as_str().unwrap().parse().unwrap();
    office.house.house.workspace_dir(office.id, agent)
}

async fn send(speaker: &Speaker<'_>, transfer: &str, files: Vec<Value>, tar: &[u8]) -> TestReply {
    speaker.call("POST", SEND, body(transfer, files, &packed(tar))).await
}

async fn good(speaker: &Speaker<'_>, transfer: &str) -> TestReply {
    send(speaker, transfer, vec![file("workspace", "a.txt", b"a")], &archive(&[entry("workspace/a.txt", b"a")])).await
}

#[tokio::test]
async fn a_clone_waits_for_its_state_and_starts_with_it() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "role": "reads", "harness": "command", "command": "true"})).await;
    let (cloned, transfer) = waiting(&office).await;
    assert_eq!((cloned["clone_name"].as_str(), cloned["status"].as_str()), (Some("ada-clone"), Some("waiting")));
    house.settle().await;
    let card = office.call("GET", "/employees/ada-clone", Value::Null).await.ok();
    assert_eq!((card["status"]["phase"].as_str(), card["role"].as_str()), (Some("Stopped"), Some("reads")));
    let long = format!("deep/{}/x.md", "n".repeat(120));
    let mut run = file("workspace", "bin/run", b"#!/bin/sh\n");
    run["mode"] = json!(0o4755);
    let files = vec![run, file("memory", "facts.md", b"one"), file("skills", &long, b"two")];
    let entries = [
        entry("workspace/bin/run", b"#!/bin/sh\n"),
        entry(&format!("skills/{long}"), b"two"),
        entry("memory/facts.md", b"one"),
    ];
    let done = send(&house.owner(), &transfer, files, &archive(&entries)).await.ok();
    assert_eq!((done["status"].as_str(), done["report"]["files"].as_i64()), (Some("done"), Some(3)));
    assert_eq!(done["report"]["bytes"], 16);
    let place = workspace(&office, &cloned);
    assert_eq!(std::fs::read_to_string(place.join("memory/facts.md")).unwrap(), "one");
    assert_eq!(std::fs::read_to_string(place.join("skills").join(&long)).unwrap(), "two");
    let mode = std::fs::metadata(place.join("bin/run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700, "no bit but the right to run is carried");
    let again = house.call("GET", &format!("/api/agents/join/status/{transfer}"), Value::Null).await.ok();
    assert_eq!(again, done);
    assert_eq!(good(&house.owner(), &transfer).await.refused(), (409, "transfer_over".to_owned()));
    let runner = office.runner("ada-clone").await;
    assert_eq!(runner.welcome.epoch, 1);
    house.close().await;
}

#[tokio::test]
async fn an_agent_clones_itself_and_nobody_else_sends_its_state() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (scout, other) = (office.remote("scout").await, office.remote("other").await);
    let cloned = scout.speaker().call("POST", "/api/agents/clone", json!({"name": "scout-2"})).await.ok();
    assert_eq!((cloned["origin_name"].as_str(), cloned["clone_name"].as_str()), (Some("scout"), Some("scout-2")));
    let transfer = cloned["transfer_id"].as_str().unwrap();
    let status = format!("/api/agents/join/status/{transfer}");
    for stranger in
        [other.speaker(), house.as_key(&house.key_of(house.stranger().await, crate::testing::KeyState::Good).await)]
    {
        assert_eq!(good(&stranger, transfer).await.refused(), (404, "no_such_transfer".to_owned()));
        assert_eq!(stranger.call("GET", &status, Value::Null).await.refused(), (404, "no_such_transfer".to_owned()));
    }
    // The owner may look; the state is the agent's to send.
    assert_eq!(house.call("GET", &status, Value::Null).await.ok()["status"], "waiting");
    assert_eq!(good(&house.owner(), transfer).await.refused(), (404, "no_such_transfer".to_owned()));
    good(&scout.speaker(), transfer).await.ok();
    let card = office.call("GET", "/employees/scout-2", Value::Null).await.ok();
    assert_eq!((card["kind"].as_str(), card["spawnedBy"].as_str()), (Some("hosted"), Some("scout")));
    let foreign = scout.speaker().call("POST", &office.path("/employees/other/clone"), json!({})).await;
    assert_eq!(foreign.refused(), (403, "not_yours".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_clone_that_went_on_without_its_state_takes_none() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    office.hire("ada").await;
    let (_, late) = waiting(&office).await;
    house.advance(HOUR_MS).await;
    assert_eq!(good(&house.owner(), &late).await.refused(), (409, "transfer_over".to_owned()));
    let status = house.call("GET", &format!("/api/agents/join/status/{late}"), Value::Null).await.ok();
    assert_eq!(status["status"], "expired");
    let (cloned, started) = waiting(&office).await;
    let name = cloned["clone_name"].as_str().unwrap();
    assert_eq!(name, "ada-clone-2");
    office.call("POST", &format!("/employees/{name}/lifecycle"), json!({"action": "start"})).await.ok();
    assert_eq!(good(&house.owner(), &started).await.refused(), (409, "transfer_over".to_owned()));
    let (cloned, fired) = waiting(&office).await;
    office.call("DELETE", &format!("/employees/{}", cloned["clone_name"].as_str().unwrap()), Value::Null).await.ok();
    assert_eq!(good(&house.owner(), &fired).await.refused(), (409, "transfer_over".to_owned()));
    house.close().await;
}

/// What it is, its manifest, its entries, and what the refusal says.
type HostileCase = (&'static str, Vec<Value>, Vec<Vec<u8>>, &'static str);

/// Each is refused whole, and the next, honest one is accepted as if nothing had been.
#[tokio::test]
async fn a_bundle_that_is_refused_leaves_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let (cloned, transfer) = waiting(&office).await;
    let place = workspace(&office, &cloned);
    let (a, b) = (file("workspace", "a", b"a"), file("workspace", "b", b"b"));
    let named = |path: &str| file("workspace", path, b"a");
    let mut lie = a.clone();
    lie["sha256"] = json!(sha256(b"b"));
    let (ea, eb) = (entry("workspace/a", b"a"), entry("workspace/b", b"b"));
    let cases: Vec<HostileCase> = vec![
        ("a way out", vec![named("../a")], vec![entry("workspace/../a", b"a")], "bad_bundle"),
        ("an absolute path", vec![named("/etc/a")], vec![entry("workspace//etc/a", b"a")], "bad_bundle"),
        ("a secret", vec![named(".ssh/id_rsa")], vec![entry("workspace/.ssh/id_rsa", b"a")], "bad_bundle"),
        ("one name but for case", vec![named("a"), named("A")], vec![ea.clone()], "bad_bundle"),
        ("a file that is a folder", vec![named("a"), named("a/b")], vec![ea.clone()], "bad_bundle"),
        ("a link", vec![a.clone()], vec![oddity("workspace/a", b'2', "/etc/passwd")], "bad_bundle"),
        ("a hard link", vec![a.clone()], vec![oddity("workspace/a", b'1', "/etc/passwd")], "bad_bundle"),
        ("a device", vec![a.clone()], vec![oddity("workspace/a", b'3', "")], "bad_bundle"),
        ("a pipe", vec![a.clone()], vec![oddity("workspace/a", b'6', "")], "bad_bundle"),
        ("a stowaway", vec![a.clone()], vec![ea.clone(), eb.clone()], "bad_bundle"),
        ("a way out in the archive", vec![a.clone()], vec![entry("../../a", b"a")], "bad_bundle"),
        ("the same twice", vec![a.clone()], vec![ea.clone(), ea.clone()], "bad_bundle"),
        ("another size", vec![a.clone()], vec![entry("workspace/a", b"aa")], "bad_bundle"),
        ("one too few", vec![a.clone(), b.clone()], vec![ea.clone()], "bad_bundle"),
        ("another content", vec![b, lie], vec![eb, ea.clone()], "digest_mismatch"),
    ];
    for (what, files, entries, code) in cases {
        let reply = send(&house.owner(), &transfer, files, &archive(&entries)).await;
        assert_eq!(reply.refused(), (400, code.to_owned()), "{what}");
        let left: Vec<_> = std::fs::read_dir(place.parent().unwrap())
            .map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect())
            .unwrap_or_default();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{what} left {left:?}");
        assert!(!place.exists(), "{what}");
    }
    let nonsense = house.owner().call("POST", SEND, body(&transfer, vec![a.clone()], b"no frame")).await;
    assert_eq!(nonsense.refused(), (400, "bad_bundle".to_owned()));
    let no_bundle = house.owner().call("POST", SEND, json!({"transfer_id": transfer, "manifest": {"files": []}})).await;
    assert_eq!(no_bundle.refused(), (400, "bad_request".to_owned()));
    send(&house.owner(), &transfer, vec![a], &archive(&[ea])).await.ok();
    assert_eq!(std::fs::read_to_string(place.join("a")).unwrap(), "a");
    house.close().await;
}
