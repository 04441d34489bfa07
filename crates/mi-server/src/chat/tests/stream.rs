//! The stream of messages.

use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::testing::{Speaker, TestHouse, TestOffice};

async fn follow(office: &TestOffice<'_>, speaker: &Speaker<'_>, rest: &str) -> Body {
    let response = speaker.begin("GET", &office.path(rest), Vec::new()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body()
}

/// What comes next, as the ids of the pieces and what they say.
async fn next(stream: &mut Body) -> Vec<(String, Value)> {
    let frame = stream.frame().await.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    let pieces = text.split("\n\n").filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| match piece.split_once("\ndata: ") {
            Some((id, data)) => (id.to_owned(), serde_json::from_str(data).unwrap()),
            None => (piece.to_owned(), Value::Null),
        })
        .collect()
}

#[tokio::test]
async fn messages_come_as_they_are_written_and_go_on_where_the_client_left_off() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "ben"] {
        office.hire(name).await;
    }
    let (ada, ben) = (office.runner("ada").await.speaker(), office.runner("ben").await.speaker());
    let mut stream = follow(&office, &ada, "/xmtp/stream").await;
    assert_eq!(next(&mut stream).await[0].0, "retry: 1000");
    let sent = office.call("POST", "/messages/send", json!({"to": "ada", "content": "one"})).await.ok();
    let first = next(&mut stream).await;
    assert_eq!(first[0].0, format!("id: {}", sent["id"]));
    let mut expected = sent.clone();
    expected["type"] = json!("message");
    assert_eq!(first[0].1, expected);

    office.call_as(&ben, "POST", "/messages/send", json!({"to": "owner", "content": "not for ada"})).await.ok();
    office.call_as(&ben, "POST", "/xmtp/groups/office/send", json!({"body": "for all"})).await.ok();
    let since = format!("/messages/stream?since={}", sent["id"]);
    let mut resumed = follow(&office, &ada, &since).await;
    next(&mut resumed).await;
    let group = next(&mut resumed).await;
    assert_eq!((group.len(), &group[0].1["body"], &group[0].1["to_agent"]), (1, &json!("for all"), &json!("group")));
    let of_ben = format!("/xmtp/stream?agentId=ben&since={}", sent["id"]);
    let mut watched = follow(&office, &house.owner(), &of_ben).await;
    next(&mut watched).await;
    let bodies: Vec<Value> = next(&mut watched).await.into_iter().map(|(_, message)| message["body"].clone()).collect();
    assert_eq!(bodies, ["not for ada", "for all"]);
    drop((stream, resumed, watched));
    house.close().await;
}

#[tokio::test]
async fn nobody_follows_the_talk_of_others() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "ben"] {
        office.hire(name).await;
    }
    let ada = office.runner("ada").await.speaker();
    let others = office.call_as(&ada, "GET", "/xmtp/stream?agentId=ben", Value::Null).await;
    assert_eq!(others.refused(), (403, "not_you".to_owned()));
    let nobody = office.call("GET", "/xmtp/stream?agentId=bob", Value::Null).await;
    assert_eq!(nobody.refused(), (404, "no_such_agent".to_owned()));
    let unread = office.call("GET", "/xmtp/stream?since=x", Value::Null).await;
    assert_eq!(unread.refused(), (400, "bad_request".to_owned()));
    house.close().await;
}
