//! Offices that want to be asked: statement, the owner's word, one key for one question.

use mi_core::identity::Role;
use serde_json::{Value, json};

use super::{APPLY, HOUR, code, events, from, invite, join};
use crate::testing::{TestHouse, TestOffice};

async fn gated(house: &TestHouse) -> TestOffice<'_> {
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"joinPolicy": "approve"})).await.ok();
    office
}

/// Applies; gives number and token.
async fn applied(office: TestOffice<'_>, name: &str) -> (i64, String) {
    let wish = json!({"code": invite(office).await, "agentName": name, "statement": "of the build machine", "capabilities": ["go"]});
    let applied = from(office.house, 7).call("POST", APPLY, wish).await;
    assert_eq!(applied.status, 202);
    let applied = applied.ok();
    assert_eq!(applied["status"], "pending");
    (applied["application_id"].as_i64().unwrap(), applied["poll_token"].as_str().unwrap().to_owned())
}

async fn poll(house: &TestHouse, token: &str) -> Value {
    house.as_key(token).call("GET", APPLY, Value::Null).await.ok()
}

#[tokio::test]
async fn a_gated_office_is_asked_before_anybody_comes_in() {
    let house = TestHouse::new().await;
    let office = gated(&house).await;
    let text = invite(office).await;
    let told = join(&house.nobody(), &text, "ada").await;
    assert_eq!((told.status, &told.json["status"]), (202, &json!("application_required")));
    assert_eq!(told.json["apply"], APPLY);
    let without = json!({"code": text, "agentName": "ada", "statement": "  "});
    assert_eq!(house.nobody().call("POST", APPLY, without).await.refused(), code(400, "bad_request"));

    let (id, token) = applied(office, "ada").await;
    assert_eq!(poll(&house, &token).await, json!({"status": "pending"}));
    let one = office.call("GET", "/applications", Value::Null).await.ok()[0].clone();
    assert_eq!((&one["id"], &one["name"], &one["state"]), (&json!(id), &json!("ada"), &json!("pending")));
    assert_eq!((&one["statement"], &one["source"]), (&json!("of the build machine"), &json!("10.0.0.7")));
    let approved = office.call("POST", &format!("/applications/{id}/approve"), Value::Null).await.ok();
    assert_eq!((&approved["state"], &approved["decidedBy"]), (&json!("approved"), &json!("owner")));

    let first = poll(&house, &token).await;
    assert_eq!((&first["status"], &first["joined"]["agent_name"]), (&json!("approved"), &json!("ada")));
    let key = first["joined"]["api_key"].as_str().unwrap();
    assert_eq!(poll(&house, &token).await, json!({"status": "joined"}), "the key is shown once");
    let own = house.as_key(key).call("GET", "/api/agents/self", Value::Null).await.ok();
    assert_eq!((&own["agent_name"], &own["agent"]["skills"]), (&json!("ada"), &json!(["go"])));
    let kinds = events(office).await;
    assert!(["invites.apply", "invites.approve"].iter().all(|kind| kinds.iter().any(|k| k == kind)), "{kinds:?}");
    house.close().await;
}

#[tokio::test]
async fn a_key_is_handed_out_once_however_many_ask() {
    let house = TestHouse::new().await;
    let office = gated(&house).await;
    let (id, token) = applied(office, "ada").await;
    office.call("POST", &format!("/applications/{id}/approve"), Value::Null).await.ok();
    let polls = (0..50).map(|_| poll(&house, &token));
    let keys = futures_util::future::join_all(polls).await;
    assert_eq!(keys.iter().filter(|answer| answer["joined"]["api_key"].is_string()).count(), 1);
    house.close().await;
}

#[tokio::test]
async fn the_owner_alone_decides_and_only_once() {
    let house = TestHouse::new().await;
    let office = gated(&house).await;
    let (id, token) = applied(office, "ada").await;
    let operator = house.as_key(&office.key_of_colleague("otto", Role::Operator).await);
    let approve = format!("/applications/{id}/approve");
    assert_eq!(office.call_as(&operator, "POST", &approve, Value::Null).await.refused(), code(403, "owner_only"));
    office.call_as(&operator, "GET", "/applications", Value::Null).await.ok();
    let refuse = format!("/applications/{id}/refuse");
    office.call("POST", &refuse, json!({"reason": "we have enough"})).await.ok();
    assert_eq!(poll(&house, &token).await, json!({"status": "refused", "reason": "we have enough"}));
    for path in [&approve, &refuse] {
        assert_eq!(office.call("POST", path, Value::Null).await.refused(), code(409, "already_decided"));
    }
    for missing in ["999", "x"] {
        let reply = office.call("POST", &format!("/applications/{missing}/approve"), Value::Null).await;
        assert_eq!(reply.refused(), code(404, "no_such_application"));
    }
    for stranger in [house.nobody(), house.as_key("mip_000"), house.owner()] {
        assert_eq!(stranger.call("GET", APPLY, Value::Null).await.refused(), code(404, "no_such_application"));
    }
    house.close().await;
}

#[tokio::test]
async fn an_application_ends_and_a_name_may_be_taken_meanwhile() {
    let house = TestHouse::new().await;
    let office = gated(&house).await;
    let (first, token) = applied(office, "ada").await;
    office.hire("ada").await;
    let approve = format!("/applications/{first}/approve");
    assert_eq!(office.call("POST", &approve, Value::Null).await.refused(), code(409, "agent_exists"));
    assert_eq!(poll(&house, &token).await, json!({"status": "pending"}));
    house.advance(7 * 24 * HOUR).await;
    assert_eq!(poll(&house, &token).await, json!({"status": "expired"}));
    assert_eq!(office.call("POST", &approve, Value::Null).await.refused(), code(409, "already_decided"));
    house.close().await;
}
