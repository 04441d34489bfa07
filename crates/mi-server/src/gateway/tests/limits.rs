//! How much an answer may be, where the request says nothing of it or more than can be paid.

use axum::http::Method;
use bytes::Bytes;
use serde_json::{Value, json};

use super::bench::Bench;
use super::upstream::{Script, Upstream};

const RESPONSES: &str = "/llm/openai/v1/responses";
const MESSAGES: &str = "/llm/anthropic/v1/messages";
const ANSWER: &str = r#"{"usage":{"input_tokens":10,"output_tokens":2}}"#;

async fn bench() -> (Bench, Upstream) {
    let upstream = Upstream::new(Script::json(200, ANSWER)).await;
    let openai = format!("{}/v1", upstream.base);
    let keys = [("OPENAI_API_KEY", "sk-o"), ("ANTHROPIC_API_KEY", "sk-a")];
    let bases = [("OPENAI_BASE_URL", openai.as_str()), ("ANTHROPIC_BASE_URL", upstream.base.as_str())];
    (Bench::new(&[keys, bases].concat()).await, upstream)
}

async fn budget(bench: &Bench, credits: i64) {
    let body = Bytes::from(json!({"budget": credits}).to_string());
    assert_eq!(bench.send(Method::PATCH, &bench.at("/employees/ada"), &bench.key, &[], body).await.status, 200);
}

/// What the provider was asked for.
async fn asked(bench: &Bench, upstream: &Upstream, path: &str, body: Value) -> Value {
    let got = bench.call(path, body).await;
    assert_eq!(got.status, 200, "{:?}", got.json());
    serde_json::from_str(&upstream.last().body).unwrap()
}

#[tokio::test]
async fn a_call_without_a_limit_gets_one_that_can_be_paid() {
    let (bench, upstream) = bench().await;
    let codex = || json!({"model": "gpt-5.5", "input": []});
    let sent = asked(&bench, &upstream, RESPONSES, codex()).await;
    assert_eq!(sent, json!({"model": "gpt-5.5", "input": [], "max_output_tokens": 32_000}), "the default");
    // Of 20 credits the call before took a little; a token is 0.003.
    budget(&bench, 20).await;
    let sent = asked(&bench, &upstream, RESPONSES, codex()).await;
    let limit = sent["max_output_tokens"].as_i64().unwrap();
    assert!((3_300..3_334).contains(&limit), "half is left to others: {limit}");
    let calls = bench.get(&bench.at("/usage/llm")).await.json();
    assert_eq!((&calls[0]["state"], &calls[0]["output_tokens"]), (&json!("settled"), &json!(2)));
    budget(&bench, 3).await;
    let refused = bench.call(RESPONSES, codex()).await;
    assert_eq!(refused.problem(), (402, "budget_exhausted".to_owned()), "not for less than 1,024 tokens");
    assert_eq!(upstream.calls(), 2);
    bench.close().await;
}

#[tokio::test]
async fn a_limit_that_cant_be_paid_is_lowered_and_one_that_can_stays_as_it_is() {
    let (bench, upstream) = bench().await;
    let claude = json!({"model": "claude-sonnet-4-6", "max_tokens": 30_000, "messages": []});
    assert_eq!(asked(&bench, &upstream, MESSAGES, claude.clone()).await, claude);
    budget(&bench, 10).await;
    let sent = asked(&bench, &upstream, MESSAGES, claude.clone()).await;
    let limit = sent["max_tokens"].as_i64().unwrap();
    assert!((3_250..3_334).contains(&limit), "{limit}");
    let mut thinks = claude;
    thinks["thinking"] = json!({"type": "enabled", "budget_tokens": 10_000});
    let refused = bench.call(MESSAGES, thinks).await;
    assert_eq!(refused.problem(), (402, "budget_exhausted".to_owned()), "its thoughts have no room in that");
    bench.close().await;
}

#[tokio::test]
async fn what_a_chat_is_turned_to_is_limited_in_its_own_word() {
    let upstream = Upstream::new(Script::json(200, r#"{"choices":[],"usage":{}}"#)).await;
    let base = format!("{}/v1", upstream.base);
    let bench = Bench::new(&[("OPENAI_BASE_URL", &base), ("MI_OPENAI_WIRE", "chat")]).await;
    bench.call(RESPONSES, json!({"model": "gpt-5.5", "input": "hi"})).await;
    let sent: Value = serde_json::from_str(&upstream.last().body).unwrap();
    assert_eq!((&upstream.last().line, &sent["max_tokens"]), (&"POST /v1/chat/completions".to_owned(), &json!(32_000)));
    bench.close().await;
}
