//! Chat through the front door.

mod stream;

use serde_json::{Value, json};

use crate::testing::TestHouse;

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_message_is_read_once_and_stays_in_the_conversation() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let ada = office.runner("ada").await.speaker();
    let sent = office.call("POST", "/messages/send", json!({"to": "ada", "content": "Hello"})).await;
    assert_eq!(sent.status, 201);
    let sent = sent.ok();
    let expected = json!({
        "id": sent["id"], "from_agent": "owner", "to_agent": "ada", "body": "Hello", "content": "Hello",
        "metadata": {}, "created_at": house.now().0,
    });
    assert_eq!(sent, expected);
    assert_eq!(office.call_as(&ada, "GET", "/inbox", Value::Null).await.ok(), json!([sent]));
    assert_eq!(office.call_as(&ada, "GET", "/inbox", Value::Null).await.ok(), json!([]));

    let reply = json!({"from": "ada", "to": "owner", "body": "Yes?"});
    let reply = office.call_as(&ada, "POST", "/xmtp/send", reply).await.ok();
    for path in ["/xmtp/messages/ada/owner", "/xmtp/messages/owner/ada"] {
        let talk = office.call("GET", path, Value::Null).await;
        assert_eq!(talk.header("x-total-count"), Some("2"));
        assert_eq!(talk.ok(), json!([sent, reply]));
    }
    let newest = office.call("GET", "/xmtp/messages/ada/owner?limit=1", Value::Null).await.ok();
    assert_eq!(newest, json!([reply]));
    assert_eq!(office.call("GET", "/inbox", Value::Null).await.ok(), json!([reply]));
    house.close().await;
}

#[tokio::test]
async fn messages_that_can_not_be_sent() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let card = office.hire("ada").await;
    for (body, expected) in [
        (json!({"content": "x"}), code(400, "bad_request")),
        (json!({"to": "ada"}), code(400, "bad_request")),
        (json!({"to": "ada", "content": " \n"}), code(400, "bad_request")),
        (json!({"to": "ada", "content": 7}), code(400, "bad_request")),
        (json!({"to": "owner", "content": "x"}), code(400, "bad_request")),
        (json!({"to": "ada", "content": "x".repeat(64 * 1024 + 1)}), code(400, "too_long")),
        (json!({"to": "bob", "content": "x"}), code(404, "no_such_agent")),
        (json!({"from": "ada", "to": "ada", "content": "x"}), code(403, "not_you")),
    ] {
        let reply = office.call("POST", "/messages/send", body.clone()).await;
        assert_eq!(reply.refused(), expected, "{body}");
    }
    let by_id = json!({"agent_id": card["id"], "content": "x".repeat(64 * 1024)});
    office.call("POST", "/xmtp/send", by_id).await.ok();
    house.close().await;
}

#[tokio::test]
async fn agents_speak_as_themselves_and_read_only_their_own() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "bob", "eve"] {
        office.hire(name).await;
    }
    let (ada, eve) = (office.runner("ada").await.speaker(), office.runner("eve").await.speaker());
    let forged = json!({"from": "bob", "to": "ada", "body": "x"});
    let reply = office.call_as(&eve, "POST", "/xmtp/send", forged).await;
    assert_eq!(reply.refused(), code(403, "not_you"));
    let reply = office.call_as(&ada, "POST", "/messages/send", json!({"to": "ada", "content": "x"})).await;
    assert_eq!(reply.refused(), code(400, "bad_request"));
    office.call_as(&ada, "POST", "/messages/send", json!({"to": "bob", "content": "between us"})).await.ok();
    let path = "/xmtp/messages/ada/bob";
    assert_eq!(office.call_as(&eve, "GET", path, Value::Null).await.refused(), code(403, "not_you"));
    assert_eq!(office.call_as(&ada, "GET", path, Value::Null).await.ok()[0]["body"], "between us");
    house.close().await;
}

#[tokio::test]
async fn the_event_says_who_wrote_to_whom_and_only_how_it_begins() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let body = format!("Begin. {}THE-END", "x".repeat(500));
    office.call("POST", "/messages/send", json!({"to": "ada", "content": body})).await.ok();
    let list = office.call("GET", "/employees/ada/activity?category=message", Value::Null).await.ok();
    let summary = list[0]["summary"].as_str().unwrap();
    assert!(summary.starts_with("owner to ada: Begin.") && summary.len() < 200, "{summary}");
    assert!(!list.to_string().contains("THE-END"), "{list}");
    house.close().await;
}

#[tokio::test]
async fn a_message_wakes_an_idle_agent_that_has_a_model() {
    let house = TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "sk-test")]).await;
    let office = house.office().await;
    office.hire_with(json!({"name": "ada"})).await;
    let mut runner = office.runner("ada").await;
    assert!(runner.take().await.is_none());
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "Hello"})).await.ok();
    let grant = runner.must_take().await;
    assert_eq!(grant.task, None);
    house.close().await;
}

#[tokio::test]
async fn a_successor_of_the_same_name_finds_no_old_letters() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "for the first one"})).await.ok();
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    house.advance(2_000).await;
    office.hire("ada").await;
    let ada = office.runner("ada").await.speaker();
    assert_eq!(office.call_as(&ada, "GET", "/inbox", Value::Null).await.ok(), json!([]));
    assert_eq!(office.call_as(&ada, "GET", "/xmtp/messages/ada/owner", Value::Null).await.ok(), json!([]));
    house.close().await;
}
