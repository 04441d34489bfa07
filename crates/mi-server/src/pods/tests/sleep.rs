//! Rest and waking, seen through the house: idle agents go, work and messages bring them back, nothing is missed.

use mi_core::time::Millis;
use serde_json::{Value, json};

use super::{SECOND, hired, row};
use crate::pods::{Desired, Observed};
use crate::tasks::workers::announce_providers;
use crate::testing::{FakeRunner, TestHouse, TestOffice, TestReply};

const IDLE: i64 = 600 * SECOND;

fn order(reply: &TestReply) -> (u16, Option<&str>) {
    (reply.status, reply.json["control"].as_str())
}

/// Asks until the agent is told to go, then lets its pod end.
async fn falls_asleep(mut runner: FakeRunner<'_>) {
    assert_eq!(runner.next(0).await.status, 204);
    runner.office.house.house.clock.advance(Millis(IDLE));
    assert_eq!(order(&runner.next(0).await), (200, Some("hibernate")));
    runner.exit(0).await;
}

async fn sleeper(office: TestOffice<'_>, name: &str) {
    office.hire(name).await;
    falls_asleep(office.runner(name).await).await;
}

async fn phase(office: TestOffice<'_>, name: &str) -> String {
    let card = office.call("GET", &format!("/employees/{name}"), Value::Null).await.ok();
    card["status"]["phase"].as_str().unwrap().to_owned()
}

async fn woken(office: TestOffice<'_>) -> Vec<Value> {
    let events = office.call("GET", "/events?limit=500", Value::Null).await.ok();
    let wakes = events.as_array().unwrap().iter().filter(|event| event["type"] == "agents.wake");
    let name = |event: &Value| event["summary"].as_str().unwrap().split(' ').next().unwrap().to_owned();
    wakes.map(|event| json!([name(event), event["data"]["cause"], event["task_id"]])).collect()
}

#[tokio::test]
async fn an_agent_without_work_hibernates_after_its_offices_term_and_costs_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    let mut runner = office.runner("ada").await;
    assert_eq!(runner.next(0).await.status, 204);
    house.advance(IDLE - 1).await;
    assert_eq!(runner.next(0).await.status, 204);
    house.advance(1).await;
    assert_eq!(order(&runner.next(0).await), (200, Some("hibernate")));
    // The answer was lost: it is the same again.
    assert_eq!(order(&runner.next_again(0).await), (200, Some("hibernate")));
    runner.exit(0).await;
    let found = row(office, agent).await;
    assert_eq!((found.desired, found.observed), (Desired::Asleep, Observed::None));
    assert_eq!((phase(office, "ada").await.as_str(), house.driver.running()), ("Hibernated", 0));
    house.advance(100 * IDLE).await;
    assert_eq!(house.driver.running(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_parked_question_is_answered_when_the_term_is_over() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"idleTimeoutSeconds": 10})).await.ok();
    hired(office, "ada").await;
    let mut runner = office.runner("ada").await;
    let asked = runner.next(30);
    let time = async {
        for _ in 0..200 {
            house.house.clock.advance(Millis(100));
            tokio::task::yield_now().await;
            office.call("GET", "/tasks", Value::Null).await.ok();
        }
    };
    let (reply, ()) = tokio::join!(asked, time);
    assert_eq!(order(&reply), (200, Some("hibernate")));
    house.close().await;
}

#[tokio::test]
async fn work_makes_the_term_begin_anew() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    hired(office, "ada").await;
    let mut runner = office.runner("ada").await;
    assert_eq!(runner.next(0).await.status, 204);
    house.advance(IDLE - 1).await;
    let task = office.task(json!({"title": "short"})).await;
    let grant = runner.must_take().await;
    assert_eq!(grant.task.unwrap().0, task);
    runner.done(&grant, "done").await.ok();
    runner.end(&grant, "finished").await.ok();
    house.advance(60 * SECOND).await;
    assert_eq!(runner.next(0).await.status, 204);
    house.advance(IDLE - 1).await;
    assert_eq!(runner.next(0).await.status, 204);
    house.close().await;
}

#[tokio::test]
async fn a_task_for_a_sleeper_wakes_it_and_nobody_else() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "bob"] {
        sleeper(office, name).await;
    }
    let task = office.task(json!({"title": "yours", "assignedAgent": "bob"})).await;
    assert_eq!(woken(office).await, vec![json!(["bob", "task", task])]);
    house.settle().await;
    assert_eq!((phase(office, "ada").await, house.driver.running()), ("Hibernated".to_owned(), 1));
    assert_eq!(office.runner("bob").await.must_take().await.task.unwrap().0, task);
    house.close().await;
}

#[tokio::test]
async fn open_tasks_wake_as_many_as_are_needed() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    for name in ["ada", "bob", "cyd"] {
        sleeper(office, name).await;
    }
    office.hire("dan").await;
    let mut dan = office.runner("dan").await;
    assert_eq!(dan.next(0).await.status, 204);
    // dan is up and has nothing to do.
    office.task(json!({"title": "one"})).await;
    assert_eq!(woken(office).await.len(), 0);
    let second = office.task(json!({"title": "two"})).await;
    assert_eq!(woken(office).await, vec![json!(["ada", "task", second])]);
    let third = office.task(json!({"title": "three"})).await;
    assert_eq!(woken(office).await.len(), 2, "ada is on its way, for task {second}; bob for {third}");
    dan.must_take().await;
    assert_eq!(woken(office).await.len(), 2);
    house.close().await;
}

#[tokio::test]
async fn nobody_is_woken_for_what_it_could_not_do() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    sleeper(office, "ada").await;
    let body = json!({"title": "t", "assignedAgent": "ada", "requiredTools": ["github"]});
    let tool = office.task(body).await;
    office.task(json!({"title": "t", "requiredTools": ["github"]})).await;
    office.task(json!({"title": "t", "assignedAgent": "ada", "notBefore": "+1h"})).await;
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "a program reads nothing"})).await.ok();
    house.settle().await;
    assert_eq!((woken(office).await, house.driver.running()), (vec![], 0));
    // Then it could.
    let path = "/integrations/github/agents/ada";
    office.call("POST", path, json!({"enabled": true})).await.ok();
    assert_eq!(woken(office).await, vec![json!(["ada", "task", tool])]);
    house.close().await;
}

#[tokio::test]
async fn a_task_whose_time_comes_wakes_its_sleeper() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    sleeper(office, "ada").await;
    let task = office.task(json!({"title": "later", "notBefore": "+1h"})).await;
    house.advance(3_600 * SECOND - 1).await;
    assert_eq!(house.driver.running(), 0);
    house.advance(1).await;
    assert_eq!((woken(office).await, house.driver.running()), (vec![json!(["ada", "task", task])], 1));
    house.close().await;
}

#[tokio::test]
async fn a_message_wakes_an_agent_with_a_model() {
    let house = TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "k")]).await;
    announce_providers(&house.house.db, &["anthropic"]).await.unwrap();
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "provider": "anthropic"})).await;
    falls_asleep(office.runner("ada").await).await;
    let group = office.call("GET", "/xmtp/groups", Value::Null).await.ok()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/xmtp/groups/{group}/send");
    office.call("POST", &path, json!({"from": "owner", "body": "hello everybody"})).await.ok();
    assert_eq!(woken(office).await.len(), 0, "what mentions nobody is read at the next session");
    office.call("POST", &path, json!({"from": "owner", "body": "@ada look"})).await.ok();
    assert_eq!(woken(office).await, vec![json!(["ada", "message", null])]);
    let mut runner = office.runner("ada").await;
    assert_eq!(runner.must_take().await.task, None);
    house.close().await;
}

#[tokio::test]
async fn work_that_comes_while_a_pod_is_on_its_way_out_is_done_by_the_next_pod() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    hired(office, "ada").await;
    let mut runner = office.runner("ada").await;
    assert_eq!(runner.next(0).await.status, 204);
    house.house.clock.advance(Millis(IDLE));
    assert_eq!(order(&runner.next(0).await), (200, Some("hibernate")));
    let task = office.task(json!({"title": "just now"})).await;
    // Whoever asks once more with the old pod's token is told to make place.
    assert_eq!(order(&runner.next(0).await), (200, Some("restart")));
    house.settle().await;
    assert_eq!(office.runner("ada").await.must_take().await.task.unwrap().0, task);
    house.close().await;
}

#[tokio::test]
async fn who_is_woken_just_after_its_runner_left_starts_at_once() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    hired(office, "ada").await;
    let mut runner = office.runner("ada").await;
    assert_eq!(runner.next(0).await.status, 204);
    house.house.clock.advance(Millis(IDLE));
    assert_eq!(order(&runner.next(0).await), (200, Some("hibernate")));
    runner.pod.exit(0);
    office.task(json!({"title": "just now"})).await;
    house.settle().await;
    assert_eq!(house.driver.running(), 1);
    house.close().await;
}

#[tokio::test]
async fn an_agent_without_a_model_key_rests_and_is_woken_when_it_gets_one_that_works() {
    let house = TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "k")]).await;
    announce_providers(&house.house.db, &["anthropic"]).await.unwrap();
    let office = house.office().await;
    office.hire_with(json!({"name": "ada", "provider": "openai"})).await;
    let task = office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    falls_asleep(office.runner("ada").await).await;
    assert_eq!(phase(office, "ada").await, "Pending", "its owner has to know that a key is missing");
    assert_eq!(office.get_task(task).await["why"]["code"], "no_model_key");
    office.call("PATCH", "/employees/ada", json!({"provider": "anthropic"})).await.ok();
    assert_eq!(woken(office).await, vec![json!(["ada", "task", task])]);
    house.close().await;
}

#[tokio::test]
async fn an_idle_agent_that_turns_to_other_work_leaves_the_task_to_a_sleeper() {
    let house = TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "k")]).await;
    announce_providers(&house.house.db, &["anthropic"]).await.unwrap();
    let office = house.office().await;
    sleeper(office, "bob").await;
    office.hire_with(json!({"name": "ada", "provider": "anthropic"})).await;
    let mut ada = office.runner("ada").await;
    assert_eq!(ada.next(0).await.status, 204);
    let task = office.task(json!({"title": "for anybody"})).await;
    assert_eq!(woken(office).await.len(), 0);
    office.call("POST", "/messages/send", json!({"to": "ada", "content": "first this"})).await.ok();
    assert_eq!(ada.must_take().await.task, None);
    assert_eq!(woken(office).await, vec![json!(["bob", "task", task])]);
    house.close().await;
}

#[tokio::test]
async fn when_the_last_who_was_up_is_stopped_or_fails_a_sleeper_is_woken() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    sleeper(office, "bob").await;
    office.hire("ada").await;
    let mut ada = office.runner("ada").await;
    assert_eq!(ada.next(0).await.status, 204);
    let task = office.task(json!({"title": "for anybody"})).await;
    assert_eq!(woken(office).await.len(), 0);
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "stop"})).await.ok();
    assert_eq!(woken(office).await, vec![json!(["bob", "task", task])]);
    house.close().await;
}

#[tokio::test]
async fn what_was_stopped_by_hand_is_not_woken_and_a_sleeper_can_be_started_by_hand() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "bob"] {
        sleeper(office, name).await;
    }
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "stop"})).await.ok();
    office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    house.settle().await;
    assert_eq!((phase(office, "ada").await.as_str(), house.driver.running()), ("Stopped", 0));
    office.call("POST", "/employees/bob/lifecycle", json!({"action": "start"})).await.ok();
    house.settle().await;
    assert_eq!(house.driver.running(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_restarted_server_starts_only_those_who_have_work() {
    let house = TestHouse::new().await;
    let id = {
        let office = house.office().await;
        for name in ["ada", "bob"] {
            office.hire(name).await;
        }
        office.task(json!({"title": "t", "assignedAgent": "bob"})).await;
        office.runner("bob").await.must_take().await;
        office.id
    };
    let house = house.restart().await;
    house.settle().await;
    let office = TestOffice { house: &house, id };
    assert_eq!(house.driver.running(), 1);
    let events = office.call("GET", "/events?limit=500", Value::Null).await.ok();
    let slept = events.as_array().unwrap().iter().filter(|event| event["type"] == "agents.hibernate");
    let told: Vec<&Value> = slept.map(|event| &event["summary"]).collect();
    assert_eq!(told, ["ada has nothing to do and hibernates"]);
    assert_eq!((phase(office, "ada").await, phase(office, "bob").await), ("Hibernated".into(), "Pending".into()));
    office.runner("bob").await.must_take().await;
    house.close().await;
}

#[tokio::test]
async fn a_suspended_office_wakes_nobody_until_it_works_again() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    sleeper(office, "ada").await;
    office.call("POST", "/suspend", json!({})).await.ok();
    office.task(json!({"title": "t"})).await;
    house.settle().await;
    assert_eq!((woken(office).await.len(), house.driver.running()), (0, 0));
    office.call("POST", "/resume", json!({})).await.ok();
    house.settle().await;
    assert_eq!((woken(office).await.len(), house.driver.running()), (1, 1));
    house.close().await;
}
