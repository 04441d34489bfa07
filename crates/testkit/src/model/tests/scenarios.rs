//! The shipped scenarios, played as the native harness plays them.

use super::start_shipped;
use super::talk::{MODES, Mode, Talk, WIRES};
use crate::model::ScriptedModel;
use crate::model::scenario::Scenario;
use crate::model::wires::Wire;
use serde_json::Value;

/// Turns after which a scenario that does not come to an end is given up.
const TURNS_MAX: usize = 12;

type Call = (String, Value);

/// Plays until the model finishes or only talks; `tools` answers its calls.
async fn play(model: &ScriptedModel, mut talk: Talk, tools: impl Fn(&str) -> String) -> (Vec<Call>, String) {
    let mut calls = Vec::new();
    for _ in 0..TURNS_MAX {
        let heard = talk.ask(&model.url()).await;
        talk.heard(&heard);
        for (id, name, args) in &heard.calls {
            calls.push((name.clone(), args.clone()));
            talk.result(id, name, &tools(name));
        }
        let ended = heard.calls.iter().any(|call| call.1 == "finish" || call.1 == "block");
        if ended || heard.calls.is_empty() {
            return (calls, heard.text);
        }
    }
    panic!("no end after {TURNS_MAX} turns: {calls:?}");
}

fn prompt(agent: &str, id: u32, title: &str, rest: &str) -> String {
    format!("You work in an office.\nagent: {agent}\ntask id: {id}\ntask title: {title}\n{rest}\n")
}

fn tool(name: &str) -> String {
    match name {
        "read_file" => "package limiter\n\nfunc Allow() bool { return true }".to_owned(),
        "list_files" | "shell" => "rate-limiter.go".to_owned(),
        _ => "ok".to_owned(),
    }
}

fn names(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.0.as_str()).collect()
}

#[tokio::test]
async fn a_specialist_reads_reports_links_and_finishes_on_every_wire() {
    let model = start_shipped("code-review");
    for (wire, mode) in WIRES.into_iter().flat_map(|wire| MODES.map(|mode| (wire, mode))) {
        let prompt = prompt("reviewer", 2, "Find bugs and edge cases", "shared drive:\n/shared/files/rate-limiter.go");
        let (calls, _) = play(&model, Talk::new(wire, mode, "gpt-5.5", &prompt), tool).await;
        assert_eq!(names(&calls), ["read_file", "write_file", "artifact", "finish"], "{wire:?} {mode:?}");
        assert_eq!(calls[0].1["path"], "/shared/files/rate-limiter.go");
        assert_eq!(calls[1].1["path"], "/shared/files/findings-2-reviewer.md");
        assert!(calls[1].1["content"].as_str().unwrap().contains("func Allow()"), "the report quotes what was read");
        assert_eq!(calls[2].1["path"], calls[1].1["path"]);
        assert!(calls[3].1["result"].as_str().unwrap().starts_with("rate-limiter.go: "));
    }
}

#[tokio::test]
async fn the_analyst_reports_on_performance() {
    let model = start_shipped("code-review");
    let prompt = prompt("analyst", 3, "Analyze performance characteristics", "parent: Review rate-limiter.go");
    let talk = Talk::new(Wire::OpenAiChat, Mode::Stream, "gpt-5.5", &prompt);
    let (calls, _) = play(&model, talk, tool).await;
    assert_eq!(names(&calls), ["read_file", "write_file", "artifact", "finish"]);
    assert_eq!(calls[2].1["path"], "/shared/files/performance-3-analyst.md");
}

#[tokio::test]
async fn a_file_that_the_task_does_not_name_is_looked_for() {
    let model = start_shipped("code-review");
    let talk = || Talk::new(Wire::Gemini, Mode::Stream, "gemini-3-pro", &prompt("ada", 5, "Find bugs", ""));
    let (calls, _) = play(&model, talk(), tool).await;
    assert_eq!(names(&calls), ["list_files", "read_file", "write_file", "artifact", "finish"]);
    let (calls, _) = play(&model, talk(), |_| "(nothing)".to_owned()).await;
    assert_eq!(names(&calls), ["list_files", "block"]);
}

#[tokio::test]
async fn the_parent_is_summed_up() {
    let model = start_shipped("code-review");
    let prompt = prompt("ada", 1, "Review rate-limiter.go", "");
    let (calls, _) = play(&model, Talk::new(Wire::Anthropic, Mode::Stream, "sonnet", &prompt), tool).await;
    assert_eq!(names(&calls), ["shell", "finish"]);
    assert!(calls[1].1["result"].as_str().unwrap().ends_with("On the shared drive:\nrate-limiter.go"));
}

#[tokio::test]
async fn a_refused_finish_is_not_tried_for_ever() {
    let model = start_shipped("code-review");
    let mut talk = Talk::new(Wire::OpenAiChat, Mode::Whole, "m", &prompt("ada", 1, "Review it", ""));
    for output in ["a.go", "409 subtasks_open"] {
        let heard = talk.ask(&model.url()).await;
        talk.heard(&heard);
        talk.result(&heard.calls[0].0, &heard.calls[0].1, output);
    }
    let heard = talk.ask(&model.url()).await;
    assert_eq!((heard.calls, heard.text.as_str()), (vec![], "The queue did not take the result: 409 subtasks_open"));
}

#[tokio::test]
async fn saying_done_is_all_that_the_talker_does() {
    let model = start_shipped("says-done");
    for (wire, mode) in WIRES.into_iter().flat_map(|wire| MODES.map(|mode| (wire, mode))) {
        let mut talk = Talk::new(wire, mode, "m", &prompt("ada", 1, "Work", ""));
        let heard = talk.ask(&model.url()).await;
        assert_eq!((heard.text.as_str(), heard.calls.len(), heard.usage), ("I'm done.", 0, Some((600, 0, 4))));
        talk.heard(&heard);
        talk.say("You have not called finish.");
        assert_eq!(talk.ask(&model.url()).await.text, "I'm done.");
    }
}

#[test]
fn every_shipped_scenario_is_also_a_file() {
    for name in ["code-review", "says-done", "errors", "cut"] {
        Scenario::shipped(name).unwrap();
        Scenario::load(format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    }
    assert!(Scenario::shipped("code-revew").is_err());
}
