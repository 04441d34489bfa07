//! The programs of other vendors, each with the tools that it offers: the shipped scenario drives every one of them.

use super::super::tools::{Offered, Takes, wanted};
use super::talk::{Mode, Talk};
use super::{start, start_shipped};
use crate::model::wires::Wire;
use serde_json::{Value, json};

const PROMPT: &str =
    "You may read src/other.ts.\nagent: ada\ntask id: 7\ntask title: Find bugs\n/shared/files/queue.go";

fn function(name: &str) -> Value {
    json!({"type": "function", "name": name, "parameters": {"type": "object"}})
}

/// What the program asks of its model, and what it calls the tools it is told to use.
async fn called(wire: Wire, tools: Value) -> Vec<(String, Value)> {
    let model = start_shipped("code-review");
    let mut talk = Talk::new(wire, Mode::Stream, "m", PROMPT).offering(tools);
    let mut calls = Vec::new();
    for _ in 0..4 {
        let heard = talk.ask(&model.url()).await;
        talk.heard(&heard);
        let (id, name, arguments) = heard.calls[0].clone();
        talk.result(&id, &name, "package queue");
        calls.push((name, arguments));
    }
    calls
}

fn names(calls: &[(String, Value)]) -> Vec<&str> {
    calls.iter().map(|call| call.0.as_str()).collect()
}

#[tokio::test]
async fn claude_code_is_driven_by_its_own_tools_and_ours() {
    let ours = ["mcp__mitosis__task_artifact", "mcp__mitosis__task_done"];
    let names_of = ["Bash", "Read", "Write"].into_iter().chain(ours);
    let tools: Value = names_of.map(|name| json!({"name": name, "input_schema": {}})).collect();
    let calls = called(Wire::Anthropic, tools).await;
    assert_eq!(names(&calls), ["Read", "Write", ours[0], ours[1]]);
    assert_eq!(
        calls[0].1,
        json!({"file_path": "/shared/files/queue.go"}),
        "the task's file, not the program's own talk"
    );
    assert_eq!(calls[1].1["file_path"], "/shared/files/findings-7-ada.md");
}

#[tokio::test]
async fn codex_patches_and_speaks_to_the_queue_in_its_shell() {
    let patching = json!({"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}});
    let calls = called(Wire::OpenAiResponses, json!([function("exec_command"), patching])).await;
    assert_eq!(names(&calls), ["exec_command", "apply_patch", "exec_command", "exec_command"]);
    assert_eq!(calls[0].1, json!({"cmd": "cat '/shared/files/queue.go'"}));
    let patch = calls[1].1.as_str().unwrap();
    assert!(
        patch.starts_with("*** Begin Patch\n*** Add File: /shared/files/findings-7-ada.md\n+# Find bugs\n"),
        "{patch}"
    );
    assert_eq!(calls[2].1["cmd"], "tq artifact '/shared/files/findings-7-ada.md' --label 'Findings'");
    assert!(calls[3].1["cmd"].as_str().unwrap().starts_with("tq done 'queue.go: "));
}

#[tokio::test]
async fn codex_without_patches_writes_in_its_shell_and_calls_tools_in_their_group() {
    let group = json!({"type": "namespace", "name": "mcp__mitosis", "tools": [function("task_artifact"), function("task_done")]});
    let calls = called(Wire::OpenAiResponses, json!([function("exec_command"), group])).await;
    assert_eq!(names(&calls), ["exec_command", "exec_command", "task_artifact", "task_done"]);
    assert!(calls[1].1["cmd"].as_str().unwrap().starts_with("printf %s '# Find bugs\n"));
    let offered = Offered { namespace: Some("mcp__mitosis".to_owned()), ..Offered::function("task_done") };
    let wanted = wanted(&[Offered::function("exec_command"), offered.clone()], "finish", json!({})).unwrap();
    assert_eq!((wanted.tool, offered.takes), (offered, Takes::Arguments));
}

#[tokio::test]
async fn gemini_cli_is_driven_by_its_own_tools() {
    let names_of = ["run_shell_command", "read_file", "write_file", "mcp_mitosis_task_done"];
    let functions: Vec<Value> = names_of.into_iter().map(|name| json!({"name": name})).collect();
    let calls = called(Wire::Gemini, json!([{"functionDeclarations": functions}])).await;
    assert_eq!(names(&calls), ["read_file", "write_file", "run_shell_command", "mcp_mitosis_task_done"]);
    assert_eq!(calls[0].1, json!({"file_path": "/shared/files/queue.go"}));
}

#[tokio::test]
async fn chat_programs_write_their_arguments_as_text() {
    let tools = json!([{"type": "function", "function": {"name": "exec_command"}}]);
    let calls = called(Wire::OpenAiChat, tools).await;
    assert_eq!(names(&calls), ["exec_command"; 4], "what was done is read from the arguments");
}

#[tokio::test]
async fn a_tool_that_nobody_offers_is_said() {
    let model = start("[[rule]]\ncall = [{ tool = \"dance\" }]\n");
    let talk = Talk::new(Wire::OpenAiResponses, Mode::Stream, "m", "hi").offering(json!([function("exec_command")]));
    let answer = talk.send(&model.url()).await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("the caller offers no tool for `dance`"));
}

#[tokio::test]
async fn tokens_are_counted_without_an_answer() {
    let model = start_shipped("says-done");
    for (path, field) in [
        ("/anthropic/v1/messages/count_tokens", "input_tokens"),
        ("/gemini/v1beta/models/m:countTokens", "totalTokens"),
    ] {
        let body: Value = super::talk::post(&model.url(), path, &json!({"model": "m"})).await.json().await.unwrap();
        assert_eq!(body[field], 4, "{path}");
    }
    assert!(model.requests().is_empty(), "counting is no request for an answer");
}
