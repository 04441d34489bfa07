//! A caller of Responses at a provider that speaks only chats, through the routes.

use axum::http::Method;
use bytes::Bytes;
use http_body_util::BodyExt;
use mi_core::time::Millis;
use serde_json::{Value, json};

use super::bench::{Bench, Got};
use super::upstream::{End, Script, Upstream};

const KEY: &str = "sk-of-the-office";
const CHAT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"I look.\"}}]}\n\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":\
    {\"name\":\"mcp__mi__tasks_get\",\"arguments\":\"{}\"}}]}}]}\n\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n\
    data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
const WHOLE: &str = r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":3,"completion_tokens":4}}"#;

/// A provider of which it is said that it speaks only chats.
async fn bench(script: Script) -> (Bench, Upstream) {
    let upstream = Upstream::new(script).await;
    let base = format!("{}/v1", upstream.base);
    let variables = [("OPENAI_BASE_URL", base.as_str()), ("OPENAI_API_KEY", KEY), ("MI_OPENAI_WIRE", "chat")];
    (Bench::new(&variables).await, upstream)
}

fn request(stream: Value) -> Value {
    let inner = json!([{"type": "function", "name": "tasks_get"}]);
    json!({"model": "qwen3", "instructions": "Be brief.", "input": "hi", "stream": stream, "tools": [
        {"type": "namespace", "name": "mcp__mi", "tools": inner}, {"type": "web_search"}]})
}

/// The same without a tool that the provider runs, as our settings make Codex ask: it isn't sent to one that knows Responses.
fn plain(stream: Value) -> Value {
    let mut asked = request(stream);
    asked["tools"].as_array_mut().unwrap().pop();
    asked
}

/// The type of every event, and the response of the last one.
fn events(got: &[u8]) -> (Vec<String>, Value) {
    let text = std::str::from_utf8(got).unwrap();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = events.map(|data| serde_json::from_str(data).unwrap()).collect();
    let kinds = events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    (kinds, events.last().unwrap_or_else(|| panic!("no event in {text:?}"))["response"].clone())
}

async fn call(bench: &Bench, body: Value) -> Got {
    bench.call("/llm/openai-codex/v1/responses", body).await
}

async fn recorded(bench: &Bench) -> Value {
    bench.get(&bench.at("/usage/llm")).await.json()
}

#[tokio::test]
async fn a_streamed_call_is_turned_there_and_back_and_billed_by_the_chats_numbers() {
    let (bench, upstream) = bench(Script::events(CHAT)).await;
    let headers = [("x-codex-turn-metadata", "secret"), ("session-id", "s"), ("accept", "text/event-stream")];
    let body = Bytes::from(request(json!(true)).to_string());
    let path = "/llm/openai-codex/v1/responses";
    let got = bench.send(Method::POST, path, &bench.credential, &headers, body).await;
    assert_eq!((got.status, got.headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    assert_eq!(got.headers["x-mi-left-out-tools"], "web_search");
    let (kinds, response) = events(&got.body);
    assert_eq!((kinds[0].as_str(), kinds[kinds.len() - 1].as_str()), ("response.created", "response.completed"));
    let item = &response["output"][1];
    assert_eq!((&item["name"], &item["namespace"]), (&json!("tasks_get"), &json!("mcp__mi")));
    assert_eq!(response["usage"]["total_tokens"], 12);

    let seen = upstream.seen();
    assert_eq!(seen.line, "POST /v1/chat/completions");
    assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    assert!(seen.headers.keys().all(|name| !name.as_str().contains("codex") && name != "session-id"));
    let sent: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "Be brief."}));
    assert_eq!(sent["stream_options"], json!({"include_usage": true}));

    let call = &recorded(&bench).await[0];
    assert_eq!((&call["model"], &call["status"]), (&json!("qwen3"), &json!(200)));
    assert_eq!((&call["input_tokens"], &call["output_tokens"]), (&json!(10), &json!(2)));
    bench.close().await;
}

#[tokio::test]
async fn a_whole_answer_is_a_whole_response_and_a_stream_where_one_was_wanted() {
    let (bench, upstream) = bench(Script::json(200, WHOLE)).await;
    let got = call(&bench, request(json!(false))).await;
    assert_eq!(got.headers["content-type"], "application/json");
    assert_eq!(got.json()["output"][0]["content"][0]["text"], "hi");
    let got = call(&bench, request(json!(true))).await;
    assert_eq!(got.headers["content-type"], "text/event-stream");
    assert_eq!(events(&got.body).1["output"][0]["content"][0]["text"], "hi");
    assert_eq!(upstream.calls(), 2);
    let calls = recorded(&bench).await;
    assert!(calls.as_array().unwrap().iter().all(|call| call["output_tokens"] == 4), "{calls}");
    bench.close().await;
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_looks_like_openais() {
    let (bench, _upstream) = bench(Script::json(404, r#"{"error":"no model sk-of-the-office"}"#)).await;
    let got = call(&bench, request(json!(true))).await;
    let error = json!({"message": "no model ***", "type": "invalid_request_error", "param": null, "code": null});
    assert_eq!((got.status, got.json()), (404, json!({"error": error})));
    assert_eq!(recorded(&bench).await[0]["credits"], 0);
    bench.close().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told_and_what_was_seen_is_billed() {
    // What comes last may be lost with the connection, so the event that counts doesn't.
    const HALF: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"I\"}}],\"usage\":{\"prompt_tokens\":7}}\n\n\
        : ----------------------------------------------------------------------------------------\n\n\
        : ----------------------------------------------------------------------------------------\n\n";
    let script = Script { end: End::BreaksOff, ..Script::events(HALF) };
    let (bench, _upstream) = bench(script).await;
    let got = call(&bench, request(json!(true))).await;
    let (kinds, response) = events(&got.body);
    assert_eq!((kinds[kinds.len() - 1].as_str(), &response["output"]), ("response.failed", &json!([])));
    assert_eq!(recorded(&bench).await[0]["input_tokens"], 7);
    bench.close().await;
}

#[tokio::test]
async fn an_error_within_an_answer_ends_it_and_what_was_told_before_is_billed() {
    const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":7,\
        \"completion_tokens\":1}}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\ndata: {\"error\":{\"code\":429,\"message\":\"m\"}}\n\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"d\"},\"finish_reason\":\"stop\"}]}\n\n";
    let (bench, _upstream) = bench(Script { end: End::Hangs, ..Script::events(TEXT) }).await;
    let got = call(&bench, request(json!(true))).await;
    assert_eq!(events(&got.body).1["error"], json!({"code": "rate_limit_exceeded", "message": "m"}));
    let call = &recorded(&bench).await[0];
    assert_eq!((&call["input_tokens"], &call["output_tokens"]), (&json!(7), &json!(3)));
    bench.close().await;
}

#[tokio::test]
async fn an_answer_ends_with_its_last_event_though_the_connection_hangs() {
    let script = Script { end: End::Hangs, ..Script::events(CHAT) };
    let (bench, _upstream) = bench(script).await;
    let got = call(&bench, request(json!(true))).await;
    assert_eq!(events(&got.body).1["status"], "completed");
    assert_eq!(recorded(&bench).await[0]["output_tokens"], 2);
    bench.close().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_settled_bill() {
    const HALF: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"I\"}}],\"usage\":{\"prompt_tokens\":7}}\n\n";
    let (bench, _upstream) = bench(Script { end: End::Hangs, ..Script::events(HALF) }).await;
    let body = Bytes::from(request(json!(true)).to_string());
    let path = "/llm/openai/v1/responses";
    let answer = bench.begin(Method::POST, path, &bench.credential, &[], body).await;
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"event: response.created\n"));
    drop(body);
    let over = |calls: &Value| {
        bench.house.clock.advance(Millis::seconds(1));
        calls[0]["input_tokens"] == 7
    };
    bench.until(&bench.at("/usage/llm"), over).await;
    bench.close().await;
}

#[tokio::test]
async fn what_a_chat_cant_do_is_refused_before_it_is_sent() {
    let (bench, upstream) = bench(Script::events(CHAT)).await;
    let got = call(&bench, json!({"model": "m", "input": "hi", "previous_response_id": "resp_1"})).await;
    assert_eq!(got.problem(), (400, "bad_request".to_owned()));
    assert!(got.json()["error"].as_str().unwrap().contains("previous_response_id"), "{}", got.json());
    assert_eq!((upstream.calls(), recorded(&bench).await), (0, json!([])));
    bench.close().await;
}

#[tokio::test]
async fn a_server_of_ones_own_that_knows_no_responses_is_found_out() {
    let upstream = Upstream::new(Script { absent: Some("/responses"), ..Script::events(CHAT) }).await;
    let bench = Bench::new(&[("OPENAI_BASE_URL", &format!("{}/v1", upstream.base))]).await;
    for _ in 0..2 {
        let got = call(&bench, plain(json!(true))).await;
        assert_eq!(events(&got.body).1["status"], "completed");
    }
    let chat = "POST /v1/chat/completions";
    assert_eq!(upstream.lines(), ["POST /v1/responses", chat, chat]);
    bench.close().await;
}

#[tokio::test]
async fn a_refusal_that_has_another_reason_teaches_nothing() {
    let upstream = Upstream::new(Script::json(404, r#"{"error":{"message":"no such model"}}"#)).await;
    let bench = Bench::new(&[("OPENAI_BASE_URL", &format!("{}/v1", upstream.base))]).await;
    for _ in 0..2 {
        assert_eq!(call(&bench, plain(json!(true))).await.status, 404);
    }
    let (responses, chat) = ("POST /v1/responses", "POST /v1/chat/completions");
    assert_eq!(upstream.lines(), [responses, chat, responses, chat]);
    bench.close().await;
}

#[tokio::test]
async fn a_model_that_isnt_known_is_refused_once() {
    let text = r#"{"error":{"message":"model \"qwen2.5:7b\" not found"}}"#;
    let upstream = Upstream::new(Script::json(404, text)).await;
    let bench = Bench::new(&[("OPENAI_BASE_URL", &format!("{}/v1", upstream.base))]).await;
    assert_eq!(call(&bench, json!({"model": "qwen2.5:7b", "input": "hi"})).await.status, 404);
    assert_eq!(upstream.lines(), ["POST /v1/responses"]);
    for path in ["qwen2.5:7b", "meta-llama%2Fllama-3", "meta-llama/llama-3%3Afree"] {
        let path = format!("/llm/openai/v1/models/{path}");
        let got = bench.send(axum::http::Method::GET, &path, &bench.credential, &[], Bytes::new()).await;
        assert_eq!((got.status, got.body.as_ref()), (404, text.as_bytes()), "{path}");
    }
    let asked: Vec<String> = upstream.lines().split_off(1);
    let at = |model: &str| format!("GET /v1/models/{model}");
    assert_eq!(asked, [at("qwen2.5:7b"), at("meta-llama/llama-3"), at("meta-llama/llama-3:free")]);
    bench.close().await;
}

#[tokio::test]
async fn a_provider_that_speaks_responses_is_spoken_to_as_it_is() {
    const STREAM: &str = "event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n";
    let upstream = Upstream::new(Script::events(STREAM)).await;
    let bench = Bench::new(&[("OPENAI_BASE_URL", &format!("{}/v1", upstream.base))]).await;
    let got = call(&bench, plain(json!(true))).await;
    assert_eq!(got.body.as_ref(), STREAM.as_bytes());
    assert_eq!(upstream.seen().line, "POST /v1/responses");
    bench.close().await;
}

#[tokio::test]
async fn the_list_of_models_passes_through() {
    const MODELS: &str = r#"{"object":"list","data":[{"id":"qwen3:8b","object":"model","owned_by":"library"}]}"#;
    let (bench, upstream) = bench(Script::json(200, MODELS)).await;
    let got = bench.send(Method::GET, "/llm/ollama/v1/models", &bench.credential, &[], Bytes::new()).await;
    assert_eq!((got.status, got.body.as_ref()), (200, MODELS.as_bytes()));
    assert_eq!(upstream.seen().line, "GET /v1/models");
    bench.close().await;
}
