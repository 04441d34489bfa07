//! Quotas and refused keys: nothing more is sent, who met them goes back uncounted, and goes on by itself.

use mi_core::wire::runner::SessionGrant;
use serde_json::{Value, json};

use super::upstream::{Script, Upstream};
use crate::tasks::workers::announce_providers;
use crate::testing::{FakeRunner, TestHouse, TestOffice, TestReply};

const OK: &str = r#"{"usage":{"input_tokens":1,"output_tokens":1}}"#;

async fn house() -> (TestHouse, Upstream) {
    let upstream = Upstream::new(Script::json(200, OK)).await;
    let house =
        TestHouse::with_environment(&[("ANTHROPIC_BASE_URL", &upstream.base), ("ANTHROPIC_API_KEY", "sk-1")]).await;
    announce_providers(&house.house.db, &["anthropic"]).await.unwrap();
    (house, upstream)
}

fn limited(status: u16, headers: &[(&'static str, &'static str)]) -> Script {
    let mut script = Script::json(status, r#"{"type":"error"}"#);
    script.headers.extend(headers);
    script
}

/// A worker at a task of its own.
async fn at_work<'a>(office: TestOffice<'a>, name: &'static str) -> (FakeRunner<'a>, i64, SessionGrant) {
    office.hire_with(json!({"name": name, "provider": "anthropic"})).await;
    let task = office.task(json!({"title": "t", "assignedAgent": name})).await;
    let mut runner = office.runner(name).await;
    let grant = runner.must_take().await;
    (runner, task, grant)
}

async fn call(house: &TestHouse, grant: &SessionGrant) -> TestReply {
    let body = json!({"model": "claude-sonnet-4-6", "messages": []});
    house.as_key(&grant.credential).call("POST", "/llm/anthropic/v1/messages", body).await
}

#[tokio::test]
async fn a_long_quota_parks_the_office_and_ends_by_itself() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (mut ada, task, grant) = at_work(office, "ada").await;
    let (_bob, other, bobs) = at_work(office, "bob").await;
    upstream.now_says(limited(429, &[("retry-after", "600")]));
    assert_eq!(call(&house, &grant).await.status, 429);
    assert_eq!(ada.beat(&grant).await.refused(), (409, "stale_claim".to_owned()), "its session is over");
    upstream.now_says(Script::json(200, OK));
    // Nobody else's call is sent either.
    let refused = call(&house, &bobs).await;
    assert_eq!(refused.header("retry-after"), Some("600"));
    assert_eq!(refused.refused(), (429, "provider_quota".to_owned()));
    assert_eq!(upstream.calls(), 1);

    ada.end(&grant, "stale").await.ok();
    let waiting = office.get_task(task).await;
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(0)), "{waiting}");
    assert_eq!(waiting["why"]["code"], "quota", "{waiting}");
    assert!(waiting["why"]["message"].as_str().unwrap().contains("quota until 20"), "{waiting}");
    assert!(ada.take().await.is_none(), "a claim would only meet the quota again");
    let session = office.call("GET", &format!("/sessions/{}", grant.id), Value::Null).await.ok();
    assert!(session["session"]["exit"].as_str().unwrap().starts_with("quota: anthropic"), "{session}");
    assert_eq!(office.get_task(other).await["attempts"], 1);

    house.advance(601_000).await;
    house.settle().await;
    assert_eq!(ada.must_take().await.task.unwrap().0, task);
    house.close().await;
}

#[tokio::test]
async fn a_short_quota_is_waited_out() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (_ada, task, grant) = at_work(office, "ada").await;
    upstream.now_says(limited(429, &[("anthropic-ratelimit-tokens-remaining", "0"), ("retry-after", "3")]));
    assert_eq!(call(&house, &grant).await.status, 429);
    upstream.now_says(Script::json(200, OK));
    assert_eq!(call(&house, &grant).await.refused(), (429, "provider_quota".to_owned()));
    house.advance(3_100).await;
    assert_eq!(call(&house, &grant).await.status, 200);
    assert_eq!((upstream.calls(), &office.get_task(task).await["status"]), (2, &json!("claimed")));
    house.close().await;
}

#[tokio::test]
async fn where_no_time_is_named_pauses_grow_until_a_call_goes_well() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (_ada, _, grant) = at_work(office, "ada").await;
    upstream.now_says(limited(429, &[]));
    for seconds in [5, 10] {
        assert_eq!(call(&house, &grant).await.status, 429);
        let refused = call(&house, &grant).await;
        assert_eq!(refused.header("retry-after"), Some(seconds.to_string().as_str()));
        house.advance(seconds * 1_000 + 1).await;
    }
    assert_eq!(upstream.calls(), 2);
    upstream.now_says(Script::json(200, OK));
    assert_eq!(call(&house, &grant).await.status, 200);
    upstream.now_says(limited(429, &[]));
    call(&house, &grant).await;
    assert_eq!(call(&house, &grant).await.header("retry-after"), Some("5"));
    house.close().await;
}

#[tokio::test]
async fn a_program_that_gives_up_at_a_quota_is_not_to_blame() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (mut ada, task, grant) = at_work(office, "ada").await;
    upstream.now_says(limited(429, &[]));
    call(&house, &grant).await;
    ada.end(&grant, "rate_limited").await.ok();
    let waiting = office.get_task(task).await;
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(0)), "{waiting}");
    assert_eq!(waiting["why"]["code"], "quota");
    assert!(ada.take().await.is_none());
    house.advance(6_000).await;
    let again = ada.must_take().await;
    ada.end(&again, "rate_limited").await.ok();
    assert_eq!(office.get_task(task).await["attempts"], 1, "this time it was no quota");
    house.close().await;
}

#[tokio::test]
async fn a_quota_that_another_met_excuses_nobody() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (_bob, _, bobs) = at_work(office, "bob").await;
    let (mut ada, _, first) = at_work(office, "ada").await;
    let mut grant = Some(first);
    for cause in ["did_nothing", "loop", "failed", "out_of_credits"] {
        let grant = match grant.take() {
            Some(grant) => grant,
            None => {
                office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
                ada.must_take().await
            }
        };
        let before = office.get_task(grant.task.unwrap().0).await["attempts"].clone();
        upstream.now_says(limited(429, &[("retry-after", "10")]));
        assert_eq!(call(&house, &bobs).await.status, 429);
        ada.end(&grant, cause).await.ok();
        assert_eq!(office.get_task(grant.task.unwrap().0).await["attempts"], before, "{cause}: it counts");
        let session = office.call("GET", &format!("/sessions/{}", grant.id), Value::Null).await.ok();
        assert!(!session["session"]["exit"].as_str().unwrap().contains("quota"), "{session}");
        house.advance(11_000).await;
    }
    house.close().await;
}

#[tokio::test]
async fn an_overloaded_provider_that_names_a_time_costs_no_attempt() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (ada, task, grant) = at_work(office, "ada").await;
    upstream.now_says(limited(529, &[("retry-after", "10")]));
    assert_eq!(call(&house, &grant).await.status, 529);
    ada.end(&grant, "provider_failed").await.ok();
    let waiting = office.get_task(task).await;
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(0)), "{waiting}");
    house.close().await;
}

#[tokio::test]
async fn a_refusal_of_long_ago_excuses_nobody() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (mut ada, task, grant) = at_work(office, "ada").await;
    upstream.now_says(limited(401, &[]));
    assert_eq!(call(&house, &grant).await.status, 401);
    ada.end(&grant, "unauthorized").await.ok();
    house.advance(1_000).await;
    let grant = ada.must_take().await;
    // Programs call a 403 by the same name; it is about the model, not about the key.
    upstream.now_says(limited(403, &[]));
    assert_eq!(call(&house, &grant).await.status, 403);
    ada.end(&grant, "unauthorized").await.ok();
    assert_eq!(office.get_task(task).await["attempts"], 1, "it counts");
    house.close().await;
}

#[tokio::test]
async fn the_first_refusal_of_a_key_costs_no_attempt() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (mut ada, task, grant) = at_work(office, "ada").await;
    upstream.now_says(limited(401, &[]));
    for grant in [Some(grant), None] {
        let grant = match grant {
            Some(grant) => grant,
            None => ada.must_take().await,
        };
        assert_eq!(call(&house, &grant).await.status, 401);
        ada.end(&grant, "unauthorized").await.ok();
        let waiting = office.get_task(task).await;
        assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(0)), "{waiting}");
    }
    assert!(ada.take().await.is_none(), "no storm of attempts");
    house.close().await;
}

#[tokio::test]
async fn a_message_outlives_every_quota() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "provider": "anthropic"})).await;
    let mut ada = office.runner("ada").await;
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "hello"})).await.ok();
    upstream.now_says(limited(429, &[]));
    // More often than a message that makes its sessions fail would be tried.
    for pause_seconds in [5, 10, 20, 40, 80] {
        let grant = ada.must_take().await;
        assert_eq!(call(&house, &grant).await.status, 429);
        ada.end(&grant, "rate_limited").await.ok();
        assert!(ada.take().await.is_none());
        house.advance(pause_seconds * 1_000 + 100).await;
    }
    upstream.now_says(Script::json(200, OK));
    let grant = ada.must_take().await;
    assert_eq!(call(&house, &grant).await.status, 200);
    ada.end(&grant, "finished").await.ok();
    assert!(ada.take().await.is_none(), "it was read");
    house.close().await;
}

#[tokio::test]
async fn an_office_that_meets_a_quota_parks_no_other() {
    let (house, upstream) = house().await;
    let (office, other) = (house.office().await, house.office().await);
    let (_ada, _, grant) = at_work(office, "ada").await;
    let (_eve, _, elsewhere) = at_work(other, "eve").await;
    upstream.now_says(limited(429, &[("retry-after", "600")]));
    call(&house, &grant).await;
    upstream.now_says(Script::json(200, OK));
    assert_eq!(call(&house, &elsewhere).await.status, 200);
    house.close().await;
}

#[tokio::test]
async fn a_key_that_is_refused_twice_fails_its_agents_until_another_is_set() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (mut ada, task, grant) = at_work(office, "ada").await;
    upstream.now_says(limited(401, &[]));
    for _ in 0..2 {
        assert_eq!(call(&house, &grant).await.status, 401);
    }
    ada.end(&grant, "stale").await.ok();
    let agent = office.call("GET", "/employees/ada", Value::Null).await.ok();
    assert_eq!(agent["status"]["phase"], "Failed", "{agent}");
    assert!(agent["status"]["message"].as_str().unwrap().contains("mi integrations set claude-code"), "{agent}");
    let error = office.call("GET", "/employees/ada/last-error", Value::Null).await.ok();
    assert_eq!(error["error"], agent["status"]["message"], "{error}");
    let session = office.call("GET", &format!("/sessions/{}", grant.id), Value::Null).await.ok()["session"].clone();
    assert_eq!(session["summary"], session["exit"], "{session}");
    assert!(session["exit"].as_str().unwrap().starts_with("unauthorized: anthropic"), "{session}");
    assert!(ada.take().await.is_none(), "no storm of attempts");
    let waiting = office.get_task(task).await;
    assert_eq!((&waiting["why"]["code"], &waiting["attempts"]), (&json!("no_model_key"), &json!(0)), "{waiting}");

    upstream.now_says(Script::json(200, OK));
    let before = upstream.calls();
    office.call("POST", "/integrations/claude-code/secret", json!({"key": "sk-2"})).await.ok();
    assert_eq!(upstream.calls(), before + 1);
    let grant = ada.must_take().await;
    assert_eq!(call(&house, &grant).await.status, 200);
    assert_eq!(upstream.last().headers["x-api-key"], "sk-2");
    house.close().await;
}

#[tokio::test]
async fn a_refusal_between_good_calls_is_forgotten() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (_ada, _, grant) = at_work(office, "ada").await;
    for _ in 0..2 {
        upstream.now_says(limited(401, &[]));
        assert_eq!(call(&house, &grant).await.status, 401);
        upstream.now_says(Script::json(200, OK));
        assert_eq!(call(&house, &grant).await.status, 200);
    }
    house.close().await;
}

#[tokio::test]
async fn free_calls_obey_a_quota_and_say_nothing_of_it() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (_ada, _, grant) = at_work(office, "ada").await;
    let list = async || house.as_key(&grant.credential).call("GET", "/llm/anthropic/v1/models", Value::Null).await;
    upstream.now_says(limited(429, &[]));
    assert_eq!(call(&house, &grant).await.status, 429);
    upstream.now_says(Script::json(200, OK));
    assert_eq!(list().await.refused(), (429, "provider_quota".to_owned()));
    house.advance(5_001).await;
    assert_eq!((list().await.status, upstream.calls()), (200, 2));
    upstream.now_says(limited(429, &[]));
    assert_eq!(call(&house, &grant).await.status, 429);
    assert_eq!(call(&house, &grant).await.header("retry-after"), Some("10"), "a list is no model's answer");
    house.advance(10_001).await;
    upstream.now_says(limited(401, &[]));
    for _ in 0..2 {
        assert_eq!(list().await.status, 401);
    }
    upstream.now_says(Script::json(200, OK));
    assert_eq!(call(&house, &grant).await.status, 200);
    house.close().await;
}

#[tokio::test]
async fn a_sleeper_is_woken_when_the_quota_is_over() {
    let (house, upstream) = house().await;
    let office = house.office().await;
    let (mut ada, task, grant) = at_work(office, "ada").await;
    upstream.now_says(limited(429, &[("retry-after", "7200")]));
    call(&house, &grant).await;
    ada.end(&grant, "stale").await.ok();
    house.advance(3_600_000).await;
    while ada.next(0).await.status == 204 {
        house.advance(60_000).await;
    }
    house.settle().await;
    let phase = |agent: Value| agent["status"]["phase"].clone();
    let resting = office.call("GET", "/employees/ada", Value::Null).await.ok();
    assert_eq!(phase(resting), "Hibernated");
    assert_eq!(office.get_task(task).await["why"]["code"], "quota");
    house.advance(3_600_000).await;
    house.settle().await;
    let woken = office.call("GET", "/employees/ada", Value::Null).await.ok();
    assert_ne!(phase(woken), "Hibernated");
    house.close().await;
}
