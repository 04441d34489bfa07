//! Groups through the front door.

use serde_json::{Value, json};

use crate::testing::{FakeRunner, TestHouse, TestOffice};

const MODELS: [(&str, &str); 1] = [("ANTHROPIC_API_KEY", "sk-test")];

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn groups(office: &TestOffice<'_>) -> Value {
    office.call("GET", "/xmtp/groups", Value::Null).await.ok()
}

async fn say(office: &TestOffice<'_>, body: &str) -> Value {
    office.call("POST", "/xmtp/groups/office/send", json!({"body": body})).await.ok()
}

fn bodies(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|message| message["body"].as_str().unwrap()).collect()
}

async fn inbox(office: &TestOffice<'_>, runner: &FakeRunner<'_>) -> Value {
    office.call_as(&runner.speaker(), "GET", "/inbox", Value::Null).await.ok()
}

#[tokio::test]
async fn everybody_is_in_the_group_of_the_office_while_they_work_there() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "ben"] {
        house.advance(1_000).await;
        office.hire(name).await;
    }
    let list = groups(&office).await;
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list[0]["kind"], "office");
    assert_eq!(list[0]["members"], json!(["owner", "ada", "ben"]));
    assert_ne!(list[0]["id"], json!(office.id.to_string()), "it can't be guessed from the office");
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    assert_eq!(groups(&office).await[0]["members"], json!(["owner", "ben"]));
    house.close().await;
}

#[tokio::test]
async fn a_group_message_is_read_once_by_each_and_stays_in_the_group() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    say(&office, "before anybody came").await;
    house.advance(1_000).await;
    for name in ["ada", "ben"] {
        office.hire(name).await;
    }
    let (ada, ben) = (office.runner("ada").await, office.runner("ben").await);
    let sent = say(&office, "hello").await;
    let answer = json!({"from": "ada", "content": "hi"});
    office.call_as(&ada.speaker(), "POST", "/xmtp/groups/office/send", answer).await.ok();
    let of_ben = inbox(&office, &ben).await;
    assert_eq!(bodies(&of_ben), ["hello", "hi"]);
    let group = groups(&office).await[0]["id"].clone();
    let expected = json!({
        "id": sent["messageId"], "from_agent": "owner", "to_agent": "group", "group_id": group, "body": "hello",
        "content": "hello", "metadata": {}, "created_at": house.now().0,
    });
    assert_eq!(of_ben[0], expected);
    assert_eq!(inbox(&office, &ben).await, json!([]));
    assert_eq!(bodies(&inbox(&office, &ada).await), ["hello"], "one's own words are no news");
    assert_eq!(bodies(&office.call("GET", "/inbox", Value::Null).await.ok()), ["hi"]);
    let by_id = format!("/xmtp/groups/{}/messages", group.as_str().unwrap());
    let all = office.call("GET", &by_id, Value::Null).await;
    assert_eq!(all.header("x-total-count"), Some("3"));
    assert_eq!(bodies(&all.ok()), ["before anybody came", "hello", "hi"]);
    let since_hired = office.call_as(&ada.speaker(), "GET", &by_id, Value::Null).await.ok();
    assert_eq!(bodies(&since_hired), ["hello", "hi"]);
    let newest = office.call("GET", "/xmtp/groups/office/messages?limit=1", Value::Null).await.ok();
    assert_eq!(bodies(&newest), ["hi"]);
    house.close().await;
}

#[tokio::test]
async fn a_group_message_wakes_only_whom_it_mentions() {
    let house = TestHouse::with_environment(&MODELS).await;
    let office = house.office().await;
    for name in ["ada", "ben"] {
        office.hire_with(json!({"name": name})).await;
    }
    let (mut ada, mut ben) = (office.runner("ada").await, office.runner("ben").await);
    say(&office, "nobody in particular, me@ada.example").await;
    assert!(ada.take().await.is_none() && ben.take().await.is_none());
    say(&office, "@Ada, have a look").await;
    let grant = ada.must_take().await;
    assert_eq!(grant.task, None);
    assert!(ben.take().await.is_none());
    let context = format!("/sessions/{}/context", grant.id);
    let shown = office.call_as(&ada.speaker(), "GET", &context, Value::Null).await.ok();
    assert_eq!(bodies(&shown["messages"]), ["nobody in particular, me@ada.example", "@Ada, have a look"]);
    assert_eq!(shown["messages"][1]["to_agent"], "group");
    ada.end(&grant, "finished").await.ok();
    assert!(ada.take().await.is_none(), "what a session was given is read when it ends");
    assert_eq!(inbox(&office, &ada).await, json!([]));
    say(&office, "@all come").await;
    assert!(ada.take().await.is_some() && ben.take().await.is_some());
    house.close().await;
}

#[tokio::test]
async fn a_task_session_reads_the_group_in_passing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    say(&office, "use the new template").await;
    office.task(json!({"title": "write"})).await;
    let grant = ada.must_take().await;
    house.advance(1_000).await;
    say(&office, "written while it works").await;
    ada.done(&grant, "ok").await.ok();
    ada.end(&grant, "finished").await.ok();
    assert_eq!(bodies(&inbox(&office, &ada).await), ["written while it works"]);
    house.close().await;
}

#[tokio::test]
async fn further_groups_have_the_members_that_they_are_given() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    for name in ["ada", "ben", "eve"] {
        office.hire(name).await;
    }
    let (ada, eve) = (office.runner("ada").await, office.runner("eve").await);
    let wish = json!({"name": "reviewers", "members": ["ben"]});
    let made = office.call_as(&ada.speaker(), "POST", "/xmtp/groups", wish).await.ok();
    assert_eq!(made["members"], json!(["ada", "ben", "owner"]));
    let at = |rest: &str| format!("/xmtp/groups/{}{rest}", made["id"].as_str().unwrap());
    let body = json!({"body": "x"});
    let refused = office.call_as(&eve.speaker(), "POST", &at("/send"), body.clone()).await;
    assert_eq!(refused.refused(), code(404, "no_such_group"), "who isn't in it doesn't see it");
    let hers = office.call_as(&eve.speaker(), "GET", "/xmtp/groups", Value::Null).await.ok();
    assert_eq!(hers.as_array().unwrap().len(), 1);
    office.call("POST", &at("/members"), json!({"agentName": "eve"})).await.ok();
    office.call_as(&eve.speaker(), "POST", &at("/send"), body).await.ok();
    let renamed = office.call_as(&eve.speaker(), "PATCH", &at(""), json!({"name": "mine"})).await;
    assert_eq!(renamed.refused(), code(403, "not_yours"));
    let renamed = office.call_as(&ada.speaker(), "PATCH", &at(""), json!({"name": "readers"})).await.ok();
    assert_eq!(renamed["name"], "readers");
    let left = office.call_as(&eve.speaker(), "DELETE", &at("/members/eve"), Value::Null).await.ok();
    assert_eq!(left["members"], json!(["ada", "ben", "owner"]));
    house.close().await;
}

#[tokio::test]
async fn what_can_not_be_done_with_groups() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let none = "/xmtp/groups/00000000-0000-4000-8000-000000000000";
    for (method, path, body, expected) in [
        ("POST", format!("{none}/send"), json!({"body": "x"}), code(404, "no_such_group")),
        ("GET", format!("{none}/messages"), Value::Null, code(404, "no_such_group")),
        ("POST", "/xmtp/groups/nonsense/send".to_owned(), json!({"body": "x"}), code(404, "no_such_group")),
        ("POST", "/xmtp/groups/office/send".to_owned(), json!({"body": " "}), code(400, "bad_request")),
        ("POST", "/xmtp/groups/office/send".to_owned(), json!({"from": "ada", "body": "x"}), code(403, "not_you")),
        ("POST", "/xmtp/groups/office/send".to_owned(), json!({"body": "x".repeat(65_537)}), code(400, "too_long")),
        ("POST", "/xmtp/groups".to_owned(), json!({"name": " "}), code(400, "bad_name")),
        ("POST", "/xmtp/groups".to_owned(), json!({"name": "x", "members": ["bob"]}), code(404, "no_such_agent")),
        ("DELETE", "/xmtp/groups/office/members/ada".to_owned(), Value::Null, code(400, "bad_request")),
        ("POST", "/xmtp/groups/office/members".to_owned(), json!({"agentName": "bob"}), code(404, "no_such_agent")),
    ] {
        let reply = office.call(method, &path, body.clone()).await;
        assert_eq!(reply.refused(), expected, "{method} {path} {body}");
    }
    house.close().await;
}

#[tokio::test]
async fn conversations_are_listed_and_answered_by_their_ids() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "ben"] {
        office.hire(name).await;
    }
    let ben = office.runner("ben").await;
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "one"})).await.ok();
    house.advance(1_000).await;
    office.call_as(&ben.speaker(), "POST", "/messages/send", json!({"to": "ada", "content": "two"})).await.ok();
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = office.call("GET", "/xmtp/conversations", Value::Null).await.ok();
    assert_eq!(names(&all), ["everybody", "ada and ben", "ada and owner"]);
    let bens = office.call_as(&ben.speaker(), "GET", "/xmtp/conversations", Value::Null).await.ok();
    assert_eq!(names(&bens), ["everybody", "ada and ben"]);
    let path = "/xmtp/conversations/ada:owner/messages";
    office.call("POST", path, json!({"body": "three"})).await.ok();
    assert_eq!(bodies(&office.call("GET", path, Value::Null).await.ok()), ["one", "three"]);
    let stranger = office.call_as(&ben.speaker(), "GET", path, Value::Null).await;
    assert_eq!(stranger.refused(), code(403, "not_you"));
    let meddled = office.call("POST", "/xmtp/conversations/ada:ben/messages", json!({"body": "x"})).await;
    assert_eq!(meddled.refused(), code(403, "not_you"));
    let of_group = format!("/xmtp/conversations/{}/messages", all[0]["id"].as_str().unwrap());
    office.call("POST", &of_group, json!({"body": "all"})).await.ok();
    assert_eq!(bodies(&office.call("GET", &of_group, Value::Null).await.ok()), ["all"]);
    house.close().await;
}

/// A reply names what it answers: a name, or the group in which it was asked.
#[tokio::test]
async fn a_message_may_go_to_a_group_by_its_id() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let group = groups(&office).await[0]["id"].clone();
    let sent = office.call("POST", "/messages/send", json!({"to": group, "content": "here"})).await.ok();
    assert_eq!((&sent["to_agent"], &sent["group_id"]), (&json!("group"), &group));
    office.call("POST", "/xmtp/send", json!({"to": "office", "body": "and here"})).await.ok();
    let all = office.call("GET", "/xmtp/groups/office/messages", Value::Null).await.ok();
    assert_eq!(bodies(&all), ["here", "and here"]);
    house.close().await;
}

#[tokio::test]
async fn a_stale_session_writes_nothing_in_a_group() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "a"})).await;
    let grant = ada.must_take().await;
    office.call("POST", "/tasks/1/cancel", json!({})).await.ok();
    let late = office.call_as(&ada.harness(&grant), "POST", "/xmtp/groups/office/send", json!({"body": "x"})).await;
    assert_eq!(late.refused(), code(409, "stale_claim"));
    let all = office.call("GET", "/xmtp/groups/office/messages", Value::Null).await.ok();
    assert_eq!(all, json!([]));
    house.close().await;
}
