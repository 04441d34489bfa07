//! Answers that come whole, or are wanted whole.

use serde_json::{Value, json};

use super::reader::{answering, hear, heard};
use super::streams::RECORDED;
use crate::gateway::translate::request::Delivery;

fn whole() -> Value {
    let call = json!({"id": "c", "type": "function", "function": {"name": "mcp__mi__tasks_get", "arguments": "{}"}});
    let message = json!({"role": "assistant", "content": "Look.", "reasoning_content": "Hm.", "tool_calls": [call]});
    json!({"id": "x", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": null}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}})
}

/// The response that a caller gets who wants no events.
fn response(body: &str, comes: Delivery) -> Value {
    let mut answering = answering(Delivery::Whole, comes);
    for piece in body.as_bytes().chunks(11) {
        assert!(answering.feed(piece).is_empty());
    }
    serde_json::from_slice(&answering.end()).unwrap()
}

#[test]
fn a_whole_answer_is_a_whole_response() {
    let found = response(&whole().to_string(), Delivery::Whole);
    let kinds: Vec<&Value> = found["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call"]);
    assert_eq!((&found["status"], &found["usage"]["total_tokens"]), (&json!("completed"), &json!(7)));
    assert_eq!(found["output"][2]["namespace"], "mcp__mi");
}

#[test]
fn a_provider_that_doesnt_stream_is_told_in_events_all_the_same() {
    let mut answering = answering(Delivery::Events, Delivery::Whole);
    let mut told = answering.feed(whole().to_string().as_bytes());
    told.extend(answering.end());
    assert_eq!(heard(&told).response, response(&whole().to_string(), Delivery::Whole));
}

#[test]
fn a_provider_that_streams_unasked_is_collected() {
    for stream in RECORDED {
        assert_eq!(response(stream, Delivery::Events), hear(stream).response);
    }
}

#[test]
fn what_is_no_answer_is_a_failed_response() {
    for (body, code) in [
        ("", "server_error"),
        ("<html>", "server_error"),
        ("{}", "server_error"),
        (r#"{"choices":[]}"#, "server_error"),
        (r#"{"error":{"message":"m","code":429}}"#, "rate_limit_exceeded"),
    ] {
        let found = response(body, Delivery::Whole);
        assert_eq!((&found["status"], &found["error"]["code"]), (&json!("failed"), &json!(code)), "{body}");
    }
    let mut long = answering(Delivery::Whole, Delivery::Whole);
    for _ in 0..20 {
        assert!(long.feed(&vec![b' '; 1 << 20]).is_empty());
    }
    let found: Value = serde_json::from_slice(&long.end()).unwrap();
    assert_eq!(found["error"]["message"], "the model's answer is too long");
}
