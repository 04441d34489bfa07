//! Sending again, and other models in place of the one asked for.

use serde_json::{Value, json};

use super::bench::Bench;
use super::upstream::{Script, Upstream};

const OK: &str = r#"{"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
const CHAT: &str = "/llm/openai/v1/chat/completions";

fn chat() -> Value {
    json!({"model": "gpt-5.5", "messages": []})
}

/// OpenAI and Venice, both at addresses of the test.
async fn two(openai: Script) -> (Bench, Upstream, Upstream) {
    let (openai, venice) = (Upstream::new(openai).await, Upstream::new(Script::json(200, OK)).await);
    let (one, other) = (format!("{}/v1", openai.base), format!("{}/v1", venice.base));
    let bench = Bench::new(&[
        ("OPENAI_BASE_URL", &one),
        ("OPENAI_API_KEY", "sk-openai"),
        ("VENICE_BASE_URL", &other),
        ("VENICE_API_KEY", "sk-venice"),
    ])
    .await;
    (bench, openai, venice)
}

async fn fall_back_to(bench: &Bench, list: Value) -> (u16, String) {
    let body = json!({"fallbackModels": list}).to_string();
    let got = bench.send(http::Method::PATCH, &bench.at("/settings"), &bench.key, &[], body.into()).await;
    if got.status == 200 { (200, String::new()) } else { got.problem() }
}

async fn recorded(bench: &Bench) -> Vec<(String, String, i64)> {
    let calls = bench.get(&bench.at("/usage/llm")).await.json();
    let text = |call: &Value, key: &str| call[key].as_str().unwrap().to_owned();
    let all = calls.as_array().unwrap().iter();
    all.map(|call| (text(call, "provider"), text(call, "model"), call["status"].as_i64().unwrap())).collect()
}

/// Whether to ask again is for the program that asked.
#[tokio::test]
async fn a_call_that_arrived_is_sent_once() {
    for status in [400, 401, 402, 404, 500, 501, 502, 503, 504, 529] {
        let (bench, openai, _) = two(Script::json(status, "{}")).await;
        assert_eq!((bench.call(CHAT, chat()).await.status, openai.calls()), (status, 1));
        assert_eq!(recorded(&bench).await, [("openai".to_owned(), "gpt-5.5".to_owned(), i64::from(status))]);
        bench.close().await;
    }
    let overloaded = Script { headers: vec![("retry-after", "9")], ..Script::json(503, "{}") };
    let (bench, openai, _) = two(overloaded).await;
    assert_eq!((bench.call(CHAT, chat()).await.status, openai.calls()), (503, 1));
    bench.close().await;
}

#[tokio::test]
async fn another_model_answers_where_the_first_is_over_its_quota() {
    let limited = Script { headers: vec![("retry-after", "600")], ..Script::json(429, "{}") };
    let (bench, openai, venice) = two(limited).await;
    assert_eq!(fall_back_to(&bench, json!(["anthropic/opus", "venice/small"])).await.0, 200);
    for _ in 0..2 {
        assert_eq!(bench.call(CHAT, chat()).await.status, 200);
    }
    assert_eq!((openai.calls(), venice.calls()), (1, 2), "the first is left alone until its time");
    let sent = venice.last();
    assert_eq!(sent.headers["authorization"], "Bearer sk-venice");
    assert_eq!(serde_json::from_str::<Value>(&sent.body).unwrap()["model"], "qwen3-4b");
    let row = |provider: &str, model: &str, status| (provider.to_owned(), model.to_owned(), status);
    let expected = [row("venice", "qwen3-4b", 200), row("venice", "qwen3-4b", 200), row("openai", "gpt-5.5", 429)];
    assert_eq!(recorded(&bench).await, expected);
    assert_eq!(bench.get(&bench.at("/tasks/1")).await.json()["task"]["status"], "claimed", "its session goes on");
    bench.close().await;
}

#[tokio::test]
async fn a_model_that_is_too_dear_takes_nobodys_place() {
    let limited = Script { headers: vec![("retry-after", "3")], ..Script::json(429, "{}") };
    let (bench, _, venice) = two(limited).await;
    assert_eq!(fall_back_to(&bench, json!(["venice/small"])).await.0, 200);
    let budget = json!({"budget": 1}).to_string();
    bench.send(http::Method::PATCH, &bench.at("/employees/ada"), &bench.key, &[], budget.into()).await;
    let got = bench.call(CHAT, json!({"model": "gpt-5-nano", "messages": []})).await;
    assert_eq!((got.status, venice.calls()), (429, 0), "what the agent's own model said counts");
    let ada = bench.get(&bench.at("/employees/ada")).await.json();
    assert_ne!(ada["status"]["phase"], "Suspended");
    assert_eq!(bench.get(&bench.at("/tasks/1")).await.json()["task"]["status"], "claimed", "its session goes on");
    bench.close().await;
}

#[tokio::test]
async fn a_fallback_is_a_model_of_a_provider_that_is_known() {
    let (bench, _, _) = two(Script::json(200, OK)).await;
    for (list, code) in [
        (json!(["opus"]), "bad_request"),
        (json!(["skynet/t800"]), "unknown_provider"),
        (json!(["google/../x"]), "bad_request"),
        (json!(["a/b", "a/b", "a/b", "a/b", "a/b", "a/b"]), "bad_request"),
    ] {
        assert_eq!(fall_back_to(&bench, list.clone()).await, (400, code.to_owned()), "{list}");
    }
    bench.close().await;
}
