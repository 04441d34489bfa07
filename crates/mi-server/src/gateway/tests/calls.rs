//! Model calls through the routes, to a provider of the test's own.

use axum::http::Method;
use bytes::Bytes;
use http_body_util::BodyExt;
use mi_core::ids::ClaimToken;
use mi_core::time::Millis;
use serde_json::{Value, json};

use super::bench::Bench;
use super::upstream::{End, Script, Upstream};
use crate::infra::keys::Token;

const MESSAGES: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":\
    {\"input_tokens\":1000,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\
    \"usage\":{\"output_tokens\":200}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const CHAT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: {\"choices\":[],\
    \"usage\":{\"prompt_tokens\":10,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
const GEMINI: &str = "data: {\"usageMetadata\":{\"promptTokenCount\":6,\"candidatesTokenCount\":4}}\r\n\r\n";
const KEY: &str = "sk-of-the-office";

/// A provider with this script, behind the name `anthropic`, `openai` or `google`.
async fn bench(variable: &str, script: Script) -> (Bench, Upstream) {
    let upstream = Upstream::new(script).await;
    let suffix = if variable == "OPENAI" { "/v1" } else { "" };
    let (base, key) = (format!("{variable}_BASE_URL"), format!("{variable}_API_KEY"));
    let address = format!("{}{suffix}", upstream.base);
    (Bench::new(&[(&base, &address), (&key, KEY)]).await, upstream)
}

fn message() -> Value {
    json!({"model": "claude-sonnet-4-6", "stream": true, "max_tokens": 1000, "messages": []})
}

/// The recorded calls, without what the clock says.
async fn recorded(bench: &Bench) -> Vec<Value> {
    let calls = bench.get(&bench.at("/usage/llm")).await.json();
    let mut calls: Vec<Value> = calls.as_array().unwrap().clone();
    for call in &mut calls {
        call.as_object_mut().unwrap().remove("created_at");
    }
    calls
}

#[tokio::test]
async fn a_streamed_call_passes_through_and_is_recorded() {
    let (bench, upstream) = bench("ANTHROPIC", Script::events(MESSAGES)).await;
    let headers = [("x-mi-claim", bench.session.to_string()), ("anthropic-beta", "tools".to_owned())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = message().to_string();
    let path = "/llm/anthropic/v1/messages?beta=true";
    let got = bench.send(Method::POST, path, &bench.credential, &headers, Bytes::from(body.clone())).await;
    assert_eq!((got.status, got.body.as_ref()), (200, MESSAGES.as_bytes()));
    assert_eq!(got.headers["content-type"], "text/event-stream");

    let seen = upstream.seen();
    assert_eq!((seen.line.as_str(), seen.body), ("POST /v1/messages?beta=true", body));
    assert_eq!(seen.headers["x-api-key"], KEY);
    assert_eq!(seen.headers["anthropic-beta"], "tools");
    assert!(seen.headers.get("authorization").is_none() && seen.headers.get("x-mi-claim").is_none());

    // 1,000 tokens at 3 USD and 200 at 15 USD a million: 0.6 cents.
    let expected = json!({"agent": "ada", "session": bench.session, "task_id": 1, "provider": "anthropic",
        "model": "claude-sonnet-4-6", "input_tokens": 1000, "cached_tokens": 0, "output_tokens": 200, "credits": 0.6,
        "held": 0, "uncollected": 0, "estimated": false, "default_price": false, "state": "settled", "status": 200});
    assert_eq!(recorded(&bench).await, [expected]);
    let summary = json!({"total_tokens": 1200, "total_cost": 0.006, "total_credits": 0.6, "agents": 1});
    assert_eq!(bench.get(&bench.at("/usage/llm/summary")).await.json(), summary);
    assert_eq!(bench.get(&bench.at("/employees/ada/usage")).await.json(), summary);
    assert_eq!(bench.get(&bench.at("/employees/eve/usage")).await.problem(), (404, "no_such_agent".to_owned()));
    assert_eq!(bench.get(&bench.at("/credits")).await.json()["balance"], json!(999.4));
    bench.close().await;
}

#[tokio::test]
async fn a_streamed_chat_is_made_to_report_its_usage() {
    let (bench, upstream) = bench("OPENAI", Script::events(CHAT)).await;
    let body = json!({"model": "gpt-5.5", "stream": true, "messages": []});
    let got = bench.call("/llm/openai-codex/v1/chat/completions", body).await;
    assert_eq!((got.status, got.body.as_ref()), (200, CHAT.as_bytes()));
    let seen = upstream.seen();
    assert_eq!(seen.line, "POST /v1/chat/completions");
    assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    let sent: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(sent["stream_options"], json!({"include_usage": true}));
    assert_eq!(recorded(&bench).await[0]["input_tokens"], 10);
    bench.close().await;
}

#[tokio::test]
async fn a_key_in_the_query_stays_here() {
    let (bench, upstream) = bench("GEMINI", Script::events(GEMINI)).await;
    let path = "/llm/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse&key=mine";
    let got = bench.call(path, json!({"contents": []})).await;
    assert_eq!(got.status, 200);
    let seen = upstream.seen();
    assert_eq!(seen.line, "POST /v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
    assert_eq!(seen.headers["x-goog-api-key"], KEY);
    let call = &recorded(&bench).await[0];
    assert_eq!((&call["model"], &call["output_tokens"]), (&json!("gemini-2.5-pro"), &json!(4)));
    bench.close().await;
}

#[tokio::test]
async fn a_refusal_passes_through_without_the_key() {
    let text = r#"{"error":{"message":"Incorrect API key: sk-of-the-office"}}"#;
    let (bench, _upstream) = bench("ANTHROPIC", Script::json(401, text)).await;
    let got = bench.call("/llm/anthropic/v1/messages", message()).await;
    let expected: &[u8] = br#"{"error":{"message":"Incorrect API key: ***"}}"#;
    assert_eq!((got.status, got.body.as_ref()), (401, expected));
    let call = &recorded(&bench).await[0];
    assert_eq!((&call["status"], &call["credits"], &call["input_tokens"]), (&json!(401), &json!(0), &json!(0)));
    bench.close().await;
}

#[tokio::test]
async fn a_provider_that_cant_be_reached_is_502() {
    // Bound and closed again: nobody listens there.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let bench = Bench::new(&[("OPENAI_BASE_URL", &format!("http://127.0.0.1:{port}/v1"))]).await;
    let got = bench.call_while_time_passes("/llm/openai/v1/responses", json!({"model": "gpt-5.5"})).await;
    assert_eq!(got.problem(), (502, "upstream_failed".to_owned()));
    assert!(!String::from_utf8_lossy(&got.body).contains(&port.to_string()));
    assert_eq!(recorded(&bench).await[0]["status"], 0);
    bench.close().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let script = Script { headers: vec![("location", "http://127.0.0.1:1/v1/messages")], ..Script::json(307, "") };
    let (bench, upstream) = bench("ANTHROPIC", script).await;
    let got = bench.call("/llm/anthropic/v1/messages", message()).await;
    assert_eq!(got.problem(), (502, "upstream_failed".to_owned()));
    assert_eq!(upstream.calls(), 1);
    bench.close().await;
}

#[tokio::test]
async fn without_a_key_the_hint_says_which() {
    let bench = Bench::new(&[]).await;
    let got = bench.call("/llm/claude-code/v1/messages", message()).await;
    assert_eq!(got.problem(), (503, "no_model_key".to_owned()));
    assert!(got.json()["hint"].as_str().unwrap().contains("ANTHROPIC_API_KEY"));
    assert!(got.headers.contains_key("retry-after"));
    assert_eq!(recorded(&bench).await, Vec::<Value>::new());
    bench.close().await;
}

#[tokio::test]
async fn only_a_live_session_calls_models() {
    let (bench, upstream) = bench("ANTHROPIC", Script::events(MESSAGES)).await;
    let path = "/llm/anthropic/v1/messages";
    let body = || Bytes::from(message().to_string());
    let operator = bench.send(Method::POST, path, &bench.key, &[], body()).await;
    assert_eq!(operator.problem(), (403, "not_you".to_owned()));
    let stranger = bench.send(Method::POST, path, "mi_unknown", &[], body()).await;
    assert_eq!(stranger.problem(), (401, "unauthenticated".to_owned()));
    let ghost = Token::Session {
        office: bench.office,
        agent: mi_core::ids::AgentId(uuid::Uuid::nil()),
        session: ClaimToken(bench.session),
    };
    let ghost = bench.send(Method::POST, path, &bench.house.keys.issue(ghost), &[], body()).await;
    assert_eq!(ghost.problem(), (409, "stale_claim".to_owned()));
    let other = [("x-mi-claim", "999")];
    let other = bench.send(Method::POST, path, &bench.credential, &other, body()).await;
    assert_eq!(other.problem(), (409, "stale_claim".to_owned()));

    bench.send(Method::DELETE, &bench.at("/employees/ada"), &bench.key, &[], Bytes::new()).await;
    assert_eq!(bench.call(path, message()).await.problem(), (409, "stale_claim".to_owned()));
    let models = bench.send(Method::GET, "/llm/anthropic/v1/models", &bench.credential, &[], Bytes::new()).await;
    assert_eq!(models.problem(), (409, "stale_claim".to_owned()));
    assert_eq!(upstream.calls(), 0);
    bench.close().await;
}

#[tokio::test]
async fn what_is_no_model_call_leads_nowhere() {
    let (bench, upstream) = bench("ANTHROPIC", Script::events(MESSAGES)).await;
    for (path, problem) in [
        ("/llm/anthropic/v1/files", (404, "no_such_route")),
        ("/llm/anthropic/v1/messages/../files", (404, "no_such_route")),
        ("/llm/anthropic/v1/messages%2f..%2ffiles", (404, "no_such_route")),
        ("/llm/skynet/v1/messages", (400, "unknown_provider")),
    ] {
        let got = bench.call(path, message()).await.problem();
        assert_eq!((got.0, got.1.as_str()), problem, "{path}");
    }
    assert_eq!(bench.call("/llm/anthropic/v1/messages", json!([])).await.problem().1, "bad_request");
    assert_eq!(upstream.calls(), 0);
    let probe = |name: &str| format!("/llm/{name}");
    assert_eq!(bench.send(Method::HEAD, &probe("anthropic"), "", &[], Bytes::new()).await.status, 200);
    assert_eq!(bench.send(Method::HEAD, &probe("skynet"), "", &[], Bytes::new()).await.status, 400);
    bench.close().await;
}

#[tokio::test]
async fn lists_of_models_are_free() {
    let (bench, upstream) = bench("ANTHROPIC", Script::json(200, r#"{"data":[],"usage":{"input_tokens":9}}"#)).await;
    let got = bench.send(Method::GET, "/llm/anthropic/v1/models", &bench.credential, &[], Bytes::new()).await;
    assert_eq!(got.status, 200);
    assert_eq!(upstream.seen().line, "GET /v1/models");
    assert_eq!(recorded(&bench).await, Vec::<Value>::new());
    bench.close().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_settled_with_what_was_seen() {
    let begun = MESSAGES.split_inclusive("\n\n").next().unwrap();
    let (bench, _upstream) = bench("ANTHROPIC", Script { end: End::BreaksOff, ..Script::events(begun) }).await;
    let body = Bytes::from(message().to_string());
    let path = "/llm/anthropic/v1/messages";
    let response = bench.begin(Method::POST, path, &bench.credential, &[], body).await;
    assert!(response.into_body().collect().await.is_err());
    let calls = recorded(&bench).await;
    assert_eq!((&calls[0]["input_tokens"], &calls[0]["output_tokens"]), (&json!(1000), &json!(1)));
    bench.close().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_is_still_charged() {
    let begun = MESSAGES.split_inclusive("\n\n").next().unwrap();
    let (bench, _upstream) = bench("ANTHROPIC", Script { end: End::Hangs, ..Script::events(begun) }).await;
    let body = Bytes::from(message().to_string());
    let path = "/llm/anthropic/v1/messages";
    let mut flowing = bench.begin(Method::POST, path, &bench.credential, &[], body).await.into_body();
    let mut taken = 0;
    while taken < begun.len() {
        taken += flowing.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    drop(flowing);
    // As long as the provider might still say more.
    let over = |calls: &Value| {
        bench.house.clock.advance(Millis(1_000));
        calls[0]["status"] == json!(200)
    };
    let calls = bench.until(&bench.at("/usage/llm"), over).await;
    assert_eq!(calls[0]["input_tokens"], 1000);
    bench.close().await;
}

#[tokio::test]
async fn a_caller_that_leaves_early_pays_all_that_the_provider_counted() {
    let (bench, _upstream) = bench("ANTHROPIC", Script::events(MESSAGES)).await;
    let path = "/llm/anthropic/v1/messages";
    bench.call(path, message()).await;
    let stayed = recorded(&bench).await.remove(0);
    let body = Bytes::from(message().to_string());
    drop(bench.begin(Method::POST, path, &bench.credential, &[], body).await);
    let over = |calls: &Value| calls[1].is_object() && calls[0]["status"] == 200;
    let calls = bench.until(&bench.at("/usage/llm"), over).await;
    assert_eq!(calls[0]["output_tokens"], stayed["output_tokens"]);
    assert_eq!((&calls[0]["credits"], &calls[0]["estimated"]), (&stayed["credits"], &stayed["estimated"]));
    bench.close().await;
}

#[tokio::test]
async fn what_is_no_object_is_no_call_and_a_look_has_no_body() {
    let (bench, upstream) = bench("ANTHROPIC", Script::json(200, r#"{"data":[]}"#)).await;
    let send = |method, rest: &str, body: &'static str| {
        let path = format!("/llm/anthropic/v1/{rest}");
        let (bench, body) = (&bench, Bytes::from_static(body.as_bytes()));
        async move { bench.send(method, &path, &bench.credential, &[], body).await }
    };
    for body in ["[]", "7", "", r#" ["m",false,null,null,null,null,null,null,null,null,null,null,null,null,null,null]"#]
    {
        assert_eq!(send(Method::POST, "messages", body).await.status, 400, "{body}");
    }
    assert_eq!(upstream.calls(), 0);
    assert_eq!(send(Method::GET, "models", "POST /v1/messages HTTP/1.1\r\n\r\n").await.status, 200);
    assert_eq!(upstream.last().body, "");
    bench.close().await;
}

#[tokio::test]
async fn an_answer_without_numbers_passes_and_its_use_is_estimated() {
    let (bench, _upstream) = bench("OPENAI", Script::json(200, r#"{"choices":[]}"#)).await;
    let got = bench.call("/llm/openai/v1/chat/completions", json!({"model": "m"})).await;
    assert_eq!(got.json(), json!({"choices": []}));
    // 13 bytes went out, 14 came back: 5 and 3 tokens, of a model that no list knows, at 3 and 15 USD a million.
    let call = &recorded(&bench).await[0];
    let told = (&call["credits"], &call["estimated"], &call["default_price"], &call["state"]);
    assert_eq!(told, (&json!(0.006), &json!(true), &json!(true), &json!("unmetered")));
    bench.close().await;
}

#[tokio::test]
async fn a_provider_goes_out_only_for_those_who_may_go_anywhere() {
    let (bench, upstream) = bench("ANTHROPIC", Script::events(MESSAGES)).await;
    let ask = async |path: &str, body: &Value| bench.call(path, body.clone()).await;
    let mut search = message();
    search["tools"] = json!([{"type": "web_search_20250305", "name": "web_search"}]);
    let mut picture = message();
    let source = json!({"type": "url", "url": "https://elsewhere.example/?stolen=1"});
    picture["messages"] = json!([{"role": "user", "content": [{"type": "image", "source": source}]}]);
    let paths = ["/llm/anthropic/v1/messages", "/llm/anthropic/v1/messages/count_tokens"];
    let egress = async |list: Value| {
        let settings = bench.at("/settings");
        let body = Bytes::from(json!({"egress": list}).to_string());
        assert_eq!(bench.send(Method::PATCH, &settings, &bench.key, &[], body).await.status, 200);
    };
    for list in [json!([]), json!(["elsewhere.example", "*.example"])] {
        egress(list).await;
        for (path, body) in [(paths[0], &search), (paths[0], &picture), (paths[1], &picture)] {
            let got = ask(path, body).await;
            assert_eq!(got.problem(), (403, "egress_denied".to_owned()), "{path} {body}");
        }
    }
    assert_eq!(upstream.calls(), 0, "nothing is sent");
    assert_eq!(ask(paths[0], &message()).await.status, 200);
    egress(json!(["*"])).await;
    for (path, body) in [(paths[0], &search), (paths[0], &picture), (paths[1], &picture)] {
        assert_eq!(ask(path, body).await.status, 200, "{path} {body}");
    }
    bench.close().await;
}
