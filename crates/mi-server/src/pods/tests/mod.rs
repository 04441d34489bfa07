//! Pods, seen through the house: wishes become pods, tickets are good once, crashes are counted.

mod sleep;

use mi_core::ids::AgentId;
use mi_core::limits::TICKET_SECONDS;
use mi_pods::{Pod, PodError, PodStatus};
use serde_json::json;

use super::{Desired, Observed, PodRow, service, sweep};
use crate::infra::sweeps::Offices;
use crate::testing::{Manners, TestHouse, TestOffice};

const SECOND: i64 = 1_000;

async fn row(office: TestOffice<'_>, agent: AgentId) -> PodRow {
    let id = office.id;
    office.house.house.db.read(move |tx| service::row(tx, id, agent)).await.unwrap().unwrap()
}

async fn hired(office: TestOffice<'_>, name: &str) -> AgentId {
    office.hire(name).await["id"].as_str().unwrap().parse().unwrap()
}

async fn wish(office: TestOffice<'_>, agent: AgentId, desired: Desired) {
    office.house.house.act_as_server(office.id, move |act| service::wish(act, agent, desired)).await.unwrap();
}

#[tokio::test]
async fn a_hire_becomes_a_pod_whose_runner_signs_in_once() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    assert_eq!(row(office, agent).await.observed, Observed::None);
    house.settle().await;
    assert_eq!((row(office, agent).await.observed, house.driver.running()), (Observed::Starting, 1));
    let runner = office.runner("ada").await;
    let found = row(office, agent).await;
    assert_eq!((found.observed, found.epoch), (Observed::Running, 1));
    // A lost answer: the same runner asks again and gets the same.
    runner.hello_again().await.ok();
    let thief = house.as_key(&runner.ticket).through(crate::infra::http::Via::Pod(agent));
    let body = json!({"bootId": "another", "version": "test"});
    let refused = office.call_as(&thief, "POST", "/employees/ada/runner", body).await.refused();
    assert_eq!(refused, (401, "unauthenticated".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_ticket_is_no_good_through_another_pods_door() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (_, bob) = (hired(office, "ada").await, hired(office, "bob").await);
    let runner = office.runner("ada").await;
    let through_bob = runner.speaker().through(crate::infra::http::Via::Pod(bob));
    let refused = office.call_as(&through_bob, "GET", "/tasks", serde_json::Value::Null).await.refused();
    assert_eq!(refused, (401, "wrong_pod".to_owned()));
    let owner = house.owner().through(crate::infra::http::Via::Pod(bob));
    assert_eq!(office.call_as(&owner, "GET", "/tasks", serde_json::Value::Null).await.refused().0, 401);
    house.close().await;
}

#[tokio::test]
async fn a_pod_that_crashes_comes_back_slower_and_then_not_at_all() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    for (crash, wait) in [(1, SECOND), (2, 5 * SECOND)] {
        office.runner("ada").await.exit(1).await;
        let found = row(office, agent).await;
        assert_eq!((found.observed, found.crashes), (Observed::Exited, crash));
        assert_eq!(found.last_error.unwrap(), "the pod ended with exit code 1");
        house.advance(wait - 1).await;
        assert_eq!(house.driver.running(), 0);
        house.advance(1).await;
        assert_eq!(house.driver.running(), 1);
    }
    office.runner("ada").await.exit(1).await;
    assert_eq!(row(office, agent).await.observed, Observed::Failed);
    house.advance(100 * SECOND).await;
    assert_eq!(house.driver.running(), 0);
    wish(office, agent, Desired::Running).await;
    house.settle().await;
    assert_eq!((row(office, agent).await.crashes, house.driver.running()), (0, 1));
    house.close().await;
}

#[tokio::test]
async fn a_pod_that_its_driver_ended_says_why() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    let runner = office.runner("ada").await;
    runner.pod.condemn("the workspace holds more than its 64 MiB");
    house.settle().await;
    let found = row(office, agent).await;
    assert_eq!((found.observed, found.crashes), (Observed::Exited, 1));
    assert_eq!(found.last_error.unwrap(), "the pod was ended: the workspace holds more than its 64 MiB");
    house.close().await;
}

#[tokio::test]
async fn a_long_good_run_forgives_earlier_crashes() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    for _ in 0..4 {
        let runner = office.runner("ada").await;
        house.advance(61 * SECOND).await;
        runner.exit(1).await;
        let found = row(office, agent).await;
        assert_eq!((found.observed, found.crashes), (Observed::Exited, 1));
        house.advance(SECOND).await;
    }
    house.close().await;
}

#[tokio::test]
async fn a_start_that_fails_is_told_with_its_hint() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    house.driver.fail_next(PodError::Wall { wall: "files".into(), detail: "not today".into() });
    let agent = hired(office, "ada").await;
    house.settle().await;
    let found = row(office, agent).await;
    assert_eq!((found.observed, found.crashes), (Observed::Exited, 1));
    let told = found.last_error.unwrap();
    assert!(told.contains("not today") && told.contains("bubblewrap"), "{told}");
    house.close().await;
}

#[tokio::test]
async fn a_runner_that_never_comes_is_given_up() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    house.settle().await;
    house.advance(TICKET_SECONDS * SECOND).await;
    assert_eq!(row(office, agent).await.observed, Observed::Starting);
    house.advance(1).await;
    let found = row(office, agent).await;
    assert_eq!((found.observed, found.crashes), (Observed::Exited, 1));
    assert!(found.last_error.unwrap().contains("didn't sign in"));
    house.close().await;
}

#[tokio::test]
async fn a_pod_nobody_wants_is_asked_and_then_killed() {
    let house = TestHouse::new().await;
    house.pods_are(Manners::Stubborn);
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    let runner = office.runner("ada").await;
    wish(office, agent, Desired::Stopped).await;
    house.settle().await;
    assert_eq!((runner.pod.terminations(), runner.pod.status()), (1, PodStatus::Running));
    house.advance(10 * SECOND - 1).await;
    assert_eq!(runner.pod.status(), PodStatus::Running);
    house.advance(1).await;
    assert!(matches!(runner.pod.status(), PodStatus::Exited { .. }));
    let found = row(office, agent).await;
    assert_eq!((found.observed, found.crashes, found.last_error), (Observed::None, 0, None));
    house.close().await;
}

#[tokio::test]
async fn a_restart_replaces_the_pod_and_voids_nothing_else() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    let first = office.runner("ada").await;
    house.house.act_as_server(office.id, move |act| service::restart(act, agent)).await.unwrap();
    house.settle().await;
    assert!(matches!(first.pod.status(), PodStatus::Exited { .. }));
    let second = office.runner("ada").await;
    assert_eq!(second.welcome.epoch, 2);
    let refused = office.call_as(&first.speaker(), "GET", "/tasks", serde_json::Value::Null).await.refused();
    assert_eq!(refused, (409, "superseded".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_condemned_pods_runner_is_void_at_once() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    let runner = office.runner("ada").await;
    house.house.act_as_server(office.id, move |act| service::condemn(act, agent, "it fell silent")).await.unwrap();
    let refused = office.call_as(&runner.speaker(), "GET", "/tasks", serde_json::Value::Null).await.refused();
    assert_eq!(refused, (409, "superseded".to_owned()));
    house.settle().await;
    assert_eq!(office.runner("ada").await.welcome.epoch, 3);
    house.close().await;
}

#[tokio::test]
async fn a_runner_that_was_sent_away_is_no_crash() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    let mut runner = office.runner("ada").await;
    office.call("POST", "/suspend", json!({})).await.ok();
    assert_eq!(runner.next(0).await.json["control"], "suspend");
    runner.exit(0).await;
    let found = row(office, agent).await;
    assert_eq!((found.observed, found.crashes), (Observed::None, 0));
    office.call("POST", "/resume", json!({})).await.ok();
    house.advance(SECOND).await;
    assert_eq!(house.driver.running(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_runner_that_leaves_unasked_again_and_again_is_given_up_like_one_that_crashes() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    let task = office.task(json!({"title": "count"})).await;
    for attempt in 1..=3 {
        let mut runner = office.runner("ada").await;
        runner.must_take().await;
        runner.exit(0).await;
        assert_eq!(
            (office.get_task(task).await["attempts"].as_i64(), row(office, agent).await.crashes),
            (Some(attempt), attempt)
        );
        house.advance(21 * SECOND).await;
    }
    let found = office.get_task(task).await;
    let error = found["error"].as_str().unwrap();
    assert_eq!(found["status"], "failed");
    assert!(error.contains("the pod's runner left, and nobody had told it to"), "{error}");
    assert_eq!((row(office, agent).await.observed, house.driver.running()), (Observed::Failed, 0));
    house.close().await;
}

#[tokio::test]
async fn a_dead_pod_loses_its_session_and_the_attempt_counts() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    hired(office, "ada").await;
    let task = office.task(json!({"title": "count"})).await;
    let mut runner = office.runner("ada").await;
    assert_eq!(runner.must_take().await.task.unwrap().0, task);
    runner.exit(9).await;
    let found = office.get_task(task).await;
    assert_eq!((&found["status"], &found["attempts"]), (&json!("queued"), &json!(1)));
    house.close().await;
}

#[tokio::test]
async fn an_office_that_is_broken_keeps_no_others_pods_from_their_end() {
    // Whichever is looked at first, once it is the broken one's.
    for broken in [0, 1] {
        let house = TestHouse::new().await;
        let offices = [house.office().await, house.office().await];
        let (broken, well) = (offices[broken], offices[1 - broken]);
        let (_, agent) = (hired(broken, "ada").await, hired(well, "ada").await);
        let runners = [broken.runner("ada").await, well.runner("ada").await];
        broken.set_raw_settings("{").await;
        runners.iter().for_each(|runner| runner.exit_unseen(1));
        let offices = Offices::default();
        assert!(sweep::bury(&house.house, &offices).await.is_err());
        assert_eq!(row(well, agent).await.observed, Observed::Exited);
        broken.set_raw_settings("{}").await;
        sweep::bury(&house.house, &offices).await.unwrap();
        house.close().await;
    }
}

#[tokio::test]
async fn an_office_that_is_broken_keeps_no_server_from_its_start() {
    for broken in [0, 1] {
        let house = TestHouse::new().await;
        let offices = [house.office().await, house.office().await];
        let (broken, well) = (offices[broken], offices[1 - broken]);
        let mut agents = Vec::new();
        for office in [broken, well] {
            agents.push(hired(office, "ada").await);
            office.task(json!({"title": "cut off"})).await;
            office.runner("ada").await.must_take().await;
        }
        broken.set_raw_settings("{").await;
        super::start_up(&house.house).await.unwrap();
        assert_eq!(row(well, agents[1]).await.observed, Observed::None);
        assert_eq!(well.get_task(1).await["status"], "queued");
        broken.set_raw_settings("{}").await;
        super::start_up(&house.house).await.unwrap();
        assert_eq!(row(broken, agents[0]).await.observed, Observed::None);
        house.close().await;
    }
}

#[tokio::test]
async fn the_pods_of_a_suspended_office_rest() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    hired(office, "ada").await;
    office.runner("ada").await;
    office.call("POST", "/suspend", json!({})).await.ok();
    house.settle().await;
    assert_eq!(house.driver.running(), 0);
    office.call("POST", "/resume", json!({})).await.ok();
    house.settle().await;
    assert_eq!(house.driver.running(), 1);
    house.close().await;
}

#[tokio::test]
async fn at_the_end_agents_may_finish_then_hand_back_and_are_killed_last() {
    let house = TestHouse::new().await;
    house.pods_are(Manners::Stubborn);
    let office = house.office().await;
    hired(office, "ada").await;
    let task = office.task(json!({"title": "long"})).await;
    let mut runner = office.runner("ada").await;
    runner.must_take().await;
    let began = house.now();
    house.house.drain();
    let own = house.house.clone();
    let ending = tokio::spawn(async move { super::shut_down(&own).await });
    let (mut asked_after, mut killed_after) = (None, None);
    while !ending.is_finished() {
        let passed = house.now() - began;
        if runner.pod.terminations() > 0 {
            asked_after.get_or_insert(passed.0);
        }
        if runner.pod.status() != PodStatus::Running {
            killed_after.get_or_insert(passed.0);
        }
        house.house.clock.advance(mi_core::time::Millis(20));
        // The shutdown writes on a thread of its own; a read after it has its turn behind that.
        office.get_task(task).await;
    }
    ending.await.unwrap().unwrap();
    assert!(asked_after.unwrap() >= 5 * SECOND && asked_after < killed_after, "{asked_after:?}");
    assert!(killed_after.unwrap() >= 24 * SECOND, "{killed_after:?}");
    let found = office.get_task(task).await;
    assert_eq!((&found["status"], &found["attempts"]), (&json!("queued"), &json!(0)));
    house.close().await;
}

#[tokio::test]
async fn an_office_that_is_broken_takes_the_hand_over_from_no_other() {
    let house = TestHouse::new().await;
    let (broken, well) = (house.office().await, house.office().await);
    let (lost, agent) = (hired(broken, "ada").await, hired(well, "ada").await);
    let task = well.task(json!({"title": "long"})).await;
    let (gone, mut runner) = (broken.runner("ada").await, well.runner("ada").await);
    runner.must_take().await;
    broken.set_raw_settings("{").await;
    gone.exit_unseen(1);
    house.house.drain();
    let own = house.house.clone();
    let ending = tokio::spawn(async move { super::shut_down(&own).await });
    let began = house.now();
    while !ending.is_finished() {
        house.house.clock.advance(mi_core::time::Millis(20));
        // The shutdown writes on a thread of its own; a read after it has its turn behind that.
        well.get_task(task).await;
    }
    assert!(ending.await.unwrap().is_err());
    assert!(house.now() - began >= mi_core::time::Millis(5 * SECOND), "it may finish first");
    assert_eq!(runner.pod.terminations(), 1);
    let found = well.get_task(task).await;
    assert_eq!((&found["status"], &found["attempts"]), (&json!("queued"), &json!(0)));
    assert_eq!(row(well, agent).await.observed, Observed::None);
    broken.set_raw_settings("{}").await;
    super::shut_down(&house.house).await.unwrap();
    assert_eq!(row(broken, lost).await.observed, Observed::None);
    house.close().await;
}

#[tokio::test]
async fn after_a_restart_what_pods_held_is_offered_again_uncounted() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    let task = office.task(json!({"title": "cut off"})).await;
    let mut runner = office.runner("ada").await;
    runner.must_take().await;
    // What a new server does before it opens its door; this one's register still has the pod, which is replaced.
    super::start_up(&house.house).await.unwrap();
    assert_eq!(row(office, agent).await.observed, Observed::None);
    let found = office.get_task(task).await;
    assert_eq!((&found["status"], &found["attempts"]), (&json!("queued"), &json!(0)));
    assert_eq!(office.runner("ada").await.must_take().await.task.unwrap().0, task);
    house.close().await;
}

#[tokio::test]
async fn the_same_holds_on_postgres() {
    let Some(house) = TestHouse::on_postgres().await else { return };
    let office = house.office().await;
    let agent = hired(office, "ada").await;
    let task = office.task(json!({"title": "count"})).await;
    let mut runner = office.runner("ada").await;
    runner.must_take().await;
    runner.exit(1).await;
    assert_eq!(row(office, agent).await.observed, Observed::Exited);
    house.advance(6 * SECOND).await;
    let mut runner = office.runner("ada").await;
    let grant = runner.must_take().await;
    runner.done(&grant, "counted").await.ok();
    runner.end(&grant, "finished").await.ok();
    assert_eq!(office.get_task(task).await["status"], "done");
    house.close().await;
}
