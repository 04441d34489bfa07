//! What calls cost, from the moment before they are sent.

use axum::http::Method;
use bytes::Bytes;
use http_body_util::BodyExt;
use mi_core::ids::ClaimToken;
use mi_core::time::Millis;
use serde_json::{Value, json};

use super::bench::{Bench, Got};
use super::upstream::{End, Script, Upstream};
use crate::args;
use crate::credits::hold::WhenShort;
use crate::gateway::account::{self, Order, Session};
use crate::gateway::estimate::{Bounds, Wanted};
use crate::gateway::outflow::UNWANTED_SECONDS_MAX;
use crate::infra::db::Tx;

const PATH: &str = "/llm/anthropic/v1/messages";
const BEGUN: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":\
    {\"input_tokens\":1000,\"output_tokens\":1}}}\n\n";
const WHOLE: &str = r#"{"type":"message","usage":{"input_tokens":1000,"output_tokens":200}}"#;
/// 1,000 tokens at 3 USD and 200 at 15 USD a million.
const COST: f64 = 0.6;

async fn bench(script: Script) -> (Bench, Upstream) {
    let upstream = Upstream::new(script).await;
    (Bench::new(&[("ANTHROPIC_BASE_URL", &upstream.base), ("ANTHROPIC_API_KEY", "sk")]).await, upstream)
}

/// Of a model that no list knows, so that the request's own word is the limit: 0.0015 credits a token. All of it may be
/// thoughts, so that it can't be limited further.
fn asking(tokens: i64) -> Value {
    json!({"model": "m", "max_tokens": tokens, "thinking": {"budget_tokens": tokens}})
}

/// One that may cost this many credits, and a hundredth for what it reads.
fn worth(credits: i64) -> Value {
    asking(credits * 2_000 / 3)
}

async fn credits(bench: &Bench) -> Value {
    bench.get(&bench.at("/credits")).await.json()
}

async fn agent(bench: &Bench) -> Value {
    bench.get(&bench.at("/employees/ada")).await.json()
}

async fn task(bench: &Bench, id: i64) -> Value {
    bench.get(&bench.at(&format!("/tasks/{id}"))).await.json()["task"].clone()
}

async fn calls(bench: &Bench) -> Vec<Value> {
    bench.get(&bench.at("/usage/llm")).await.json().as_array().unwrap().clone()
}

async fn add(bench: &Bench, amount: i64) {
    assert_eq!(bench.post(&bench.at("/credits"), json!({"amount": amount})).await.status, 200);
}

fn code(got: &Got, status: u16, code: &str) {
    assert_eq!(got.problem(), (status, code.to_owned()), "{:?}", got.json());
}

#[tokio::test]
async fn what_a_call_may_cost_is_put_aside_while_it_runs() {
    let (bench, _upstream) = bench(Script { end: End::Hangs, ..Script::events(BEGUN) }).await;
    let body = Bytes::from(json!({"model": "claude-sonnet-4-6", "stream": true, "max_tokens": 1000}).to_string());
    // 21 tokens put into the cache at 3.75 USD, 1,000 at 15 USD a million.
    let worst = json!(1.507_875);
    assert_eq!(body.len() / 3 + 1, 21);
    let response = bench.begin(Method::POST, PATH, &bench.credential, &[], body).await;
    let held = credits(&bench).await;
    assert_eq!((&held["balance"], &held["available"], &held["held"]), (&json!(1000), &json!(998.492_125), &worst));
    assert_eq!(calls(&bench).await[0]["held"], worst);
    let (mut flowing, mut taken) = (response.into_body(), 0);
    while taken < BEGUN.len() {
        taken += flowing.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    drop(flowing);
    // What was reported at its beginning: 1,000 and 1.
    let over = |credits: &Value| {
        bench.house.clock.advance(Millis::seconds(1));
        credits["held"] == 0
    };
    let after = bench.until(&bench.at("/credits"), over).await;
    assert_eq!(after["balance"], json!(999.698_5));
    bench.close().await;
}

#[tokio::test]
async fn a_call_that_is_refused_costs_nothing() {
    for status in [400, 401, 402, 429, 500, 529] {
        let (bench, _upstream) = bench(Script::json(status, r#"{"usage":{"input_tokens":7}}"#)).await;
        assert_eq!(bench.call_while_time_passes(PATH, asking(100)).await.status, status);
        assert_eq!(credits(&bench).await["balance"], 1000);
        assert_eq!(credits(&bench).await["held"], 0);
        assert_eq!(calls(&bench).await[0]["state"], "failed");
        bench.close().await;
    }
}

#[tokio::test]
async fn nothing_is_collected_beyond_what_was_put_aside() {
    let (bench, _upstream) = bench(Script::json(200, WHOLE)).await;
    assert_eq!(bench.call(PATH, json!({"model": "claude-sonnet-4-6", "max_tokens": 1})).await.status, 200);
    let call = &calls(&bench).await[0];
    let (paid, rest) = (call["credits"].as_f64().unwrap(), call["uncollected"].as_f64().unwrap());
    assert!(rest > 0.5 && (paid + rest - COST).abs() < 1e-9, "{call}");
    assert_eq!(credits(&bench).await["balance"].as_f64(), Some(1000.0 - paid));
    bench.close().await;
}

#[tokio::test]
async fn what_the_office_cant_pay_is_not_sent_and_its_agent_is_suspended_until_it_can() {
    let (bench, upstream) = bench(Script::json(200, WHOLE)).await;
    let refused = bench.call(PATH, worth(1_200)).await;
    code(&refused, 402, "out_of_credits");
    let told = refused.json();
    assert!(told["error"].as_str().unwrap().starts_with("the call may cost 1200."), "{told}");
    assert!(told["error"].as_str().unwrap().ends_with("the office has 1000 available"), "{told}");
    assert!(told["hint"].as_str().unwrap().contains("mi credits add"), "{told}");
    assert_eq!((upstream.calls(), calls(&bench).await.len()), (0, 0));

    let ada = agent(&bench).await;
    assert_eq!(ada["status"]["phase"], "Suspended", "{ada}");
    let waiting = task(&bench, 1).await;
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(0)));
    assert_eq!(waiting["why"]["code"], "out_of_credits");
    let claim = bench.post(&bench.at("/tasks/claim"), json!({"agent": "ada"})).await;
    assert_eq!(claim.status, 204, "who is suspended takes nothing");
    code(&bench.call(PATH, asking(1)).await, 409, "stale_claim");

    add(&bench, 100).await;
    assert_eq!(agent(&bench).await["status"]["phase"], "Suspended", "that is not enough");
    add(&bench, 200).await;
    assert_ne!(agent(&bench).await["status"]["phase"], "Suspended");
    let claim = bench.post(&bench.at("/tasks/claim"), json!({"agent": "ada"})).await;
    assert_eq!((claim.status, claim.json()["id"].clone()), (200, json!(1)));
    let events = bench.get(&bench.at("/events?category=lifecycle&limit=500")).await.json().to_string();
    assert!(events.contains("agents.suspend") && events.contains("agents.resume"), "{events}");
    bench.close().await;
}

#[tokio::test]
async fn a_call_waits_for_what_others_have_put_aside_and_not_for_ever() {
    let (bench, _upstream) = bench(Script { end: End::Hangs, ..Script::events(BEGUN) }).await;
    wait_and_give_up(&bench).await;
    bench.close().await;
}

async fn wait_and_give_up(bench: &Bench) {
    let body = |credits: i64| Bytes::from(worth(credits).to_string());
    let first = bench.begin(Method::POST, PATH, &bench.credential, &[], body(800)).await;
    assert_eq!(first.status(), 200);
    let second = bench.begin(Method::POST, PATH, &bench.credential, &[], body(300));
    tokio::pin!(second);
    assert!(futures_util::poll!(&mut second).is_pending());
    bench.until(&bench.at("/credits"), |credits| credits["held"].as_f64().unwrap() > 800.0).await;
    drop(first);
    let second = bench.while_time_passes(second).await;
    assert_eq!(second.status(), 200);

    let third = bench.begin(Method::POST, PATH, &bench.credential, &[], body(800));
    tokio::pin!(third);
    assert!(futures_util::poll!(&mut third).is_pending());
    bench.until(&bench.at("/credits"), |credits| credits["held"].as_f64().unwrap() > 300.0).await;
    bench.house.clock.advance(Millis::seconds(61));
    let third = third.await;
    assert_eq!(third.status(), 402);
    assert_eq!(agent(bench).await["status"]["phase"], "Suspended");
    // What it needs comes back with the end of the second.
    drop(second);
    let over = |ada: &Value| {
        bench.house.clock.advance(Millis::seconds(1));
        ada["status"]["phase"] != "Suspended"
    };
    bench.until(&bench.at("/employees/ada"), over).await;
}

fn order(bench: &Bench) -> Order {
    let priced = bench.house.settings.prices.of("anthropic", "m");
    let bounds = Bounds::new(&priced, 30, Wanted { output_max: Some(100), ..Wanted::default() });
    Order { provider: "anthropic", model: "m".to_owned(), priced, bounds, when_short: WhenShort::Suspend }
}

#[tokio::test]
async fn what_is_put_aside_for_a_caller_that_is_gone_comes_back() {
    let (bench, upstream) = bench(Script::json(200, WHOLE)).await;
    let agent = agent(&bench).await["id"].as_str().unwrap().parse().unwrap();
    let session = Session { office: bench.office, agent, number: ClaimToken(bench.session) };
    {
        let mut reserving = std::pin::pin!(account::reserve(&bench.house, session, order(&bench)));
        assert!(futures_util::poll!(&mut reserving).is_pending());
    }
    // What was begun is written all the same.
    bench.until(&bench.at("/usage/llm"), |calls| calls[0]["state"] == "failed").await;
    assert_eq!((&credits(&bench).await["held"], upstream.calls()), (&json!(0), 0));
    bench.close().await;
}

#[tokio::test]
async fn a_settlement_that_fails_is_tried_again() {
    let (bench, _upstream) = bench(Script { end: End::Hangs, ..Script::events(BEGUN) }).await;
    let body = Bytes::from(worth(10).to_string());
    let mut flowing = bench.begin(Method::POST, PATH, &bench.credential, &[], body).await.into_body();
    flowing.frame().await.unwrap().unwrap();
    let alter = async |sql: &'static str| {
        let alter = move |tx: &mut dyn Tx| Ok(tx.execute(sql, args![])?);
        bench.house.db.write(alter).await.unwrap();
    };
    alter("alter table llm_calls rename to llm_calls_away").await;
    drop(flowing);
    // Writes follow each other, so the first try is over when a few more are.
    for _ in 0..5 {
        add(&bench, 1).await;
        bench.house.clock.advance(Millis::seconds(UNWANTED_SECONDS_MAX));
    }
    assert_ne!(credits(&bench).await["held"], 0);
    alter("alter table llm_calls_away rename to llm_calls").await;
    let over = |credits: &Value| {
        bench.house.clock.advance(Millis::seconds(1));
        credits["held"] == 0
    };
    bench.until(&bench.at("/credits"), over).await;
    bench.close().await;
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_answer_pays_what_it_cost() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let bench = Bench::new(&[("ANTHROPIC_BASE_URL", &base), ("ANTHROPIC_API_KEY", "sk")]).await;
    let mut stream = {
        let mut call = std::pin::pin!(bench.call(PATH, worth(10)));
        let mut come = std::pin::pin!(listener.accept());
        tokio::select! {
            _ = &mut call => panic!("nobody answers"),
            come = &mut come => come.unwrap().0,
        }
    };
    let answer = r#"{"usage":{"input_tokens":1000,"output_tokens":10}}"#;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
    tokio::io::AsyncWriteExt::write_all(&mut stream, (head + answer).as_bytes()).await.unwrap();
    let calls = bench.until(&bench.at("/usage/llm"), |calls| calls[0]["state"] != "reserved").await;
    assert_eq!((&calls[0]["state"], &calls[0]["estimated"]), (&json!("settled"), &json!(false)));
    assert_eq!((&calls[0]["input_tokens"], &calls[0]["output_tokens"]), (&json!(1000), &json!(10)));
    bench.close().await;
}

#[tokio::test]
async fn who_waits_for_a_budget_waits_for_what_is_put_aside_and_for_the_day_too() {
    let (bench, _upstream) = bench(Script { end: End::Hangs, ..Script::events(BEGUN) }).await;
    let budget = Bytes::from(json!({"budget": 2, "budgetPerDay": 1.4}).to_string());
    bench.send(Method::PATCH, &bench.at("/employees/ada"), &bench.key, &[], budget).await;
    let body = Bytes::from(asking(780).to_string());
    let response = bench.begin(Method::POST, PATH, &bench.credential, &[], body).await;
    let (mut flowing, mut taken) = (response.into_body(), 0);
    while taken < BEGUN.len() {
        taken += flowing.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    code(&bench.call_while_time_passes(PATH, asking(850)).await, 402, "budget_exhausted");
    add(&bench, 1).await;
    assert_eq!(agent(&bench).await["status"]["phase"], "Suspended", "it is still put aside");
    drop(flowing);
    // 0.3 of it were used: enough is left in all, and not of the day.
    let over = |credits: &Value| {
        bench.house.clock.advance(Millis::seconds(1));
        credits["held"] == 0
    };
    bench.until(&bench.at("/credits"), over).await;
    assert_eq!(agent(&bench).await["status"]["phase"], "Suspended");
    bench.test.advance(24 * 3_600_000).await;
    assert_ne!(agent(&bench).await["status"]["phase"], "Suspended");
    bench.close().await;
}

#[tokio::test]
async fn a_call_that_the_server_died_over_is_given_up() {
    let (bench, _upstream) = bench(Script { end: End::Hangs, ..Script::events(BEGUN) }).await;
    let mut flowing =
        bench.begin(Method::POST, PATH, &bench.credential, &[], Bytes::from(worth(10).to_string())).await.into_body();
    flowing.frame().await.unwrap().unwrap();
    let bench = bench.die_and_restart().await;
    drop(flowing);
    let told = credits(&bench).await;
    assert_eq!((&told["balance"], &told["held"]), (&json!(1000), &json!(0)));
    let call = &calls(&bench).await[0];
    assert_eq!((&call["state"], &call["credits"], &call["estimated"]), (&json!("lost"), &json!(0), &json!(true)));
    bench.close().await;
}

#[tokio::test]
async fn an_agents_budget_suspends_it_alone() {
    let (bench, upstream) = bench(Script::json(200, WHOLE)).await;
    let set = async |body: Value| {
        let body = Bytes::from(body.to_string());
        let got = bench.send(Method::PATCH, &bench.at("/employees/ada"), &bench.key, &[], body).await;
        assert_eq!(got.status, 200, "{:?}", got.json());
        got.json()
    };
    assert_eq!(bench.call(PATH, json!({"model": "claude-sonnet-4-6", "max_tokens": 1000})).await.status, 200);
    let ada = set(json!({"budget": "5", "budget_per_day": 2})).await;
    assert_eq!(ada["budget"], json!({"total": 5, "per_day": 2, "spent": 0.6, "held": 0}), "what was spent counts");

    let refused = bench.call(PATH, worth(3)).await;
    code(&refused, 402, "budget_exhausted");
    assert!(refused.json()["error"].as_str().unwrap().contains("budget of the day of ada has 1.4 credits left"));
    assert_eq!(upstream.calls(), 1);
    assert_eq!(agent(&bench).await["status"]["phase"], "Suspended");
    assert_eq!(task(&bench, 1).await["why"]["code"], "budget_exhausted");

    // The next day has 2 credits again, which is not enough; without a budget of the day it goes on.
    bench.test.advance(24 * 3_600_000).await;
    assert_eq!(agent(&bench).await["status"]["phase"], "Suspended");
    set(json!({"budgetPerDay": null})).await;
    assert_ne!(agent(&bench).await["status"]["phase"], "Suspended");
    assert_eq!(set(json!({"budget": null})).await["budget"], Value::Null);
    let wrong = Bytes::from(json!({"budget": -1}).to_string());
    code(&bench.send(Method::PATCH, &bench.at("/employees/ada"), &bench.key, &[], wrong).await, 400, "bad_request");
    bench.close().await;
}

#[tokio::test]
async fn a_budget_of_the_day_comes_back_with_the_day() {
    let (bench, _upstream) = bench(Script::json(200, WHOLE)).await;
    let body = Bytes::from(json!({"budgetPerDay": 2}).to_string());
    bench.send(Method::PATCH, &bench.at("/employees/ada"), &bench.key, &[], body).await;
    assert_eq!(bench.call(PATH, json!({"model": "claude-sonnet-4-6", "max_tokens": 1000})).await.status, 200);
    code(&bench.call(PATH, asking(1_000)).await, 402, "budget_exhausted");
    assert_eq!(agent(&bench).await["status"]["phase"], "Suspended");
    bench.test.advance(24 * 3_600_000).await;
    assert_ne!(agent(&bench).await["status"]["phase"], "Suspended");
    bench.close().await;
}

#[tokio::test]
async fn a_tasks_budget_is_shared_with_its_subtasks_and_blocks_who_passes_it() {
    let (bench, upstream) = bench(Script::json(200, WHOLE)).await;
    bench.post(&bench.at("/tasks"), json!({"title": "whole", "budget": 1})).await;
    bench.post(&bench.at("/tasks"), json!({"title": "part", "parentId": 2})).await;
    let claim = bench.post(&bench.at("/tasks/claim"), json!({"agent": "ada", "taskId": 3})).await.json();
    let credential = bench.credential_of(claim["claim"]["token"].as_i64().unwrap()).await;
    let call =
        async |body: Value| bench.send(Method::POST, PATH, &credential, &[], Bytes::from(body.to_string())).await;
    assert_eq!(call(json!({"model": "claude-sonnet-4-6", "max_tokens": 500})).await.status, 200);
    let whole = bench.get(&bench.at("/tasks/2")).await.json();
    assert_eq!(whole["budget"], json!({"total": 1, "spent": 0.6, "held": 0}));

    let refused = call(json!({"model": "claude-sonnet-4-6", "max_tokens": 500})).await;
    code(&refused, 402, "budget_exhausted");
    assert!(refused.json()["error"].as_str().unwrap().contains("the budget of task 2 has 0.4 credits left"));
    assert_eq!(upstream.calls(), 1);
    let blocked = task(&bench, 3).await;
    assert_eq!((&blocked["status"], &blocked["attempts"]), (&json!("blocked"), &json!(0)), "{blocked}");
    assert_eq!(blocked["why"]["code"], "quota");
    assert!(blocked["why"]["message"].as_str().unwrap().contains("the budget of task 2"));
    assert_ne!(agent(&bench).await["status"]["phase"], "Suspended", "other tasks it may do");
    bench.test.advance(3_600_000).await;
    assert_eq!(task(&bench, 3).await["status"], "blocked", "time alone doesn't help");

    let raise = Bytes::from(json!({"budget": 2}).to_string());
    let by_agent = bench.send(Method::PATCH, &bench.at("/tasks/2"), &bench.credential, &[], raise.clone()).await;
    assert_eq!(by_agent.status, 409, "its session is over");
    assert_eq!(bench.send(Method::PATCH, &bench.at("/tasks/2"), &bench.key, &[], raise).await.status, 200);
    assert_eq!(task(&bench, 3).await["status"], "queued");
    bench.close().await;
}

#[tokio::test]
async fn whoever_an_agent_hires_draws_on_its_budget_and_it_raises_none() {
    let (bench, _upstream) = bench(Script::json(200, WHOLE)).await;
    let body = Bytes::from(json!({"budget": 2}).to_string());
    bench.send(Method::PATCH, &bench.at("/employees/ada"), &bench.key, &[], body).await;
    let hire = Bytes::from(json!({"name": "ben", "budget": 1000}).to_string());
    assert_eq!(bench.send(Method::POST, &bench.at("/employees"), &bench.credential, &[], hire).await.status, 201);
    for (path, body) in [("/employees/ben", json!({"budget": 5_000})), ("/tasks/1", json!({"budget": 5}))] {
        let body = Bytes::from(body.to_string());
        let tried = bench.send(Method::PATCH, &bench.at(path), &bench.credential, &[], body).await;
        code(&tried, 403, "operator_only");
    }
    bench.post(&bench.at("/tasks"), json!({"title": "two", "assignedAgent": "ben"})).await;
    let claim = bench.post(&bench.at("/tasks/claim"), json!({"agent": "ben"})).await.json();
    let credential = bench.credential_for("ben", claim["claim"]["token"].as_i64().unwrap()).await;
    let body = Bytes::from(worth(3).to_string());
    let refused = bench.send(Method::POST, PATH, &credential, &[], body).await;
    code(&refused, 402, "budget_exhausted");
    assert!(
        refused.json()["error"]
            .as_str()
            .unwrap()
            .contains("the budget of ada, which ben draws on too, has 2 credits left")
    );
    bench.close().await;
}

#[tokio::test]
async fn usage_is_summed_by_whatever_is_asked_for() {
    let (bench, _upstream) = bench(Script::json(200, WHOLE)).await;
    for _ in 0..2 {
        bench.call(PATH, json!({"model": "claude-sonnet-4-6", "max_tokens": 500})).await;
    }
    bench.test.advance(24 * 3_600_000).await;
    // The attempt is lost, and offered again after a pause.
    bench.test.advance(60_000).await;
    let again = bench.post(&bench.at("/tasks/claim"), json!({"agent": "ada"})).await.json();
    let credential = bench.credential_of(again["claim"]["token"].as_i64().unwrap()).await;
    bench.send(Method::POST, PATH, &credential, &[], Bytes::from(asking(500).to_string())).await;
    let of = async |query: &str| bench.get(&bench.at(&format!("/usage{query}"))).await;
    let sums = |calls: i64, credits: f64, key: Value| {
        let mut row = json!({"kind": "model", "calls": calls, "input_tokens": 1000 * calls, "cached_tokens": 0,
            "output_tokens": 200 * calls, "credits": credits, "pod_minutes": 0});
        row.as_object_mut().unwrap().extend(key.as_object().unwrap().clone());
        row
    };
    assert_eq!(of("").await.json(), json!([sums(3, 1.8, json!({"agent": "ada"}))]));
    assert_eq!(of("?by=task").await.json(), json!([sums(3, 1.8, json!({"task_id": 1}))]));
    let models = of("?by=model&limit=1").await;
    assert_eq!(models.headers["x-total-count"], "2");
    let first = sums(2, 1.2, json!({"provider": "anthropic", "model": "claude-sonnet-4-6"}));
    assert_eq!(models.json(), json!([first]));
    let (one, two) = (json!({"day": "2026-01-01T00:00:00.000Z"}), json!({"day": "2026-01-02T00:00:00.000Z"}));
    assert_eq!(of("?by=day").await.json(), json!([sums(2, 1.2, one), sums(1, 0.6, two.clone())]));
    assert_eq!(of("?by=day&since=2026-01-02T11:00:00Z").await.json(), json!([sums(1, 0.6, two)]));
    code(&of("?by=mood").await, 400, "bad_request");
    assert_eq!(of("/summary").await.json()["total_credits"], json!(1.8));
    assert_eq!(of("/current").await.json()["total_credits"], json!(0.6));
    bench.close().await;
}

/// Calls of many at once, of which each costs exactly what it may cost at most.
#[tokio::test]
async fn many_at_once_never_spend_more_than_there_is() {
    const CALLS: usize = 50;
    const PAID: usize = 30;
    let (bench, upstream) = bench(Script::json(200, r#"{"usage":{"input_tokens":10000000,"output_tokens":0}}"#)).await;
    // 1,000 credits are enough for thirty of these.
    let body = asking(1_000 * 2_000 / 3 / i64::try_from(PAID).unwrap() - 20);
    let all = (0..CALLS).map(|_| bench.call(PATH, body.clone()));
    let got = futures_util::future::join_all(all).await;
    let paid = got.iter().filter(|got| got.status == 200).count();
    assert_eq!((paid, upstream.calls()), (PAID, PAID));
    // The first refusal ended the session of them all.
    assert!(got.iter().all(|got| matches!(got.status, 200 | 402 | 409)));
    let left = credits(&bench).await;
    assert_eq!(left["held"], 0);
    assert!(left["balance"].as_f64().unwrap() >= 0.0 && left["balance"].as_f64().unwrap() < 33.0, "{left}");
    assert_eq!(bench.test.broken().await, Vec::<String>::new());
    bench.close().await;
}
