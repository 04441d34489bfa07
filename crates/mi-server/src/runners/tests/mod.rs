//! The runner protocol, steps 1 and 2.

mod elsewhere;

use serde_json::{Value, json};

use crate::testing::TestHouse;

#[tokio::test]
async fn a_ticket_is_good_for_one_runner_and_a_newer_runner_voids_it() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let first = office.runner("ada").await;
    let again = first.hello_again().await.ok();
    assert_eq!(again["token"], first.welcome.token.as_str(), "the same boot gets the same answer");
    let thief = json!({"bootId": "another", "version": "test", "slots": 1});
    let ticket = house.as_key(&first.ticket);
    let stolen = office.call_as(&ticket, "POST", "/employees/ada/runner", thief).await;
    assert_eq!(stolen.refused(), (401, "unauthenticated".to_owned()));
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "restart"})).await.ok();
    let mut first = first;
    let mut second = office.runner("ada").await;
    assert!(second.welcome.epoch > first.welcome.epoch);
    assert_eq!(first.next(0).await.refused(), (409, "superseded".to_owned()));
    assert_eq!(second.next(0).await.status, 204);
    house.close().await;
}

#[tokio::test]
async fn an_agent_without_a_model_key_takes_nothing_and_its_task_says_why() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for body in [json!({"name": "ada", "provider": "openai-codex"}), json!({"name": "bob"})] {
        office.hire_with(body).await;
    }
    office.task(json!({"title": "a", "assignedAgent": "ada"})).await;
    office.task(json!({"title": "b", "assignedAgent": "bob"})).await;
    for (name, id) in [("ada", 1), ("bob", 2)] {
        let mut runner = office.runner(name).await;
        assert!(runner.take().await.is_none(), "{name} has no model");
        let task = office.get_task(id).await;
        assert_eq!((task["attempts"].as_i64(), task["why"]["code"].as_str()), (Some(0), Some("no_model_key")));
    }
    house.close().await;
}

#[tokio::test]
async fn a_message_wakes_a_model_and_counts_as_read_when_its_session_is_over() {
    let house = TestHouse::with_environment(&[("OPENAI_API_KEY", "sk-test")]).await;
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "provider": "openai"})).await;
    let mut ada = office.runner("ada").await;
    assert!(ada.take().await.is_none(), "nothing is asked of a model while there is nothing to do");
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "hello"})).await.ok();
    let grant = ada.must_take().await;
    assert_eq!(grant.task, None);
    let path = format!("/sessions/{}/context", grant.id);
    let context = office.call_as(&ada.speaker(), "GET", &path, Value::Null).await.ok();
    assert_eq!(context["messages"][0]["body"], "hello");
    ada.end(&grant, "finished").await.ok();
    assert!(ada.take().await.is_none(), "the same message wakes once");
    house.close().await;
}
