//! What stands on a session, its task and its agent: causes, tokens, cost, times, tools.

use axum::http::Method;
use bytes::Bytes;
use http_body_util::BodyExt;
use mi_core::time::Millis;
use serde_json::{Value, json};

use crate::gateway::tests::upstream::{Script, Upstream};
use crate::infra::http::Via;
use crate::testing::{FakeRunner, TestHouse, TestOffice};

/// 1,000 tokens in, 400 of them cached, 200 out.
const ANSWER: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":600,\
    \"cache_read_input_tokens\":400,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\
    \"usage\":{\"output_tokens\":200}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

async fn with_model() -> (TestHouse, Upstream) {
    let upstream = Upstream::new(Script::events(ANSWER)).await;
    let environment = [("ANTHROPIC_BASE_URL", upstream.base.as_str()), ("ANTHROPIC_API_KEY", "sk-of-the-office")];
    (TestHouse::with_environment(&environment).await, upstream)
}

async fn native(office: TestOffice<'_>, name: &str) {
    office.hire_with(json!({"name": name, "harness": "native", "provider": "anthropic"})).await;
}

/// A model call of the session's harness, to its end.
async fn call(runner: &FakeRunner<'_>, grant: &mi_core::wire::runner::SessionGrant) {
    let body = json!({"model": "claude-sonnet-4-6", "stream": true, "messages": []}).to_string().into_bytes();
    let speaker = runner.harness(grant).through(Via::Pod(runner.agent));
    let reply = speaker.send(Method::POST.as_str(), "/llm/anthropic/v1/messages", body).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn what_calls_use_stands_on_the_session_the_task_what_is_above_it_and_the_agent() {
    let (house, _upstream) = with_model().await;
    let office = house.office().await;
    native(office, "ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "whole"})).await;
    office.task(json!({"title": "part", "parentId": 1})).await;
    office.task(json!({"title": "part of the part", "parentId": 2, "assignedAgent": "ada"})).await;
    house.house.clock.advance(Millis(3_000));
    let grant = ada.must_take().await;
    house.house.clock.advance(Millis(1_500));
    call(&ada, &grant).await;
    house.house.clock.advance(Millis(1_500));
    call(&ada, &grant).await;

    let used = json!({"input_tokens": 2000, "cached_tokens": 800, "output_tokens": 400, "cost": 0.984});
    let nothing = json!({"input_tokens": 0, "cached_tokens": 0, "output_tokens": 0, "cost": 0});
    let task = office.get_task(3).await;
    assert_eq!((&task["used"], &task["used_with_subtasks"]), (&used, &Value::Null), "{task}");
    for above in [1, 2] {
        let task = office.get_task(above).await;
        assert_eq!((&task["used"], &task["used_with_subtasks"]), (&nothing, &used));
    }
    let list = office.call("GET", "/tasks", Value::Null).await.ok();
    assert_eq!(list.as_array().unwrap().iter().filter(|task| task["used_with_subtasks"] == used).count(), 2);
    let card = office.call("GET", "/employees/ada", Value::Null).await.ok();
    let camel = json!({"inputTokens": 2000, "cachedTokens": 800, "outputTokens": 400, "cost": 0.984});
    assert_eq!(card["used"], camel);
    assert_eq!(office.call("GET", "/employees", Value::Null).await.ok()[0]["used"], camel);

    let session = office.call("GET", &format!("/sessions/{}", grant.id), Value::Null).await.ok()["session"].clone();
    let after = |at: &str| {
        let read = |name: &str| mi_core::time::Time::parse(session[name].as_str().unwrap()).unwrap();
        (read(at) - read("queued_at")).0
    };
    assert_eq!((after("started_at"), after("first_token_at")), (3_000, 4_500));
    assert_eq!(session["cause"], json!({"kind": "task", "by": "owner", "chain": 0}));
    assert_eq!((&session["provider"], &session["cached_tokens"]), (&json!("anthropic"), &json!(800)));
    ada.done(&grant, "ok").await.ok();
    ada.end(&grant, "finished").await.ok();
    house.close().await;
}

#[tokio::test]
async fn tools_are_counted_and_what_really_ran_is_told() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, grant) = office.at_work("ada").await;
    let at = house.now().to_string();
    let tool = |text: &str| json!({"at": at, "kind": "tool", "text": text});
    let told = |name: &str, failed: bool| json!({"at": at, "kind": "tool", "text": "t", "tool": {"name": name, "failed": failed, "took_ms": 40}});
    let items = json!([tool("shell {}\n→ ok"), tool("shell {}\n→ error: no"), told("Bash", true), told("Bash", false)]);
    let path = format!("/sessions/{}", grant.id);
    let post = json!({"from": 0, "items": items});
    for _ in 0..2 {
        office.call_as(&ada.speaker(), "POST", &format!("{path}/events"), post.clone()).await.ok();
    }
    let shown = office.call("GET", &path, Value::Null).await.ok();
    let tools = json!([
        {"name": "Bash", "calls": 2, "failures": 1, "took_ms": 80},
        {"name": "shell", "calls": 2, "failures": 1},
    ]);
    assert_eq!((&shown["tools"], &shown["session"]["harness"]), (&tools, &json!("command")));
    ada.done(&grant, "ok").await.ok();
    let end = json!({"exit": 0, "cause": "finished", "summary": "", "last": 4, "harness": "native"});
    office.call_as(&ada.speaker(), "POST", &format!("{path}/end"), end).await.ok();
    assert_eq!(office.call("GET", &path, Value::Null).await.ok()["session"]["harness"], "native");

    let crowd: Vec<Value> = (0..150).map(|n| told(&format!("tool{n}"), false)).collect();
    office.call_as(&ada.speaker(), "POST", &format!("{path}/events"), json!({"from": 4, "items": crowd})).await.ok();
    let shown = office.call("GET", &path, Value::Null).await.ok();
    let others = &shown["tools"][0];
    assert_eq!((&others["name"], &others["calls"]), (&json!("(others)"), &json!(52)));
    house.close().await;
}

#[tokio::test]
async fn a_session_is_followed_part_by_part_to_its_end() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, grant) = office.at_work("ada").await;
    let path = office.path(&format!("/sessions/{}/stream", grant.id));
    let mut body = house.owner().begin("GET", &path, Vec::new()).await.into_body();
    let mut heard = String::new();
    let mut until = async |wanted: &str| {
        while !heard.contains(wanted) {
            let frame = body.frame().await.unwrap().unwrap();
            let bytes: Bytes = frame.into_data().unwrap();
            heard.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        std::mem::take(&mut heard)
    };
    let first = until("\"items\":[]").await;
    assert!(first.contains("event: part\nid: 0\n"), "{first}");
    ada.log(&grant, 0, &["one", "two"]).await.ok();
    assert!(until("\"two\"").await.contains("id: 2\n"));
    ada.done(&grant, "ok").await.ok();
    until("\"state\":\"settled\"").await;
    ada.end(&grant, "finished").await.ok();
    until("\"state\":\"ended\"").await;
    drop(body);

    let again = house.owner().with_header("last-event-id", "1").begin("GET", &path, Vec::new()).await;
    let mut body = again.into_body();
    let mut rest = String::new();
    while !rest.contains("ended") {
        rest.push_str(std::str::from_utf8(&body.frame().await.unwrap().unwrap().into_data().unwrap()).unwrap());
    }
    assert!(rest.contains("\"two\"") && !rest.contains("\"one\""), "{rest}");
    drop(body);
    let none = house.owner().with_header("last-event-id", "x").call("GET", &path, Value::Null).await;
    assert_eq!(none.refused(), (400, "bad_request".to_owned()));
    house.close().await;
}
