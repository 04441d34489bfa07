//! A day without work costs nothing: no model is called, nobody is woken.

use mi_core::problem::Code;
use serde_json::{Value, json};

use crate::gateway::tests::upstream::{Script, Upstream};
use crate::testing::{FakeRunner, TestHouse, TestOffice};

const MINUTE: i64 = 60 * 1_000;
const DAY_MINUTES: i64 = 24 * 60;
/// How often whoever is up asks for work in these tests.
const STEP_MINUTES: i64 = 5;

/// An answer that would be recorded, were a model ever called.
async fn with_models() -> (TestHouse, Upstream) {
    let upstream = Upstream::new(Script::json(200, "{}")).await;
    let base = upstream.base.clone();
    let openai = format!("{base}/v1");
    let environment = [
        ("ANTHROPIC_BASE_URL", base.as_str()),
        ("ANTHROPIC_API_KEY", "sk-a"),
        ("OPENAI_BASE_URL", openai.as_str()),
        ("OPENAI_API_KEY", "sk-o"),
        ("GEMINI_BASE_URL", base.as_str()),
        ("GEMINI_API_KEY", "sk-g"),
    ];
    (TestHouse::with_environment(&environment).await, upstream)
}

async fn staff<'a>(office: TestOffice<'a>) -> Vec<FakeRunner<'a>> {
    office.lift_hire_limit().await;
    let mut runners = Vec::new();
    for (name, harness, provider) in [
        ("nat", "native", "anthropic"),
        ("claude", "claude-code", "claude-code"),
        ("codex", "openai-codex", "openai-codex"),
        ("gem", "gemini-cli", "google"),
    ] {
        office.hire_with(json!({"name": name, "harness": harness, "provider": provider})).await;
        runners.push(office.runner(name).await);
    }
    office.hire("cmd").await;
    runners.push(office.runner("cmd").await);
    runners
}

/// A day in steps: sweeps run, whoever is up asks, agents elsewhere beat, and nobody gets anything to do.
async fn a_day(office: TestOffice<'_>, mut runners: Vec<FakeRunner<'_>>) {
    let house = office.house;
    for _ in 0..DAY_MINUTES / STEP_MINUTES {
        house.advance(STEP_MINUTES * MINUTE).await;
        for mut runner in std::mem::take(&mut runners) {
            let reply = runner.next(0).await;
            match (reply.status, reply.json["control"].as_str()) {
                (204, None) => runners.push(runner),
                (200, Some("hibernate")) => runner.exit(0).await,
                (status, order) => panic!("{} got {status} {order:?} {}", runner.name, reply.json),
            }
        }
    }
}

async fn events(office: TestOffice<'_>, kind: &str) -> usize {
    let all = office.call("GET", "/events?limit=500", Value::Null).await.ok();
    all.as_array().unwrap().iter().filter(|event| event["type"] == kind).count()
}

/// No session, no wake-up, no call, nothing spent.
async fn nothing_happened(office: TestOffice<'_>, upstream: &Upstream) {
    assert_eq!((upstream.calls(), events(office, "agents.wake").await, events(office, "tasks.claim").await), (0, 0, 0));
    let usage = office.call("GET", "/usage/llm/summary", Value::Null).await.ok();
    assert_eq!((&usage["total_tokens"], &usage["agents"]), (&json!(0), &json!(0)));
    let rows = office.house.everything().await;
    assert!(!rows.iter().any(|row| row.starts_with("sessions:")), "nobody began anything");
}

#[tokio::test]
async fn a_day_of_an_office_without_work_calls_no_model() {
    let (house, upstream) = with_models().await;
    let office = house.office().await;
    let runners = staff(office).await;
    a_day(office, runners).await;
    nothing_happened(office, &upstream).await;
    assert_eq!((house.driver.running(), events(office, "agents.hibernate").await), (0, 5));
    house.close().await;
}

#[tokio::test]
async fn a_day_of_agents_that_stay_up_calls_no_model() {
    let (house, upstream) = with_models().await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"idleTimeoutSeconds": 7 * 24 * 3600})).await.ok();
    let runners = staff(office).await;
    a_day(office, runners).await;
    nothing_happened(office, &upstream).await;
    assert_eq!(house.driver.running(), 5);
    house.close().await;
}

#[tokio::test]
async fn a_day_of_tasks_that_nobody_can_take_calls_no_model() {
    let (house, upstream) = with_models().await;
    let office = house.office().await;
    let runners = staff(office).await;
    office.hire("away").await;
    office.call("POST", "/employees/away/lifecycle", json!({"action": "stop"})).await.ok();
    // Of a tool that nobody has, of somebody who was stopped, for tomorrow, after these, and in parts that wait.
    office.task(json!({"title": "tool", "requiredTools": ["linear"]})).await;
    office.task(json!({"title": "away", "assignedAgent": "away"})).await;
    office.task(json!({"title": "tomorrow", "notBefore": "+2d"})).await;
    office.task(json!({"title": "after", "dependsOn": "1,2,3"})).await;
    let whole = office.task(json!({"title": "whole"})).await;
    office.task(json!({"title": "part", "parentId": whole, "dependsOn": "4"})).await;
    // Failed for good, and what needed it.
    let failed = office.task(json!({"title": "failed", "requiredTools": ["linear"]})).await;
    office.task(json!({"title": "needs it", "dependsOn": failed.to_string()})).await;
    office.call("POST", &format!("/tasks/{failed}/cancel"), json!({})).await.ok();
    // A program reads no messages by itself, and what nobody is mentioned in wakes nobody.
    office.call("POST", "/messages/send", json!({"to": "cmd", "content": "hello"})).await.ok();
    office.call("POST", "/xmtp/groups/office/send", json!({"body": "good morning"})).await.ok();
    let late = office.call("PATCH", "/tasks/1", json!({"status": "done", "result": "x"})).await;
    assert_eq!(late.refused().1, Code::IllegalTransition.as_str());
    a_day(office, runners).await;
    nothing_happened(office, &upstream).await;
    assert_eq!(house.driver.running(), 0);
    house.close().await;
}
