//! Offices from outside, and the rules that need no office.

use mi_core::problem::Code;
use mi_core::wire::offices::{HireLimit, Settings};
use serde_json::{Map, Value, json};

use super::{settings, store};
use crate::testing::{Manners, TestHouse};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

#[test]
fn settings_are_merged_key_by_key_in_either_casing() {
    let change = json!({"max_agents": 7, "hireLimit": {"window_seconds": 60}, "their_own": {"a_b": 1}});
    let once = settings::merged(&Settings::default(), object(change)).unwrap();
    assert_eq!(once.max_agents, 7);
    assert_eq!(once.hire_limit, HireLimit { window_seconds: 60, ..HireLimit::default() });
    assert_eq!(once.other, object(json!({"their_own": {"a_b": 1}})));

    let back = json!({"maxAgents": null, "their_own": null, "hire_limit": {"windowSeconds": null}});
    assert_eq!(settings::merged(&once, object(back)).unwrap(), Settings::default());
}

#[test]
fn where_an_office_may_go_is_read_when_it_is_written() {
    let egress = |list: Value| settings::merged(&Settings::default(), object(json!({"egress": list})));
    let good = egress(json!(["github.com", "*.example.org:443", {"host": "example.net", "methods": ["GET"]}])).unwrap();
    assert_eq!(good.egress.len(), 3);
    let refused = egress(json!(["github.com", "https://example.net/simple"])).unwrap_err();
    assert_eq!(refused.code, Code::BadRequest);
    assert!(
        refused.sentence.starts_with("egress entry 2, \"https://example.net/simple\", can't be read"),
        "{refused:?}"
    );
    // What stands there already doesn't keep an office from changing something else.
    let old = Settings { egress: vec![json!(7)], ..Settings::default() };
    assert!(settings::merged(&old, object(json!({"maxAgents": 3}))).is_ok());
    assert!(settings::merged(&old, object(json!({"egress": [7, "x.org"]}))).is_err());
    assert_eq!(settings::merged(&old, object(json!({"egress": null}))).unwrap().egress, Vec::<Value>::new());
}

#[test]
fn settings_that_no_office_can_work_with_are_refused() {
    for bad in [
        json!({"leaseSeconds": 1}),
        json!({"leaseSeconds": "soon"}),
        json!({"maxAgents": -1}),
        json!({"hireLimit": 3}),
        json!({"hireLimit": {"count": -1}}),
        json!({"officeType": "secret"}),
        json!({"theirs": "x".repeat(70_000)}),
    ] {
        assert!(settings::merged(&Settings::default(), object(bad.clone())).is_err(), "{bad}");
    }
}

#[test]
fn deleting_an_office_names_every_table_that_holds_something_of_one() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let schema: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let tables = schema.split("create table ").skip(1);
    let owned = tables.filter(|table| table.contains("office_id text not null"));
    let mut expected: Vec<String> = owned
        .filter_map(|table| table.split_whitespace().next())
        .map(|name| format!("delete from {name} where office_id = $1"))
        .collect();
    let mut listed: Vec<String> = store::OWNED.iter().map(|sql| (*sql).to_owned()).collect();
    expected.sort();
    listed.sort();
    assert_eq!(listed, expected);
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn an_office_is_opened_with_its_drive_and_its_first_credits() {
    let house = TestHouse::new().await;
    let reply = house.call("POST", "/api/v1/offices", json!({"name": "  My Colony "})).await;
    assert_eq!(reply.status, 201);
    let made = reply.ok();
    assert_eq!((&made["name"], &made["status"]), (&json!("My Colony"), &json!("active")));
    assert_eq!(made["settings"]["maxAgents"], 50);
    let path = format!("/api/offices/{}", made["id"].as_str().unwrap());
    assert_eq!(house.call("GET", &path, Value::Null).await.ok(), made);
    let status = house.call("GET", &format!("{path}/status"), Value::Null).await.ok();
    assert_eq!((&status["phase"], &status["credits"]), (&json!("ready"), &json!(1_000)));
    assert_eq!(status["tasks"]["queued"], 0);
    let office = made["id"].as_str().unwrap().parse().unwrap();
    assert!(house.house.drive_dir(office).is_dir());
    let list = house.call("GET", "/api/v1/offices", Value::Null).await;
    assert_eq!(list.header("x-total-count"), Some("1"));
    assert_eq!(list.ok(), json!([made]));
    house.close().await;
}

#[tokio::test]
async fn names_have_one_to_two_hundred_characters() {
    let house = TestHouse::new().await;
    for (body, expected) in [
        (json!({}), code(400, "bad_request")),
        (json!({"name": "  "}), code(400, "bad_name")),
        (json!({"name": "x".repeat(201)}), code(400, "bad_name")),
        (json!({"name": "a\nb"}), code(400, "bad_name")),
    ] {
        let reply = house.call("POST", "/api/v1/offices", body.clone()).await;
        assert_eq!(reply.refused(), expected, "{body}");
    }
    house.call("POST", "/api/v1/offices", json!({"name": "ä".repeat(200)})).await.ok();
    let reply = house.nobody().call("POST", "/api/v1/offices", json!({"name": "x"})).await;
    assert_eq!(reply.refused(), code(401, "unauthenticated"));
    house.close().await;
}

#[tokio::test]
async fn a_repeated_opening_is_the_same_office() {
    let house = TestHouse::new().await;
    let owner = house.owner().with_header("idempotency-key", "once");
    let first = owner.call("POST", "/api/v1/offices", json!({"name": "a"})).await.ok();
    let again = owner.call("POST", "/api/v1/offices", json!({"name": "a"})).await;
    assert_eq!((again.status, &again.json), (201, &first));
    let other = owner.call("POST", "/api/v1/offices", json!({"name": "b"})).await;
    assert_eq!(other.refused(), code(422, "idempotency_key_reused"));
    assert_eq!(house.call("GET", "/api/v1/offices", Value::Null).await.header("x-total-count"), Some("1"));
    let folders = std::fs::read_dir(house.house.data_dir().join("offices")).unwrap().count();
    assert_eq!(folders, 1, "a refused opening left its folder");
    house.close().await;
}

#[tokio::test]
async fn settings_change_through_the_door_and_for_operators_only() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let changed = office.call("PATCH", "/settings", json!({"lease_seconds": 60, "mine": [1]})).await.ok();
    assert_eq!((&changed["leaseSeconds"], &changed["mine"]), (&json!(60), &json!([1])));
    assert_eq!(office.call("GET", "/settings", Value::Null).await.ok(), changed);
    let bad = office.call("PATCH", "/settings", json!({"leaseSeconds": 0})).await;
    assert_eq!(bad.refused(), code(400, "bad_request"));
    office.hire("ada").await;
    let agent = office.runner("ada").await.speaker();
    for (method, path) in
        [("GET", ""), ("GET", "/settings"), ("PATCH", "/settings"), ("POST", "/suspend"), ("DELETE", "")]
    {
        let reply = office.call_as(&agent, method, path, Value::Null).await;
        let expected = if method == "DELETE" { "owner_only" } else { "operator_only" };
        assert_eq!(reply.refused(), code(403, expected), "{method} {path}");
    }
    let elsewhere = house.office().await;
    let reply = elsewhere.call_as(&agent, "GET", "/employees", Value::Null).await;
    assert_eq!(reply.refused(), code(403, "no_access"));
    house.close().await;
}

#[tokio::test]
async fn a_suspended_office_keeps_everything_and_runs_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["ada", "bob"] {
        office.hire(name).await;
    }
    office.call("POST", "/employees/bob/lifecycle", json!({"action": "stop"})).await.ok();
    let mut runner = office.runner("ada").await;
    let task = office.task(json!({"title": "work"})).await;
    runner.must_take().await;

    let suspended = office.call("POST", "/suspend", Value::Null).await.ok();
    assert_eq!(suspended["status"], "suspended");
    office.call("POST", "/suspend", Value::Null).await.ok();
    house.settle().await;
    let held = office.get_task(task).await;
    assert_eq!((&held["status"], &held["attempts"]), (&json!("queued"), &json!(0)));
    assert_eq!(house.driver.running(), 0);
    let status = office.call("GET", "/status", Value::Null).await.ok();
    assert_eq!((&status["phase"], &status["agents"]["Suspended"]), (&json!("suspended"), &json!(2)));
    let entered = office.call("POST", "/employees/ada/debug/ada", json!({"command": "true"})).await;
    let sentence = entered.json["error"].as_str().unwrap().to_owned();
    assert!(sentence.contains("the office is suspended; mi colonies resume"), "{sentence}");
    assert_eq!(entered.refused(), (409, "pod_not_running".to_owned()));

    office.call("POST", "/resume", Value::Null).await.ok();
    house.advance(2_000).await;
    assert_eq!(house.driver.running(), 1, "bob was stopped by hand and stays so");
    let mut runner = office.runner("ada").await;
    assert_eq!(runner.must_take().await.task.unwrap().0, task);
    house.close().await;
}

/// Moves the clock while something waits for it.
async fn meanwhile<T>(house: &TestHouse, work: impl Future<Output = T>) -> T {
    let time = async {
        loop {
            house.advance(100).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = work => done,
        () = time => unreachable!("time ended"),
    }
}

#[tokio::test]
async fn nothing_of_a_deleted_office_can_be_read() {
    let house = TestHouse::new().await;
    let (office, other) = (house.office().await, house.office().await);
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    office.task(json!({"title": "work"})).await;
    let grant = runner.must_take().await;
    runner.log(&grant, 0, &["a line"]).await.ok();
    other.hire("bob").await;
    house.settle().await;

    let owner = house.owner().with_header("idempotency-key", "gone");
    let reply = meanwhile(&house, office.call_as(&owner, "DELETE", "", Value::Null)).await;
    assert_eq!(reply.ok(), json!({"ok": true}));
    assert_eq!(house.driver.running(), 1, "only the other office's pod is left");
    for path in ["", "/status", "/settings", "/employees", "/tasks", "/events", "/credits", "/files"] {
        let reply = office.call("GET", path, Value::Null).await;
        assert_eq!(reply.refused(), code(404, "no_such_office"), "{path}");
    }
    let orphan = runner.next(0).await;
    assert_eq!(orphan.refused(), code(404, "no_such_office"));
    assert!(!house.house.office_dir(office.id).exists());
    let id = office.id;
    let rows = house.house.db.read(move |tx| Ok(store::rows_left(tx, id)?)).await.unwrap();
    assert_eq!(rows, 0);
    let again = office.call_as(&owner, "DELETE", "", Value::Null).await;
    assert_eq!(again.ok(), json!({"ok": true}), "the same request, asked again");
    assert_eq!(office.call("DELETE", "", Value::Null).await.refused(), code(404, "no_such_office"));
    other.call("GET", "/employees/bob", Value::Null).await.ok();
    house.close().await;
}

#[tokio::test]
async fn pods_that_do_not_stop_hold_an_office_until_they_are_killed() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.runner("ada").await;
    house.pods_are(Manners::Stubborn);
    meanwhile(&house, office.call("DELETE", "", Value::Null)).await.ok();
    assert_eq!(house.driver.running(), 0);
    house.close().await;
}
