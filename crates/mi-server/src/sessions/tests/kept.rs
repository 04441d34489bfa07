//! What is kept of what sessions said: without secrets, within limits, as long as events, and only if the office wants it.

use mi_core::limits::SESSION_SAID_BYTES_MAX;
use serde_json::{Value, json};

use crate::testing::{FakeRunner, TestHouse, TestOffice};

const MODEL: &[(&str, &str)] = &[("ANTHROPIC_API_KEY", "sk-of-the-office")];

async fn at_work<'a>(office: TestOffice<'a>) -> (FakeRunner<'a>, mi_core::wire::runner::SessionGrant) {
    office.hire_with(json!({"name": "ada", "harness": "native", "provider": "anthropic"})).await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "a"})).await;
    let grant = ada.must_take().await;
    (ada, grant)
}

async fn say(ada: &FakeRunner<'_>, grant: &mi_core::wire::runner::SessionGrant, from: i64, said: &[(&str, &str)]) {
    let at = ada.office.house.now().to_string();
    let items: Vec<Value> = said.iter().map(|(kind, text)| json!({"at": at, "kind": kind, "text": text})).collect();
    let path = format!("/sessions/{}/events", grant.id);
    ada.office.call_as(&ada.speaker(), "POST", &path, json!({"from": from, "items": items})).await.ok();
}

async fn kinds(office: TestOffice<'_>, session: mi_core::ids::ClaimToken) -> Vec<(String, String)> {
    let part = office.call("GET", &format!("/sessions/{session}"), Value::Null).await.ok();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    part["items"].as_array().unwrap().iter().map(|item| (text(item, "kind"), text(item, "text"))).collect()
}

#[tokio::test]
async fn with_transcripts_off_nothing_of_prompts_and_replies_is_kept_anywhere() {
    let house = TestHouse::with_environment(MODEL).await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"keepTranscripts": false})).await.ok();
    let (ada, grant) = at_work(office).await;
    let canaries = ["canary-prompt", "canary-reply", "canary-argument", "canary-output", "canary-summary"];
    let tool = format!("shell {{\"command\":\"{}\"}}\n→ {}", canaries[2], canaries[3]);
    let said =
        [("prompt", canaries[0]), ("transcript", canaries[1]), ("tool", &tool), ("log", "a line"), ("usage", "{}")];
    say(&ada, &grant, 0, &said).await;
    let own = |kind: &str, text: &str| (kind.to_owned(), text.to_owned());
    assert_eq!(kinds(office, grant.id).await, [own("tool", "shell"), own("log", "a line"), own("usage", "{}")]);
    let end = json!({"cause": "failed", "summary": format!("it said last: {}", canaries[4]), "last": 5});
    office.call_as(&ada.speaker(), "POST", &format!("/sessions/{}/end", grant.id), end).await.ok();
    let rows = house.everything().await;
    for canary in canaries {
        assert!(!rows.iter().any(|row| row.contains(canary)), "{canary} is in the store");
    }
    let shown = office.call("GET", &format!("/sessions/{}", grant.id), Value::Null).await.ok();
    assert_eq!(shown["tools"], json!([{"name": "shell", "calls": 1, "failures": 0}]));
    house.close().await;
}

#[tokio::test]
async fn what_other_programs_print_is_a_reply_too() {
    let house = TestHouse::with_environment(MODEL).await;
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "harness": "claude-code", "provider": "claude-code"})).await;
    let mut ada = office.runner("ada").await;
    for (keep, expected) in [(false, 0), (true, 1)] {
        office.call("PATCH", "/settings", json!({"keepTranscripts": keep})).await.ok();
        office.task(json!({"title": "a"})).await;
        let grant = ada.must_take().await;
        say(&ada, &grant, 0, &[("log", "an event that nobody knows")]).await;
        assert_eq!(kinds(office, grant.id).await.len(), expected);
        ada.done(&grant, "ok").await.ok();
        ada.end(&grant, "finished").await.ok();
    }
    house.close().await;
}

#[tokio::test]
async fn secrets_are_taken_out() {
    let house = TestHouse::with_environment(MODEL).await;
    let office = house.office().await;
    office.call("PUT", "/env", json!({"DEPLOY_TOKEN": "hunter2-hunter2"})).await.ok();
    let secret = json!({"data": {"GITHUB_TOKEN": "a-token-of-github"}});
    let set = office.call("POST", "/integrations/github/secret", secret).await;
    assert_eq!(set.status, 200, "{}", set.json);
    let (ada, grant) = at_work(office).await;
    let key = "sk-ant-api03-AbC1defGhiJklMnoPqrs";
    let text = format!("hunter2-hunter2 a-token-of-github {} {key} fine", grant.credential);
    say(&ada, &grant, 0, &[("transcript", &text), ("log", &text), ("tool", &text)]).await;
    let end = json!({"cause": "failed", "summary": text, "last": 3});
    office.call_as(&ada.speaker(), "POST", &format!("/sessions/{}/end", grant.id), end).await.ok();
    let shown = kinds(office, grant.id).await;
    assert_eq!(shown[0].1, "[DEPLOY_TOKEN] [GITHUB_TOKEN] [session credential] [key] fine");
    let rows = house.everything().await;
    for secret in ["hunter2-hunter2", "a-token-of-github", grant.credential.as_str(), key] {
        let found: Vec<&String> = rows.iter().filter(|row| row.contains(secret)).collect();
        assert!(found.is_empty(), "{secret} is in the store: {found:?}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_session_keeps_so_many_bytes_and_says_where_it_stops() {
    let house = TestHouse::with_environment(MODEL).await;
    let office = house.office().await;
    let (ada, grant) = at_work(office).await;
    const PIECE: usize = 250_000;
    let (large, pieces) = ("x".repeat(PIECE), SESSION_SAID_BYTES_MAX / PIECE as i64);
    for n in 0..pieces {
        say(&ada, &grant, n, &[("transcript", &large)]).await;
    }
    say(&ada, &grant, pieces, &[("log", &large), ("log", "gone"), ("usage", "{}"), ("tool", "shell {}")]).await;
    let path = format!("/sessions/{}?from={}", grant.id, pieces);
    let rest = office.call("GET", &path, Value::Null).await.ok();
    let rest: Vec<&str> = rest["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect();
    let last = format!("a session says {SESSION_SAID_BYTES_MAX} bytes at most; what comes now is not kept");
    assert_eq!(rest, [last.as_str(), "{}"]);
    ada.done(&grant, "ok").await.ok();
    ada.end(&grant, "finished").await.ok();
    house.close().await;
}

#[tokio::test]
async fn what_was_said_goes_with_the_history_and_what_was_used_stays() {
    const DAY: i64 = 24 * 3_600 * 1_000;
    let house = TestHouse::with_environment(MODEL).await;
    let office = house.office().await;
    let (ada, grant) = at_work(office).await;
    say(&ada, &grant, 0, &[("transcript", "old words"), ("tool", "shell {}")]).await;
    ada.done(&grant, "ok").await.ok();
    ada.end(&grant, "finished").await.ok();
    house.advance(89 * DAY).await;
    assert_eq!(kinds(office, grant.id).await.len(), 2);
    house.advance(2 * DAY).await;
    let shown = office.call("GET", &format!("/sessions/{}", grant.id), Value::Null).await.ok();
    assert_eq!((&shown["items"], &shown["tools"][0]["name"]), (&json!([]), &json!("shell")));
    house.close().await;
}
