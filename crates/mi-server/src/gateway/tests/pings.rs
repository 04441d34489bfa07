//! Pings by operators.

use serde_json::{Value, json};

use super::bench::Bench;
use super::upstream::{Script, Upstream};

async fn bench(script: Script) -> (Bench, Upstream) {
    let upstream = Upstream::new(script).await;
    (Bench::new(&[("GEMINI_BASE_URL", &upstream.base), ("GEMINI_API_KEY", "sk-g")]).await, upstream)
}

async fn ping(bench: &Bench, body: Value) -> super::bench::Got {
    bench.post(&bench.at("/llm/ping"), body).await
}

#[tokio::test]
async fn a_ping_says_who_answered_and_what_it_would_cost() {
    let answer = r#"{"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":1}}"#;
    let (bench, upstream) = bench(Script::json(200, answer)).await;
    let got = ping(&bench, json!({"model": "opus"})).await.json();
    assert_eq!(upstream.last().line, "POST /v1beta/models/gemini%2D2%2E5%2Dpro:generateContent");
    let expected = json!({"ok": true, "provider": "google", "model": "gemini-2.5-pro", "key_of": "server",
        "status": 200, "latency_ms": 0, "input_tokens": 7, "output_tokens": 1, "credits": 0.001875});
    assert_eq!(got, expected);
    assert_eq!(bench.get(&bench.at("/credits")).await.json()["balance"], json!(1000));
    bench.close().await;
}

#[tokio::test]
async fn trouble_is_named_with_what_helps() {
    let invalid = r#"{"error":{"message":"API key not valid: sk-g","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    let (bench, upstream) = bench(Script::json(400, invalid)).await;
    let got = ping(&bench, json!({"provider": "gemini"})).await.json();
    assert_eq!(got["ok"], false);
    let trouble = got["trouble"].as_str().unwrap();
    assert!(trouble.contains("mi integrations set google") && !trouble.contains("sk-g"), "{trouble}");
    upstream.now_says(Script::json(404, "{}"));
    let got = ping(&bench, json!({"provider": "gemini", "model": "nonsense"})).await.json();
    assert!(got["trouble"].as_str().unwrap().contains("no model nonsense"), "{got}");
    bench.close().await;
}

#[tokio::test]
async fn pings_are_rare_and_need_a_key() {
    let (bench, _) = bench(Script::json(200, "{}")).await;
    assert_eq!(ping(&bench, json!({"provider": "openai"})).await.problem(), (503, "no_model_key".to_owned()));
    assert_eq!(ping(&bench, json!({"provider": "skynet"})).await.problem(), (400, "unknown_provider".to_owned()));
    for _ in 0..6 {
        assert_eq!(ping(&bench, json!({})).await.status, 200);
    }
    let refused = ping(&bench, json!({})).await;
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    assert_eq!(refused.headers["retry-after"], "61");
    bench.test.advance(60_001).await;
    assert_eq!(ping(&bench, json!({})).await.status, 200);
    bench.close().await;
}
