//! Errors in the providers' shapes, slow answers, answers that break off, requests that no provider takes.

use super::heard::{Heard, events};
use super::talk::{MODES, Mode, Talk, WIRES, client, post};
use super::{start, start_shipped};
use crate::model::ScriptedModel;
use crate::model::scenario::Scenario;
use crate::model::wires::Wire;
use serde_json::{Value, json};

/// The word by which each wire names a status.
fn error_word(wire: Wire, body: &Value) -> String {
    let word = match wire {
        Wire::OpenAiResponses | Wire::OpenAiChat => &body["error"]["type"],
        Wire::Anthropic => {
            assert_eq!(body["type"], "error");
            &body["error"]["type"]
        }
        Wire::Gemini => &body["error"]["status"],
    };
    assert!(!body["error"]["message"].as_str().unwrap().is_empty());
    word.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_wire_shapes_the_errors_as_its_provider_does() {
    let model = start_shipped("errors");
    let table = [
        (401, ["invalid_request_error", "authentication_error", "UNAUTHENTICATED"]),
        (402, ["insufficient_quota", "billing_error", "FAILED_PRECONDITION"]),
        (429, ["requests", "rate_limit_error", "RESOURCE_EXHAUSTED"]),
        (500, ["server_error", "api_error", "INTERNAL"]),
        (529, ["server_error", "overloaded_error", "UNAVAILABLE"]),
    ];
    for (status, [openai, anthropic, gemini]) in table {
        for (wire, mode) in WIRES.into_iter().flat_map(|wire| MODES.map(|mode| (wire, mode))) {
            let response = Talk::new(wire, mode, &format!("m-{status}"), "hi").send(&model.url()).await;
            assert_eq!(response.status(), status);
            let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(retry_after.as_deref(), (status == 429).then_some("2"));
            let expected = match wire {
                Wire::OpenAiResponses | Wire::OpenAiChat => openai,
                Wire::Anthropic => anthropic,
                Wire::Gemini => gemini,
            };
            assert_eq!(error_word(wire, &response.json().await.unwrap()), expected);
        }
    }
}

#[tokio::test]
async fn a_flaky_provider_fails_once() {
    let model = start_shipped("errors");
    let talk = Talk::new(Wire::OpenAiChat, Mode::Whole, "m-flaky", "hi");
    assert_eq!(talk.send(&model.url()).await.status(), 500);
    assert_eq!(talk.ask(&model.url()).await.calls[0].1, "finish");
}

#[tokio::test]
async fn a_key_is_demanded_wherever_its_provider_wants_it() {
    let scenario = Scenario::parse("[[rule]]\nsay = \"hello\"").unwrap().with_key("sk-1");
    let model = ScriptedModel::start(scenario).unwrap();
    let body = Talk::new(Wire::OpenAiChat, Mode::Whole, "m", "hi").body();
    let url = format!("{}/v1/chat/completions", model.url());
    let status = async |name: &'static str, value: &'static str| {
        client().post(&url).json(&body).header(name, value).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("authorization", "Bearer sk-1").await, 200);
    assert_eq!(status("x-api-key", "sk-1").await, 200);
    assert_eq!(status("x-goog-api-key", "sk-1").await, 200);
    assert_eq!(status("authorization", "Bearer sk-2").await, 401);
    assert_eq!(status("accept", "*/*").await, 401);
    assert_eq!(client().post(format!("{url}?key=sk-1")).json(&body).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_slow_answer_waits_for_its_gate() {
    for (wire, mode) in WIRES.into_iter().flat_map(|wire| MODES.map(|mode| (wire, mode))) {
        let model = start_shipped("errors");
        let talk = Talk::new(wire, mode, "m-slow", "hi");
        let base = model.url();
        let mut answer = Box::pin(talk.ask(&base));
        tokio::select! {
            heard = &mut answer => panic!("answered before the gate was opened: {heard:?}"),
            requests = model.wait_for_requests(1) => assert_eq!(requests.unwrap().len(), 1),
        }
        model.open_gate("slow").unwrap();
        assert_eq!(answer.await.calls[0].2, json!({"result": "Late, but well."}));
    }
}

#[tokio::test]
async fn a_stalled_stream_has_begun_before_it_stands_still() {
    for wire in WIRES {
        let model = start_shipped("errors");
        let mut response = Talk::new(wire, Mode::Stream, "m-stall", "hi").send(&model.url()).await;
        let mut text = String::new();
        while events(&text).len() < 2 {
            text += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
        }
        assert_eq!(events(&text).len(), 2, "{wire:?}");
        model.open_gate("stall").unwrap();
        while let Some(chunk) = response.chunk().await.unwrap() {
            text += std::str::from_utf8(&chunk).unwrap();
        }
        assert_eq!(Heard::read(wire, Mode::Stream, &text).text, "This takes its time.");
    }
}

#[tokio::test]
async fn a_gate_must_exist_and_a_dropped_server_leaves_nobody_waiting() {
    let model = start_shipped("errors");
    assert!(model.open_gate("slwo").is_err());
    let talk = Talk::new(Wire::Anthropic, Mode::Stream, "m-slow", "hi");
    let request = client().post(format!("{}{}", model.url(), talk.path())).json(&talk.body());
    let waiting = tokio::spawn(request.send());
    model.wait_for_requests(1).await.unwrap();
    drop(model);
    assert!(waiting.await.unwrap().is_err());
}

/// What arrived of an answer, and whether its body ended in good order.
async fn read_to_the_cut(mut response: reqwest::Response) -> (String, bool) {
    let mut bytes = Vec::new();
    let ended = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    (String::from_utf8(bytes).unwrap(), ended)
}

#[tokio::test]
async fn a_cut_stream_keeps_what_came_before_and_never_its_end() {
    let model = start_shipped("cut");
    for wire in WIRES {
        let cut = async |name: &str| {
            let response = Talk::new(wire, Mode::Stream, name, "hi").send(&model.url()).await;
            assert_eq!(response.status(), 200);
            let (text, ended) = read_to_the_cut(response).await;
            (events(&text).len(), ended)
        };
        // Gemini sends a call whole, so its answer of two chunks breaks off before the last.
        let expected = if wire == Wire::Gemini { 1 } else { 4 };
        assert_eq!(cut("m-cut-call").await, (expected, false), "{wire:?}");
        assert_eq!(cut("m-cut-end").await, (expected, true), "{wire:?}");
        let (text, ended) =
            read_to_the_cut(Talk::new(wire, Mode::Stream, "m-garbage", "hi").send(&model.url()).await).await;
        assert!(ended && text.ends_with("data: {\"type\": \"gar\n\n"), "{wire:?}: {text}");
        assert_eq!(cut("m-cut-text").await, (2, false), "{wire:?}");
    }
}

#[tokio::test]
async fn a_cut_body_breaks_off_in_its_middle() {
    let model = start_shipped("cut");
    for wire in WIRES {
        let (text, ended) =
            read_to_the_cut(Talk::new(wire, Mode::Whole, "m-cut-call", "hi").send(&model.url()).await).await;
        assert!(!ended && !text.is_empty(), "{wire:?}");
        assert!(serde_json::from_str::<Value>(&text).is_err());
    }
    let talk = Talk::new(Wire::Gemini, Mode::Whole, "m-cut-once", "hi");
    assert!(!read_to_the_cut(talk.send(&model.url()).await).await.1);
    assert_eq!(talk.ask(&model.url()).await.calls[0].2, json!({"result": "The second try arrived."}));
}

#[tokio::test]
async fn what_no_provider_takes_is_refused() {
    let model = start("[[rule]]\nwhen = { model = \"m\" }\nsay = \"{{agent}}\"");
    let refused = async |path: &str, body: Value, words: &str| {
        let response = post(&model.url(), path, &body).await;
        assert_eq!(response.status(), 400, "{path} {body}");
        let body: Value = response.json().await.unwrap();
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    };
    let chat = "/v1/chat/completions";
    refused(chat, json!("hello"), "messages: a list is required").await;
    refused(chat, json!({"model": "m", "messages": []}), "too short").await;
    refused(chat, json!({"messages": [{"role": "user", "content": "hi"}]}), "model: a string is required").await;
    refused(chat, json!({"model": "m", "messages": [{"role": "robot", "content": "hi"}]}), "'robot'").await;
    refused("/v1/messages", json!({"model": "m", "messages": []}), "max_tokens: Field required").await;
    refused("/v1/responses", json!({"model": "m", "previous_response_id": "resp_1"}), "Previous response").await;
    refused("/v1beta/models/m:embedContent", json!({"contents": [{"parts": []}]}), "embedContent").await;
    let other = json!({"model": "x", "messages": [{"role": "user", "content": "hi"}]});
    refused(chat, other, "no rule of the scenario answers model x at turn 0").await;
    let unfilled = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    refused(chat, unfilled, "the conversation has no `agent`").await;
}

#[tokio::test]
async fn a_lost_tool_result_is_refused_as_the_providers_do() {
    let model = start("[[rule]]\ncall = [{ tool = \"shell\" }]");
    for wire in [Wire::OpenAiResponses, Wire::OpenAiChat, Wire::Anthropic] {
        let mut talk = Talk::new(wire, Mode::Whole, "m", "hi");
        let heard = talk.ask(&model.url()).await;
        assert_eq!(heard.calls[0].2, json!({}));
        talk.heard(&heard);
        assert_eq!(talk.send(&model.url()).await.status(), 400, "{wire:?} without a result");
        talk.result(&heard.calls[0].0, "shell", "ok");
        assert_eq!(talk.send(&model.url()).await.status(), 200, "{wire:?}");
        talk.result("call_unknown", "shell", "ok");
        assert_eq!(talk.send(&model.url()).await.status(), 400, "{wire:?} with a result of nothing");
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_and_recorded() {
    let model = start("[[rule]]\nsay = \"hello\"");
    let response = client().post(format!("{}/v1/messages", model.url())).body("{oops").send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(model.requests()[0].body, json!("{oops"));
}
