//! Agents that wake each other for ever are stopped, and an operator lets them go on.

use serde_json::{Value, json};

use crate::tasks::workers::announce_providers;
use crate::testing::{FakeRunner, TestHouse, TestOffice};

const MODEL: &[(&str, &str)] = &[("ANTHROPIC_API_KEY", "sk-of-the-office")];

async fn office_with_two(house: &TestHouse, most: i64) -> (TestOffice<'_>, FakeRunner<'_>, FakeRunner<'_>) {
    let office = house.office().await;
    office.lift_hire_limit().await;
    office.call("PATCH", "/settings", json!({"wakeChainMax": most})).await.ok();
    for name in ["ada", "bob"] {
        office.hire_with(json!({"name": name, "harness": "native", "provider": "anthropic"})).await;
    }
    (office, office.runner("ada").await, office.runner("bob").await)
}

/// Each is woken by the other's message and answers it; gives how often anybody was woken.
async fn talk<'a>(ada: &mut FakeRunner<'a>, bob: &mut FakeRunner<'a>, limit: usize) -> usize {
    let mut woken = 0;
    loop {
        let before = woken;
        for (me, other) in [(&mut *ada, "bob"), (&mut *bob, "ada")] {
            let Some(grant) = me.take().await else { continue };
            woken += 1;
            let message = json!({"to": other, "content": "and you?"});
            me.office.call_as(&me.harness(&grant), "POST", "/messages/send", message).await.ok();
            me.end(&grant, "finished").await.ok();
        }
        if woken == before {
            return woken;
        }
        assert!(woken < limit, "nobody stops them");
    }
}

pub(super) async fn events(office: TestOffice<'_>, kind: &str) -> Vec<Value> {
    let all = office.call("GET", "/events?limit=500", Value::Null).await.ok();
    all.as_array().unwrap().iter().filter(|event| event["type"] == kind).cloned().collect()
}

#[tokio::test]
async fn two_that_answer_each_other_are_stopped_until_an_operator_writes() {
    let house = TestHouse::with_environment(MODEL).await;
    let (office, mut ada, mut bob) = office_with_two(&house, 5).await;
    let hello = json!({"to": "ada", "content": "talk with bob"});
    office.call("POST", "/messages/send", hello.clone()).await.ok();
    // The owner's message wakes one, and five wake-ups among agents follow it.
    assert_eq!(talk(&mut ada, &mut bob, 100).await, 6);
    let stopped = events(office, "chat.chain_stopped").await;
    let said = stopped[0]["summary"].as_str().unwrap();
    assert_eq!(
        (stopped.len(), said),
        (
            1,
            "ada is not woken by bob: 5 wake-ups among agents followed one another without an operator's act; write to \
             ada, and it goes on"
        )
    );
    assert!(ada.take().await.is_none(), "it stays in the inbox and wakes nobody");

    office.call("POST", "/messages/send", hello).await.ok();
    let grant = ada.must_take().await;
    let context = office.call_as(&ada.speaker(), "GET", &format!("/sessions/{}/context", grant.id), Value::Null).await;
    assert_eq!(context.ok()["messages"].as_array().unwrap().len(), 2, "what had waited is read along");
    ada.end(&grant, "finished").await.ok();
    assert_eq!(talk(&mut ada, &mut bob, 100).await, 0);
    let session = office.call("GET", &format!("/sessions/{}", grant.id), Value::Null).await.ok()["session"].clone();
    let cause = json!({"kind": "message", "by": "owner", "message": session["cause"]["message"], "chain": 0});
    assert_eq!(session["cause"], cause);
    house.close().await;
}

#[tokio::test]
async fn a_longer_chain_that_is_allowed_later_goes_on_by_itself() {
    let house = TestHouse::with_environment(MODEL).await;
    let (office, mut ada, mut bob) = office_with_two(&house, 2).await;
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "talk"})).await.ok();
    assert_eq!(talk(&mut ada, &mut bob, 100).await, 3);
    office.call("PATCH", "/settings", json!({"wakeChainMax": 4})).await.ok();
    assert_eq!(talk(&mut ada, &mut bob, 100).await, 2);
    assert_eq!(
        office.call("PATCH", "/settings", json!({"wakeChainMax": 0})).await.refused(),
        (400, "bad_request".to_owned())
    );
    house.close().await;
}

#[tokio::test]
async fn a_mention_too_far_in_a_chain_wakes_nobody() {
    let house = TestHouse::with_environment(MODEL).await;
    let (office, mut ada, mut bob) = office_with_two(&house, 1).await;
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "talk"})).await.ok();
    for (me, other, wakes) in [(&mut ada, "bob", true), (&mut bob, "ada", false)] {
        let grant = me.must_take().await;
        let message = json!({"body": format!("@{other} and you?")});
        let sent = office.call_as(&me.harness(&grant), "POST", "/xmtp/groups/office/send", message).await;
        sent.ok();
        me.end(&grant, "finished").await.ok();
        assert_eq!(events(office, "chat.chain_stopped").await.is_empty(), wakes);
    }
    assert!(ada.take().await.is_none());
    house.close().await;
}

#[tokio::test]
async fn two_that_make_tasks_for_each_other_are_stopped_until_an_operator_comments() {
    let house = TestHouse::with_environment(MODEL).await;
    let (office, mut ada, mut bob) = office_with_two(&house, 3).await;
    office.task(json!({"title": "begin", "assignedAgent": "ada"})).await;
    let mut done = 0;
    while done < 50 {
        let (me, other) = if done % 2 == 0 { (&mut ada, "bob") } else { (&mut bob, "ada") };
        let Some(grant) = me.take().await else { break };
        let task = json!({"title": "go on", "assignedAgent": other});
        me.office.call_as(&me.harness(&grant), "POST", "/tasks", task).await.ok();
        me.done(&grant, "made the next one").await.ok();
        me.end(&grant, "finished").await.ok();
        done += 1;
    }
    assert_eq!(done, 4, "the owner's task, and three among agents");
    let last = office.get_task(5).await;
    let why = "3 wake-ups among agents followed one another without an operator's act; comment on it, and it goes on";
    assert_eq!((&last["status"], &last["why"]["message"]), (&json!("blocked"), &json!(why)), "{last}");
    // Its creator can't talk it round.
    let unblock = json!({"status": "queued"});
    office.call("POST", "/tasks/5/comments", json!({"agent": "owner", "message": "yes, go on"})).await.ok();
    assert_eq!(office.get_task(5).await["status"], "queued");
    let grant = ada.must_take().await;
    assert_eq!((grant.task.unwrap().0, office.get_task(5).await["status"].as_str()), (5, Some("claimed")));
    ada.done(&grant, "ok").await.ok();
    ada.end(&grant, "finished").await.ok();
    assert_eq!(office.call("PATCH", "/tasks/5", unblock).await.status, 409);
    house.close().await;
}

#[tokio::test]
async fn a_task_that_is_taken_and_given_back_for_ever_is_stopped() {
    let house = TestHouse::with_environment(MODEL).await;
    let (office, mut ada, _bob) = office_with_two(&house, 3).await;
    office.task(json!({"title": "hot", "assignedAgent": "ada"})).await;
    let mut taken = 0;
    while taken < 50 {
        let Some(grant) = ada.take().await else { break };
        taken += 1;
        let back = json!({"status": "queued", "reason": "later"});
        office.call_as(&ada.harness(&grant), "PATCH", "/tasks/1", back).await.ok();
        ada.end(&grant, "finished").await.ok();
        house.advance(60_000).await;
    }
    let task = office.get_task(1).await;
    assert_eq!((taken, &task["status"], &task["why"]["code"]), (4, &json!("blocked"), &json!("needs_input")), "{task}");
    office.call("PATCH", "/tasks/1", json!({"priority": 10, "status": "queued"})).await.ok();
    assert_eq!(office.get_task(1).await["status"], "queued");
    house.close().await;
}

#[tokio::test]
async fn a_parent_that_is_reopened_again_and_again_is_stopped() {
    let house = TestHouse::with_environment(MODEL).await;
    let (office, mut ada, mut bob) = office_with_two(&house, 3).await;
    office.task(json!({"title": "whole", "assignedAgent": "ada"})).await;
    let mut worked = 0;
    while worked < 50 {
        let Some(grant) = ada.take().await else { break };
        worked += 1;
        let part = json!({"title": "part", "assignedAgent": "bob", "parentId": 1});
        office.call_as(&ada.harness(&grant), "POST", "/tasks", part).await.ok();
        ada.end(&grant, "finished").await.ok();
        let Some(grant) = bob.take().await else { break };
        bob.done(&grant, "ok").await.ok();
        bob.end(&grant, "finished").await.ok();
    }
    assert!(worked <= 4, "{worked}");
    let blocked = office.call("GET", "/tasks/stats", Value::Null).await.ok()["blocked"].as_i64();
    assert!(blocked >= Some(1), "{blocked:?}");
    house.close().await;
}

async fn message_of(office: TestOffice<'_>, agent: &str) -> String {
    let card = office.call("GET", &format!("/employees/{agent}"), Value::Null).await.ok();
    card["status"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn messages_of_a_session_that_fails_wake_a_few_more_later_and_then_that_is_said() {
    let house = TestHouse::with_environment(MODEL).await;
    let (office, mut ada, _bob) = office_with_two(&house, 20).await;
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "hi"})).await.ok();
    // That nobody of ours stopped it makes an end no better.
    for (cause, pause) in [("failed", 5_000), ("stopped", 20_000)] {
        let grant = ada.must_take().await;
        ada.end(&grant, cause).await.ok();
        house.advance(pause - 1).await;
        assert!(ada.take().await.is_none(), "it waits, as a task does");
        let told = message_of(office, "ada").await;
        assert!(told.starts_with("waiting for work; it could not read its messages (try "), "{told}");
        house.advance(1).await;
    }
    let grant = ada.must_take().await;
    ada.end(&grant, "deadline").await.ok();
    house.advance(60_000).await;
    assert!(ada.take().await.is_none());
    let given_up = events(office, "chat.given_up").await;
    let said = given_up[0]["summary"].as_str().unwrap();
    assert!(said.starts_with("ada could not read its messages in 3 sessions, the last one: "), "{said}");
    assert_eq!((given_up.len(), &given_up[0]["data"]["tries"]), (1, &json!(3)));
    let told = message_of(office, "ada").await;
    assert!(told.starts_with("waiting for work; it could not read its messages in 3 sessions, the last"), "{told}");
    let kept = office.call("GET", "/xmtp/messages/ada/owner", Value::Null).await.ok();
    assert_eq!(kept.as_array().map(Vec::len), Some(1), "{kept}");
    // The next one has all its tries.
    office.call("POST", "/xmtp/groups/office/send", json!({"body": "@ada hi"})).await.ok();
    for _ in 0..3 {
        let grant = ada.must_take().await;
        ada.end(&grant, "failed").await.ok();
        house.advance(20_000).await;
    }
    assert!(ada.take().await.is_none());
    assert_eq!(events(office, "chat.given_up").await.len(), 2);
    // What it reads well makes it forgotten.
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "hi"})).await.ok();
    let grant = ada.must_take().await;
    ada.end(&grant, "finished").await.ok();
    assert_eq!(message_of(office, "ada").await, "waiting for work");
    house.close().await;
}

#[tokio::test]
async fn a_sleeper_whose_session_for_messages_failed_is_woken_when_its_pause_is_over() {
    let house = TestHouse::with_environment(MODEL).await;
    announce_providers(&house.house.db, &["anthropic"]).await.unwrap();
    let (office, mut ada, _bob) = office_with_two(&house, 20).await;
    office.call("PATCH", "/settings", json!({"idleTimeoutSeconds": 2})).await.ok();
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "hi"})).await.ok();
    let grant = ada.must_take().await;
    ada.end(&grant, "failed").await.ok();
    assert_eq!(ada.next(0).await.status, 204);
    house.advance(2_000).await;
    assert_eq!(ada.next(0).await.json["control"], "hibernate");
    ada.exit(0).await;
    assert!(message_of(office, "ada").await.starts_with("rests at no cost"));
    house.advance(3_000).await;
    let grant = office.runner("ada").await.must_take().await;
    assert_eq!(grant.task, None);
    house.close().await;
}

#[tokio::test]
async fn what_came_later_is_not_given_up_with_what_came_before() {
    let house = TestHouse::with_environment(MODEL).await;
    let (office, mut ada, _bob) = office_with_two(&house, 20).await;
    let fail = async |ada: &mut FakeRunner<'_>| {
        let grant = ada.must_take().await;
        ada.end(&grant, "failed").await.ok();
        house.advance(20_000).await;
    };
    let direct = async |text: &str| {
        office.call("POST", "/messages/send", json!({"to": "ada", "content": text})).await.ok();
    };
    let mention = async || {
        office.call("POST", "/xmtp/groups/office/send", json!({"body": "@ada hi"})).await.ok();
    };
    direct("old").await;
    fail(&mut ada).await;
    fail(&mut ada).await;
    direct("new").await;
    for _ in 0..3 {
        // The old one is given up with the first of these, the new one with the last.
        fail(&mut ada).await;
    }
    assert!(ada.take().await.is_none());
    assert_eq!(events(office, "chat.given_up").await.len(), 2);
    mention().await;
    fail(&mut ada).await;
    fail(&mut ada).await;
    mention().await;
    for _ in 0..3 {
        fail(&mut ada).await;
    }
    assert!(ada.take().await.is_none());
    assert_eq!(events(office, "chat.given_up").await.len(), 3);
    house.close().await;
}
