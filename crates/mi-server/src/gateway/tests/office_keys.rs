//! The office's own keys: set, checked, used before the server's, and gone at once.

use serde_json::{Value, json};

use super::bench::Bench;
use super::upstream::{Script, Upstream};
use crate::tasks::workers::announce_providers;

const OWN: &str = "sk-of-this-office";
const SERVERS: &str = "sk-of-the-server";

fn message() -> Value {
    json!({"model": "claude-sonnet-4-6", "messages": []})
}

/// A server with a provider at an address of its own, with or without a key for it.
async fn bench(keys: &[(&str, &str)]) -> (Bench, Upstream) {
    let upstream = Upstream::new(Script::json(200, r#"{"usage":{"input_tokens":1,"output_tokens":1}}"#)).await;
    let mut environment = vec![("ANTHROPIC_BASE_URL", upstream.base.as_str())];
    environment.extend(keys);
    (Bench::new(&environment).await, upstream)
}

async fn set(bench: &Bench, body: Value) -> super::bench::Got {
    bench.post(&bench.at("/integrations/claude-code/secret"), body).await
}

async fn key_sent(bench: &Bench, upstream: &Upstream) -> String {
    assert_eq!(bench.call("/llm/anthropic/v1/messages", message()).await.status, 200);
    upstream.last().headers.get("x-api-key").map_or(String::new(), |key| key.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_offices_key_counts_before_the_servers_from_the_moment_on_in_which_it_is_set() {
    let (bench, upstream) = bench(&[("ANTHROPIC_API_KEY", SERVERS)]).await;
    assert_eq!(key_sent(&bench, &upstream).await, SERVERS);
    let card = set(&bench, json!({"key": OWN})).await;
    assert_eq!((card.status, &card.json()["status"]), (200, &json!("configured")));
    assert_eq!(upstream.last().line, "GET /v1/models", "it was tried before it was kept");
    assert_eq!(key_sent(&bench, &upstream).await, OWN);
    set(&bench, json!({"key": "sk-another", "check": false})).await;
    assert_eq!(key_sent(&bench, &upstream).await, "sk-another");
    bench.send(http::Method::DELETE, &bench.at("/integrations/claude-code/secret"), &bench.key, &[], "".into()).await;
    assert_eq!(key_sent(&bench, &upstream).await, SERVERS);
    bench.close().await;
}

#[tokio::test]
async fn another_offices_key_is_nobody_elses() {
    let (bench, upstream) = bench(&[("ANTHROPIC_API_KEY", SERVERS)]).await;
    let other = bench.test.office().await;
    other.call("POST", "/integrations/claude-code/secret", json!({"key": OWN, "check": false})).await.ok();
    assert_eq!(key_sent(&bench, &upstream).await, SERVERS);
    bench.close().await;
}

#[tokio::test]
async fn a_key_that_the_provider_refuses_is_not_kept() {
    let (bench, upstream) = bench(&[]).await;
    upstream.now_says(Script::json(401, r#"{"error":{"message":"invalid x-api-key sk-of-this-office"}}"#));
    let refused = set(&bench, json!({"key": OWN})).await;
    assert_eq!(refused.problem(), (400, "key_refused".to_owned()));
    assert!(!String::from_utf8_lossy(&refused.body).contains(OWN));
    let own = |card: Value| card["metadata"]["note"].as_str().unwrap_or_default().contains("server's key");
    assert!(own(bench.get(&bench.at("/integrations/claude-code")).await.json()), "nothing of it is there");
    assert_eq!(set(&bench, json!({"key": OWN, "check": false})).await.status, 200);
    bench.close().await;
}

#[tokio::test]
async fn trouble_on_the_way_is_a_warning() {
    let (bench, upstream) = bench(&[]).await;
    upstream.now_says(Script::json(500, "oops"));
    let card = set(&bench, json!({"key": OWN})).await;
    assert_eq!(card.status, 200);
    let note = card.json()["metadata"]["note"].as_str().unwrap().to_owned();
    assert!(note.contains("not checked") && note.contains("mi llm ping"), "{note}");
    bench.close().await;
}

#[tokio::test]
async fn a_key_that_can_be_none_is_refused_unasked() {
    let (bench, upstream) = bench(&[]).await;
    assert_eq!(set(&bench, json!({"key": "two words"})).await.problem(), (400, "bad_request".to_owned()));
    let path = bench.at("/integrations/openai/secret");
    let near = bench.post(&path, json!({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})).await;
    assert_eq!(near.problem(), (400, "bad_request".to_owned()));
    assert!(near.json()["error"].as_str().unwrap().contains("allow-upstream"), "{}", near.json());
    assert_eq!(upstream.calls(), 0);
    bench.close().await;
}

#[tokio::test]
async fn a_stored_key_goes_to_no_address_that_it_wasnt_given_for() {
    let (bench, _upstream) = bench(&[]).await;
    let path = bench.at("/integrations/openai/secret");
    let set = async |body: Value| bench.post(&path, body).await;
    let address = "https://models.example/v1";
    assert_eq!(set(json!({"OPENAI_BASE_URL": address, "check": false})).await.status, 200, "there is no key yet");
    assert_eq!(set(json!({"key": OWN, "check": false})).await.status, 200);
    for check in [true, false] {
        let moved = set(json!({"OPENAI_BASE_URL": "https://elsewhere.example/v1", "check": check})).await;
        assert_eq!(moved.problem(), (400, "bad_request".to_owned()));
        assert!(moved.json()["hint"].as_str().unwrap().contains("together"), "{}", moved.json());
    }
    let both = set(json!({"OPENAI_BASE_URL": address, "key": "sk-another", "check": false})).await;
    assert_eq!(both.status, 200, "{}", both.json());
    bench.close().await;
}

#[tokio::test]
async fn who_waited_for_a_key_goes_on_when_it_is_set() {
    let (bench, _upstream) = bench(&[]).await;
    let house = &bench.test;
    announce_providers(&bench.house.db, &[]).await.unwrap();
    let office = house.office().await;
    office.hire_with(json!({"name": "bob", "provider": "openai"})).await;
    let task = office.task(json!({"title": "t", "assignedAgent": "bob"})).await;
    let mut bob = office.runner("bob").await;
    assert!(bob.take().await.is_none());
    let waiting = office.get_task(task).await;
    assert_eq!(waiting["why"]["code"], "no_model_key");
    assert!(waiting["why"]["message"].as_str().unwrap().contains("mi integrations set openai"), "{waiting}");
    let body = json!({"key": OWN, "check": false});
    office.call("POST", "/integrations/openai-codex/secret", body).await.ok();
    assert_eq!(office.get_task(task).await["why"]["code"], "waiting_for_agent");
    let grant = bob.must_take().await;
    assert_eq!(grant.model.unwrap().provider, "openai");
    bench.close().await;
}

#[tokio::test]
async fn models_are_listed_by_the_provider_itself_where_there_is_a_key() {
    let (bench, upstream) = bench(&[]).await;
    let path = bench.at("/provider-models?provider=claude");
    upstream.now_says(Script::json(200, r#"{"data":[{"id":"claude-new"},{"id":"claude-sonnet-4-6"}]}"#));
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let listed = bench.get(&path).await.json();
    assert_eq!(ids(&listed), ["claude-sonnet-4-6", "claude-opus-4-6", "claude-haiku-4-5", "claude-new"]);
    bench.get(&path).await;
    assert_eq!(upstream.calls(), 1, "it is remembered");
    upstream.now_says(Script::json(500, ""));
    bench.test.advance(10 * 60_000).await;
    let fallen_back = bench.get(&path).await.json();
    assert_eq!(ids(&fallen_back).len(), 3);
    assert!(fallen_back[0]["note"].as_str().unwrap().contains("Anthropic"), "{fallen_back}");
    bench.close().await;
}
