//! The native harness over every wire, and models that don't do what they say.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use testkit::model::ScriptedModel;
use testkit::model::scenario::Scenario;
use tests::{House, LONG, Office, SHORT, Server, Start, example};

const KEY: &str = "sk-scripted-0f3a77";

fn keyed(start: Start) -> Start {
    let names = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"];
    names.into_iter().fold(start, |start, name| start.with_env(name, KEY))
}

fn pointed_at(model: &ScriptedModel) -> Start {
    let start = keyed(Start::default()).with_env("OPENAI_BASE_URL", format!("{}/openai/v1", model.url()));
    let start = start.with_env("ANTHROPIC_BASE_URL", format!("{}/anthropic", model.url()));
    start.with_env("GEMINI_BASE_URL", format!("{}/gemini", model.url()))
}

/// An agent of that provider does one task from end to end.
fn one_task(office: Office<'_>, name: &str, provider: &str) {
    office.mi(&["agents", "hire", "--name", name, "--provider", provider]).ok();
    let task = office.task("Find bugs and edge cases", &["--assignedAgent", name]);
    let detail = office.await_status(task, "done", SHORT);
    assert_eq!(detail["artifacts"].as_array().unwrap().len(), 1, "{provider}: {detail:#}");
    assert_eq!(detail["task"]["attempts"], 1, "{provider}: {detail:#}");
    assert!(detail["sessions"][0]["output_tokens"].as_i64() > Some(0), "{provider}: {detail:#}");
}

#[test]
fn a_task_is_done_over_each_wire() {
    let model = ScriptedModel::start(Scenario::shipped("code-review").unwrap().with_key(KEY)).unwrap();
    let house = House::new();
    for (wire, agents) in [
        (
            "chat",
            vec![
                ("oda", "openai-codex", "/chat/completions"),
                ("ada", "claude-code", "/messages"),
                ("gus", "google", "GenerateContent"),
            ],
        ),
        ("responses", vec![("rea", "openai-codex", "/responses")]),
    ] {
        let server = Server::start_with(&house, &pointed_at(&model).with_env("MI_OPENAI_WIRE", wire));
        let office = Office::create(&server, wire);
        office.push("queue.go", &fs::read(example("queue.go")).unwrap());
        for (name, provider, path) in agents {
            let before = model.requests().len();
            one_task(office, name, provider);
            let asked = model.requests().split_off(before);
            assert!(
                !asked.is_empty() && asked.iter().all(|request| request.path.contains(path)),
                "{provider}: {asked:#?}"
            );
        }
        let calls = office.read("/usage/llm/summary");
        assert!(calls["total_tokens"].as_i64() > Some(0), "{calls:#}");
        assert!(server.stop().success());
    }
}

/// A model that only talks has not finished: every attempt counts, and at the last one the task has failed.
#[test]
fn a_model_that_says_done_has_not_finished() {
    let model = ScriptedModel::start(Scenario::shipped("says-done").unwrap()).unwrap();
    let house = House::new();
    let server = Server::start_with(&house, &pointed_at(&model));
    let office = Office::create(&server, "talk");
    office.set(&serde_json::json!({"taskMaxAttempts": 2}));
    office.mi(&["agents", "hire", "--name", "ada", "--provider", "openai-codex"]).ok();
    let task = office.task("Do something real", &[]);
    let again = office.await_task(task, "offered again", SHORT, |task| task["why"]["code"] == "backing_off");
    assert_eq!((&again["task"]["status"], &again["task"]["attempts"]), (&"queued".into(), &1.into()), "{again:#}");
    let failed = office.await_status(task, "failed", LONG);
    let (error, logs) = (failed["task"]["error"].as_str().unwrap(), failed["logs"].to_string());
    assert!(error.contains("2 of 2 attempts"), "{error}");
    assert!(logs.contains("I'm done."), "what the model said is in the log: {logs}");
    assert!(logs.contains("attempt_lost"), "{logs}");
    assert_eq!(failed["sessions"].as_array().unwrap().len(), 2, "{failed:#}");
    office.mi(&["tasks", "watch", &task.to_string()]).fails(1, &["failed", "2 of 2 attempts"]);
    office.mi(&["tasks", "retry", &task.to_string()]).ok();
    assert!(server.stop().success());
}

/// An answer that breaks off is asked for again; a call in it is never carried out.
#[test]
fn a_broken_answer_is_asked_for_again() {
    let model = ScriptedModel::start(Scenario::shipped("cut").unwrap()).unwrap();
    let house = House::new();
    let server = Server::start_with(&house, &pointed_at(&model));
    let office = Office::create(&server, "cut");
    office.set(&serde_json::json!({"taskMaxAttempts": 1}));
    for (name, model) in [("once", "m-cut-once"), ("ever", "m-cut-call")] {
        office.mi(&["agents", "hire", "--name", name, "--provider", "openai-codex", "--model", model]).ok();
    }
    let once = office.task("Survive a cut", &["--assignedAgent", "once"]);
    let ever = office.task("Never hear the end", &["--assignedAgent", "ever"]);
    assert_eq!(office.await_status(once, "done", LONG)["task"]["result_summary"], "The second try arrived.");
    let failed = office.await_status(ever, "failed", LONG);
    assert!(failed["task"]["result_summary"].is_null(), "{failed:#}");
    assert!(server.stop().success());
}

/// A proxy looks names up by itself, and nobody would judge what an office's name leads to.
#[test]
fn an_offices_own_address_is_never_reached_through_the_servers_proxy() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        // Hangs up on everybody.
        for _connection in listener.incoming() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let house = House::new();
    let server = Server::start_with(&house, &Start::default().with_env("HTTPS_PROXY", proxy));
    let office = Office::create(&server, "own");
    let set = |integration: &str, body: serde_json::Value| {
        let answer = office.call("POST", &format!("/integrations/{integration}/secret"), Some(&body));
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert!(answer.json()["metadata"]["note"].as_str().unwrap().contains("can't be reached"), "{}", answer.json());
        asked.load(Ordering::Relaxed)
    };
    let own = serde_json::json!({"OPENAI_BASE_URL": "https://models.invalid/v1", "key": "sk-own"});
    assert_eq!(set("openai", own), 0);
    assert!(set("claude-code", serde_json::json!({"key": "sk-own"})) > 0, "a provider of ours is reached through it");
    assert!(server.stop().success());
}
