//! Runners of agents that live elsewhere: known by the agent's key, and nobody confirms their end.

use serde_json::{Value, json};

use crate::testing::TestHouse;

/// Past the lease of a claim that nobody renews, and past the pause after the loss.
const LEASE_MS: i64 = 121_000;
const PAUSE_MS: i64 = 5_000;

#[tokio::test]
async fn it_takes_a_task_and_brings_back_proof() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let scout = office.remote("scout").await;
    let mut runner = scout.runner("boot-1").await;
    assert_eq!(runner.next().await.status, 204);
    office.task(json!({"title": "look", "assignedAgent": "scout"})).await;
    let grant = runner.must_take().await;
    assert_eq!(runner.next_again().await.ok()["session"]["credential"], grant.credential.as_str());
    let command = serde_json::to_value(&grant).unwrap()["command"].clone();
    assert_eq!(command, Value::Null, "no office says what a foreign machine executes");
    runner.beat(&grant).await.ok();
    assert_eq!(office.get_task(1).await["status"], "running");
    runner.done(&grant, "seen").await.ok();
    assert_eq!(office.get_task(1).await["result_summary"], "seen");
    office.task(json!({"title": "next", "assignedAgent": "scout"})).await;
    assert_eq!(runner.next().await.status, 204, "one thing at a time, the end of the first is not reported yet");
    runner.beat(&grant).await.ok();
    runner.end(&grant, "finished").await.ok();
    assert_eq!(runner.must_take().await.task.map(|task| task.0), Some(2));
    house.close().await;
}

#[tokio::test]
async fn a_runner_that_falls_silent_loses_its_task_with_the_lease_and_another_agent_does_it() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (scout, other) = (office.remote("scout").await, office.remote("other").await);
    let mut runner = scout.runner("boot-1").await;
    office.task(json!({"title": "look"})).await;
    let grant = runner.must_take().await;
    house.advance(LEASE_MS / 2).await;
    // Presence is no work: a heartbeat beside a silent runner keeps nothing of what that holds.
    let beat = office.call_as(&runner.speaker(), "POST", "/employees/scout/heartbeat", json!({})).await;
    beat.ok();
    let mut other_runner = other.runner("boot-1").await;
    assert_eq!(other_runner.next().await.status, 204);
    house.advance(LEASE_MS / 2).await;
    assert_eq!(office.get_task(1).await["status"], "queued");
    house.advance(PAUSE_MS).await;
    let second = other_runner.must_take().await;
    assert_eq!(second.attempt, Some(2));
    let late = runner.done(&grant, "too late").await;
    assert_eq!(late.refused(), (409, "stale_claim".to_owned()));
    assert_eq!(runner.beat(&grant).await.refused(), (409, "stale_claim".to_owned()));
    other_runner.done(&second, "done").await.ok();
    assert_eq!(office.get_task(1).await["claimed_by"], "other");
    house.close().await;
}

#[tokio::test]
async fn one_that_is_long_at_a_task_is_online_while_its_runner_beats() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let scout = office.remote("scout").await;
    let mut runner = scout.runner("boot-1").await;
    office.task(json!({"title": "a long look"})).await;
    let grant = runner.must_take().await;
    for _ in 0..5 {
        house.advance(LEASE_MS / 3).await;
        runner.beat(&grant).await.ok();
    }
    let phase = || async { office.call("GET", "/employees/scout", Value::Null).await.ok()["status"]["phase"].clone() };
    assert_eq!(phase().await, "Running");
    house.advance(LEASE_MS).await;
    assert_eq!(phase().await, "Offline");
    house.close().await;
}

#[tokio::test]
async fn one_that_falls_silent_after_its_task_was_done_blocks_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let scout = office.remote("scout").await;
    let mut runner = scout.runner("boot-1").await;
    office.task(json!({"title": "look"})).await;
    let grant = runner.must_take().await;
    runner.done(&grant, "seen").await.ok();
    house.advance(LEASE_MS).await;
    office.task(json!({"title": "next"})).await;
    assert_eq!(runner.must_take().await.task.map(|task| task.0), Some(2));
    house.close().await;
}

#[tokio::test]
async fn a_second_runner_supersedes_the_first_and_the_attempt_counts() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let scout = office.remote("scout").await;
    let mut first = scout.runner("boot-1").await;
    assert_eq!(scout.hello("boot-1").await.ok()["token"], first.welcome.token.as_str(), "a lost reply costs nothing");
    office.task(json!({"title": "look"})).await;
    let grant = first.must_take().await;
    let mut second = scout.runner("boot-2").await;
    assert_eq!(second.welcome.epoch, first.welcome.epoch + 1);
    assert_eq!(first.next().await.refused(), (409, "superseded".to_owned()));
    assert_eq!(first.beat(&grant).await.refused(), (409, "superseded".to_owned()));
    assert_eq!(first.done(&grant, "x").await.refused(), (409, "stale_claim".to_owned()));
    house.advance(PAUSE_MS).await;
    assert_eq!(second.must_take().await.attempt, Some(2));
    house.close().await;
}

#[tokio::test]
async fn a_revoked_key_ends_its_runner_and_what_that_started() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let scout = office.remote("scout").await;
    let mut runner = scout.runner("boot-1").await;
    office.task(json!({"title": "look"})).await;
    let grant = runner.must_take().await;
    scout.revoke_keys().await;
    assert_eq!(runner.next().await.refused(), (401, "key_revoked".to_owned()));
    assert_eq!(runner.beat(&grant).await.refused(), (401, "key_revoked".to_owned()));
    let log = office.call_as(&runner.harness(&grant), "POST", "/tasks/1/log", json!({"message": "still here"})).await;
    assert_eq!(log.refused(), (409, "stale_claim".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_fired_agent_s_runner_is_told_so_and_its_task_goes_back_uncounted() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let scout = office.remote("scout").await;
    let mut runner = scout.runner("boot-1").await;
    office.task(json!({"title": "look"})).await;
    runner.must_take().await;
    office.call("DELETE", "/employees/scout", Value::Null).await.ok();
    let task = office.get_task(1).await;
    assert_eq!((task["status"].as_str(), task["attempts"].as_i64()), (Some("queued"), Some(0)));
    assert_eq!(runner.next().await.refused(), (401, "key_revoked".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn each_kind_of_agent_has_its_own_way() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada: mi_core::ids::AgentId = office.hire("ada").await["id"].as_str().unwrap().parse().unwrap();
    let (scout, key) = (office.remote("scout").await, office.agent_key(ada).await);
    let hello = json!({"bootId": "b", "version": "test"});
    let hosted = office.call_as(&house.as_key(&key), "POST", "/employees/ada/runner", hello.clone()).await;
    assert_eq!(hosted.refused(), (409, "wrong_agent_kind".to_owned()));
    let foreign = office.call_as(&scout.speaker(), "POST", "/employees/ada/runner", hello).await;
    assert_eq!(foreign.refused(), (403, "not_you".to_owned()));
    for action in ["stop", "start", "restart"] {
        let reply = office.call("POST", "/employees/scout/lifecycle", json!({"action": action})).await;
        assert_eq!(reply.refused(), (409, "wrong_agent_kind".to_owned()), "{action}");
    }
    house.close().await;
}

/// Somebody's own login pays: the office needs no key, and the agent works all the same.
#[tokio::test]
async fn models_of_the_machine_need_no_key_of_the_office() {
    the_machines_own(TestHouse::new().await, &[("office", 204)]).await;
}

#[tokio::test]
async fn models_of_the_machine_are_not_those_of_the_office() {
    the_machines_own(TestHouse::with_environment(&[("ANTHROPIC_API_KEY", "sk")]).await, &[]).await;
}

/// After these looks with other means.
async fn the_machines_own(house: TestHouse, looks: &[(&str, u16)]) {
    let office = house.office().await;
    let scout = office.remote("scout").await;
    let hello = json!({"bootId": "boot-1", "version": "test", "harnesses": ["claude-code"], "slots": 1});
    let welcome = office.call_as(&scout.speaker(), "POST", "/employees/scout/runner", hello).await.ok();
    let runner = house.as_key(welcome["token"].as_str().unwrap());
    office.task(json!({"title": "look", "assignedAgent": "scout"})).await;
    let ask = async |poll: i64, models: &str| {
        let body = json!({"poll": poll, "wait": 0, "freeSlots": 1, "models": models});
        office.call_as(&runner, "POST", "/employees/scout/runner/next", body).await
    };
    for (poll, (models, status)) in (1..).zip(looks) {
        assert_eq!(ask(poll, models).await.status, *status);
    }
    let session = ask(9, "machine").await.ok()["session"].clone();
    assert_eq!((session["task"].as_i64(), session["harness"].as_str()), (Some(1), Some("claude-code")));
    assert_eq!(session["model"], Value::Null, "which one is that login's business");
    house.close().await;
}
