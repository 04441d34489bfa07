//! Codes: made, listed, taken back.

use mi_core::identity::Role;
use serde_json::{Value, json};

use super::{JOIN, SECOND, code, from, invite, join, joined, made, newest};
use crate::testing::TestHouse;

#[tokio::test]
async fn a_code_is_shown_once_and_never_kept() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let host = house.owner().with_header("host", "mi.example.org:7700");
    let new = office.call_as(&host, "POST", "/invites", json!({"for": "the build machine"})).await;
    assert_eq!(new.status, 201);
    let new = new.ok();
    let text = new["code"].as_str().unwrap();
    assert!(text.len() == 6 && text.bytes().all(|b| mi_core::codes::CODE_ALPHABET.contains(&b)), "{text}");
    assert_eq!(new["claim"], format!("http://mi.example.org:7700/r/{text}"));
    assert_eq!((&new["officeId"], &new["kind"]), (&json!(office.id.to_string()), &json!("agent")));
    assert_eq!(new["expiresAt"], (house.now() + mi_core::time::Millis::days(1)).to_string());
    let listed = office.call("GET", "/invites", Value::Null).await;
    assert_eq!(listed.header("x-total-count"), Some("1"));
    assert!(!String::from_utf8_lossy(&listed.bytes).contains(text), "a list shows no code");
    let one = &listed.ok()[0];
    assert_eq!(
        (&one["state"], &one["for"], &one["createdBy"]),
        (&json!("live"), &json!("the build machine"), &json!("owner"))
    );
    let events = office.call("GET", "/events", Value::Null).await;
    assert!(!String::from_utf8_lossy(&events.bytes).contains(text), "no event shows a code");
    house.close().await;
}

#[tokio::test]
async fn a_repeated_request_shows_no_code_again() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let keyed = house.owner().with_header("idempotency-key", "k");
    let first = office.call_as(&keyed, "POST", "/invites", json!({})).await.ok();
    let again = office.call_as(&keyed, "POST", "/invites", json!({})).await.ok();
    assert!(first["code"].is_string());
    assert_eq!((&again["code"], &again["claim"], &again["shown_once"]), (&Value::Null, &Value::Null, &json!(true)));
    assert_eq!(again["id"], first["id"]);
    house.close().await;
}

#[tokio::test]
async fn people_are_invited_by_the_owner_and_agents_by_operators() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let operator = house.as_key(&office.key_of_colleague("otto", Role::Operator).await);
    let viewer = house.as_key(&office.key_of_colleague("vera", Role::Viewer).await);
    let human = json!({"kind": "human", "role": "viewer"});
    assert_eq!(office.call_as(&operator, "POST", "/invites", json!({})).await.status, 201);
    assert_eq!(office.call_as(&operator, "POST", "/invites", human.clone()).await.refused(), code(403, "owner_only"));
    assert_eq!(office.call_as(&viewer, "POST", "/invites", json!({})).await.refused(), code(403, "operator_only"));
    let ada = joined(office, "ada").await;
    assert_eq!(office.call_as(&ada, "POST", "/invites", json!({})).await.refused(), code(403, "operator_only"));
    let person = office.call("POST", "/invites", human).await.ok();
    let id = person["id"].as_i64().unwrap();
    let revoke = format!("/invites/{id}");
    assert_eq!(office.call_as(&operator, "DELETE", &revoke, Value::Null).await.refused(), code(403, "owner_only"));
    office.call("DELETE", &revoke, Value::Null).await.ok();
    for bad in [
        json!({"kind": "human", "role": "owner"}),
        json!({"role": "viewer"}),
        json!({"kind": "robot"}),
        json!({"expiresInSeconds": 59}),
        json!({"expiresInSeconds": 31 * 24 * 3_600}),
        json!({"expiresInSeconds": "soon"}),
    ] {
        assert_eq!(office.call("POST", "/invites", bad.clone()).await.refused().0, 400, "{bad}");
    }
    house.close().await;
}

#[tokio::test]
async fn twenty_live_invites_are_the_most() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for n in 0..20 {
        made(office, json!({"expiresInSeconds": 60 + n})).await;
    }
    assert_eq!(office.call("POST", "/invites", json!({})).await.refused(), code(409, "too_many_invites"));
    house.office().await.call("POST", "/invites", json!({})).await.ok();
    house.advance(60 * SECOND).await;
    invite(office).await;
    assert_eq!(office.call("POST", "/invites", json!({})).await.refused(), code(409, "too_many_invites"));
    let first = newest(office).await["id"].as_i64().unwrap();
    office.call("DELETE", &format!("/invites/{first}"), Value::Null).await.ok();
    invite(office).await;
    house.close().await;
}

#[tokio::test]
async fn a_revoked_code_opens_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let other = house.office().await;
    let (one, two) = (invite(office).await, invite(office).await);
    let lower = one.to_lowercase();
    assert_eq!(
        other.call("DELETE", &format!("/invites/{one}"), Value::Null).await.refused(),
        code(404, "no_such_invite")
    );
    office.call("DELETE", &format!("/invites/{lower}"), Value::Null).await.ok();
    let id = newest(office).await["id"].as_i64().unwrap();
    office.call("DELETE", &format!("/invites/{id}"), Value::Null).await.ok();
    for text in [&one, &two] {
        assert_eq!(join(&from(&house, 1), text, "ada").await.refused(), code(404, "invalid_code"));
    }
    for missing in ["999", WRONG_SHAPE, "AAAAAA"] {
        let reply = office.call("DELETE", &format!("/invites/{missing}"), Value::Null).await;
        assert_eq!(reply.refused(), code(404, "no_such_invite"), "{missing}");
    }
    let states: Vec<Value> = office
        .call("GET", "/invites", Value::Null)
        .await
        .ok()
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["state"].clone())
        .collect();
    assert_eq!(states, [json!("revoked"), json!("revoked")]);
    house.close().await;
}

const WRONG_SHAPE: &str = "not-a-code";

#[tokio::test]
async fn the_page_says_what_to_run_and_asks_nobody() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let text = invite(office).await;
    for path in [format!("/r/{text}"), format!("/invite/{}", text.to_lowercase())] {
        let curl = house.nobody().with_header("host", "mi.example.org").with_header("accept", "*/*");
        let plain = curl.call("GET", &path, Value::Null).await;
        assert_eq!((plain.status, plain.header("content-type")), (200, Some("text/plain; charset=utf-8")));
        let page = String::from_utf8(plain.bytes).unwrap();
        assert!(
            page.contains(&format!("mi agent onboard {text} -n NAME --endpoint http://mi.example.org\n")),
            "{page}"
        );
        let browser = house.nobody().with_header("host", "mi.example.org").with_header("accept", "text/html,*/*");
        let html = browser.call("GET", &path, Value::Null).await;
        assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = html.header("content-security-policy").unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'nonce-") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(
            (html.header("referrer-policy"), html.header("cache-control")),
            (Some("same-origin"), Some("no-store"))
        );
        let html = String::from_utf8(html.bytes).unwrap();
        assert!(html.contains(&format!("<pre>mi agent onboard {text} -n NAME")) && !html.contains("<script"), "{html}");
    }
    // A code that was never made has the same page.
    let wrong = house.nobody().call("GET", "/r/AAAAAA", Value::Null).await;
    assert_eq!(wrong.status, 200);
    let evil = house.nobody().with_header("host", "x\"><script>").with_header("accept", "text/html");
    let html = evil.call("GET", "/r/AAAAAA", Value::Null).await;
    assert!(!String::from_utf8(html.bytes).unwrap().contains("script"));
    assert_eq!(house.nobody().call("GET", "/r/%3Cscript%3E", Value::Null).await.status, 404);
    // Looking used nothing up, and was no try.
    assert_eq!(house.nobody().call("POST", JOIN, json!({"code": text, "agentName": "ada"})).await.status, 201);
    house.close().await;
}
