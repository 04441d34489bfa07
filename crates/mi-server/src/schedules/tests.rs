use mi_core::time::Millis;
use serde_json::{Value, json};

use crate::testing::{TestHouse, TestOffice};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn add(office: &TestOffice<'_>, body: Value) -> Value {
    office.call("POST", "/schedules", body).await.ok()
}

async fn get(office: &TestOffice<'_>, name: &str) -> Value {
    office.call("GET", &format!("/schedules/{name}"), Value::Null).await.ok()
}

async fn edit(office: &TestOffice<'_>, name: &str, body: Value) -> Value {
    office.call("PATCH", &format!("/schedules/{name}"), body).await.ok()
}

/// The titles of all tasks, by number.
async fn titles(office: &TestOffice<'_>) -> Vec<String> {
    let tasks = office.call("GET", "/tasks?limit=500", Value::Null).await.ok();
    tasks.as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap().to_owned()).collect()
}

async fn told(office: &TestOffice<'_>, kind: &str) -> usize {
    let events = office.call("GET", "/events?limit=500", Value::Null).await.ok();
    events.as_array().unwrap().iter().filter(|event| event["type"] == kind).count()
}

/// Every hour, with a task for each even if the last one is open.
fn hourly() -> Value {
    json!({"name": "watch", "cron": "@hourly", "overlap": "allow", "task": {"title": "Look {time} #{n}"}})
}

#[tokio::test]
async fn a_schedule_creates_its_task_when_it_is_due() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let wish = json!({"name": "standup", "cron": "0 9 * * mon-fri", "timezone": "europe/berlin", "deadline_seconds": "3600",
        "task": {"title": "Standup {date} at {time}, #{n}", "assigned_agent": "ada", "kind": "general", "priority": 10}});
    let made = add(&office, wish).await;
    // The test begins on Thursday, 1 January 2026, at 0:00 UTC.
    assert_eq!((&made["nextAt"], &made["timezone"]), (&json!("2026-01-01T08:00:00.000Z"), &json!("Europe/Berlin")));
    assert_eq!((&made["catchUp"], &made["overlap"]), (&json!("one"), &json!("skip")));
    house.advance(8 * HOUR_MS - 1).await;
    assert_eq!(titles(&office).await, [""; 0]);
    house.advance(1).await;
    let task = office.get_task(1).await;
    assert_eq!(task["title"], "Standup 2026-01-01 at 09:00, #1");
    assert_eq!((&task["created_by"], &task["assigned_agent"]), (&json!("schedule:standup"), &json!("ada")));
    assert_eq!((&task["priority"], &task["deadline"]), (&json!(10), &json!("2026-01-01T09:00:00.000Z")));
    let after = get(&office, "standup").await;
    assert_eq!((&after["nextAt"], &after["lastTask"]), (&json!("2026-01-02T08:00:00.000Z"), &json!(1)));
    assert_eq!((&after["runs"], &after["lastOutcome"]), (&json!(1), &json!("created")));
    for _ in 0..3 {
        house.settle().await;
    }
    assert_eq!(titles(&office).await.len(), 1, "a due moment has one run");
    assert_eq!((told(&office, "schedules.create").await, told(&office, "schedules.run").await), (1, 1));
    house.close().await;
}

#[tokio::test]
async fn while_the_last_task_is_open_there_is_no_second_one() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    add(&office, json!({"name": "watch", "cron": "every 10m", "task": {"title": "Look #{n}"}})).await;
    for _ in 0..4 {
        house.advance(10 * MINUTE_MS).await;
    }
    assert_eq!(titles(&office).await, ["Look #1"]);
    let skipped = get(&office, "watch").await;
    assert_eq!(skipped["lastOutcome"], "skipped");
    assert_eq!(skipped["lastError"], "task 1 of the last run is still queued");
    assert_eq!(told(&office, "schedules.skip").await, 1, "told once");
    office.call("POST", "/tasks/1/cancel", Value::Null).await.ok();
    house.advance(10 * MINUTE_MS).await;
    assert_eq!(titles(&office).await, ["Look #1", "Look #2"]);
    assert_eq!(get(&office, "watch").await["lastError"], Value::Null);
    edit(&office, "watch", json!({"overlap": "allow"})).await;
    house.advance(10 * MINUTE_MS).await;
    assert_eq!(titles(&office).await.len(), 3);
    house.close().await;
}

#[tokio::test]
async fn missed_runs_are_caught_up_as_the_schedule_says() {
    for (catch_up, expected) in [
        ("skip", vec![]),
        ("one", vec!["Look 05:00 #1"]),
        ("all", vec!["Look 01:00 #1", "Look 02:00 #2", "Look 03:00 #3", "Look 04:00 #4", "Look 05:00 #5"]),
    ] {
        let house = TestHouse::new().await;
        let office = house.office().await;
        let mut wish = hourly();
        wish["catchUp"] = json!(catch_up);
        add(&office, wish).await;
        // The server is down: time passes, and no sweep comes by.
        house.house.clock.advance(Millis(5 * HOUR_MS + 10 * MINUTE_MS));
        house.settle().await;
        assert_eq!(titles(&office).await, expected, "{catch_up}");
        assert_eq!(get(&office, "watch").await["nextAt"], "2026-01-01T06:00:00.000Z");
        assert_eq!(told(&office, "schedules.miss").await, usize::from(catch_up != "all"));
        house.advance(50 * MINUTE_MS).await;
        let last = titles(&office).await.pop().unwrap();
        assert!(last.starts_with("Look 06:00"), "{last}");
        house.close().await;
    }
}

#[tokio::test]
async fn catching_up_has_a_most_and_respects_an_open_task() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let mut wish = hourly();
    wish["catchUp"] = json!("all");
    add(&office, wish.clone()).await;
    wish["name"] = json!("one-at-a-time");
    wish["overlap"] = json!("skip");
    add(&office, wish).await;
    house.house.clock.advance(Millis(3 * DAY_MS));
    house.settle().await;
    let of = |name: &'static str| async move {
        let tasks = office.call("GET", "/tasks?limit=500", Value::Null).await.ok();
        let by = json!(format!("schedule:{name}"));
        tasks.as_array().unwrap().iter().filter(|task| task["created_by"] == by).count()
    };
    assert_eq!(of("watch").await, mi_core::limits::SCHEDULE_CATCH_UP_RUNS_MAX);
    assert_eq!(of("one-at-a-time").await, 1);
    house.close().await;
}

#[tokio::test]
async fn a_suspended_office_runs_nothing_and_catches_up_later() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    add(&office, hourly()).await;
    office.call("POST", "/suspend", Value::Null).await.ok();
    house.advance(3 * HOUR_MS).await;
    assert_eq!(titles(&office).await.len(), 0);
    office.call("POST", "/resume", Value::Null).await.ok();
    house.settle().await;
    assert_eq!(titles(&office).await, ["Look 03:00 #1"]);
    house.close().await;
}

#[tokio::test]
async fn a_pause_is_a_pause_and_is_not_made_up_for() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let mut wish = hourly();
    wish["paused"] = json!(true);
    assert_eq!(add(&office, wish).await["nextAt"], Value::Null);
    house.advance(3 * HOUR_MS).await;
    let resumed = edit(&office, "watch", json!({"paused": false})).await;
    assert_eq!(resumed["nextAt"], "2026-01-01T04:00:00.000Z");
    assert_eq!(titles(&office).await.len(), 0);
    house.advance(HOUR_MS).await;
    assert_eq!(titles(&office).await.len(), 1);
    assert_eq!(edit(&office, "watch", json!({"paused": true})).await["nextAt"], Value::Null);
    house.advance(HOUR_MS).await;
    assert_eq!(titles(&office).await.len(), 1);
    // By hand it runs all the same.
    let task = office.call("POST", "/schedules/watch/run", Value::Null).await;
    assert_eq!((task.status, &task.json["title"]), (201, &json!("Look 05:00 #2")));
    assert_eq!(get(&office, "watch").await["nextAt"], Value::Null);
    house.close().await;
}

#[tokio::test]
async fn a_task_that_is_refused_is_an_outcome_and_the_schedule_goes_on() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut wish = hourly();
    wish["task"]["assignedAgent"] = json!("ada");
    add(&office, wish).await;
    let mut other = hourly();
    other["name"] = json!("other");
    add(&office, other).await;
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    house.advance(HOUR_MS).await;
    let failed = get(&office, "watch").await;
    assert_eq!((&failed["lastOutcome"], &failed["runs"]), (&json!("failed"), &json!(0)));
    assert_eq!(failed["lastError"], "there is no agent ada in this office");
    assert_eq!(failed["nextAt"], "2026-01-01T02:00:00.000Z");
    assert_eq!(titles(&office).await.len(), 1, "the other one ran");
    assert_eq!(told(&office, "schedules.fail").await, 1);
    let refused = office.call("POST", "/schedules/watch/run", Value::Null).await;
    assert_eq!(refused.refused(), code(400, "unknown_agent"));
    edit(&office, "watch", json!({"task": {"assigned_agent": null}})).await;
    house.advance(HOUR_MS).await;
    assert_eq!(get(&office, "watch").await["lastOutcome"], "created");
    house.close().await;
}

#[tokio::test]
async fn a_schedule_is_changed_in_part() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let made = add(&office, hourly()).await;
    let id = made["id"].as_i64().unwrap().to_string();
    let next = made["nextAt"].clone();
    let changed = edit(&office, &id, json!({"task": {"description": "all of it"}, "deadlineSeconds": 600})).await;
    assert_eq!(
        (&changed["task"]["title"], &changed["task"]["description"]),
        (&json!("Look {time} #{n}"), &json!("all of it"))
    );
    assert_eq!((&changed["nextAt"], &changed["deadlineSeconds"]), (&next, &json!(600)), "its time stays");
    let changed = edit(&office, "watch", json!({"name": "look", "cron": "every 2h", "deadlineSeconds": 0})).await;
    assert_eq!((&changed["name"], &changed["deadlineSeconds"]), (&json!("look"), &Value::Null));
    assert_eq!(changed["nextAt"], "2026-01-01T02:00:00.000Z");
    let moments = office.call("GET", "/schedules/look/next?n=2", Value::Null).await.ok();
    assert_eq!(moments[1], json!({"at": "2026-01-01T04:00:00.000Z", "local": "2026-01-01T04:00:00+00:00"}));
    let listed = office.call("GET", "/schedules", Value::Null).await;
    assert_eq!(listed.header("x-total-count"), Some("1"));
    assert_eq!(listed.ok()[0]["name"], "look");
    office.call("DELETE", "/schedules/look", Value::Null).await.ok();
    assert_eq!(office.call("GET", "/schedules/look", Value::Null).await.refused(), code(404, "no_such_schedule"));
    assert_eq!(office.call("GET", &format!("/schedules/{id}"), Value::Null).await.refused().0, 404);
    house.advance(4 * HOUR_MS).await;
    assert_eq!(titles(&office).await.len(), 0);
    house.close().await;
}

#[tokio::test]
async fn what_could_never_run_is_refused_at_once() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let with = |key: &str, value: Value| {
        let mut wish = hourly();
        wish[key] = value;
        wish
    };
    for (wish, refusal) in [
        (with("cron", json!("61 * * * *")), code(400, "bad_schedule")),
        (with("cron", json!("0 0 31 2 *")), code(400, "bad_schedule")),
        (with("cron", json!("every 10s")), code(400, "bad_schedule")),
        (with("timezone", json!("Mars/Olympus")), code(400, "bad_schedule")),
        (with("name", json!("Big Name")), code(400, "bad_request")),
        (with("name", json!("123")), code(400, "bad_request")),
        (with("catchUp", json!("sometimes")), code(400, "bad_request")),
        (with("deadlineSeconds", json!(5)), code(400, "bad_request")),
        (with("task", json!({"description": "no title"})), code(400, "bad_request")),
        (with("task", json!({"title": "t", "deadline": "+1h"})), code(400, "bad_request")),
        (with("task", json!({"title": "t", "name": "once"})), code(400, "bad_request")),
        (with("task", json!({"title": "t", "assignedAgent": "nobody"})), code(400, "unknown_agent")),
        (with("task", json!({"title": "t", "dependsOn": "7"})), code(400, "unknown_dependency")),
        (with("task", json!({"title": "t", "parentId": 7})), code(400, "unknown_parent")),
        (with("task", json!({"title": "x".repeat(501)})), code(400, "too_long")),
    ] {
        assert_eq!(office.call("POST", "/schedules", wish.clone()).await.refused(), refusal, "{wish}");
    }
    let said = office.call("POST", "/schedules", with("cron", json!("0 25 * * *"))).await.json;
    assert_eq!(said["error"], "the hour: \"25\" is not a number from 0 to 23");
    assert_eq!(said["hint"], "for example \"30 9 * * *\" is 9:30 every day");
    add(&office, hourly()).await;
    assert_eq!(office.call("POST", "/schedules", hourly()).await.refused(), code(409, "schedule_exists"));
    add(&office, with("name", json!("second"))).await;
    let taken = office.call("PATCH", "/schedules/second", json!({"name": "watch"})).await;
    assert_eq!(taken.refused(), code(409, "schedule_exists"));
    house.close().await;
}

#[tokio::test]
async fn an_office_has_so_many_schedules_and_no_more() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for n in 0..mi_core::limits::SCHEDULES_PER_OFFICE_MAX {
        add(&office, json!({"name": format!("s-{n}"), "cron": "@daily", "task": {"title": "t"}})).await;
    }
    assert_eq!(office.call("POST", "/schedules", hourly()).await.refused(), code(409, "too_many_schedules"));
    house.close().await;
}

#[tokio::test]
async fn agents_look_and_operators_act() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    add(&office, hourly()).await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    office.task(json!({"title": "work"})).await;
    let grant = runner.must_take().await;
    let agent = runner.harness(&grant);
    for path in ["/schedules", "/schedules/watch", "/schedules/watch/next"] {
        office.call_as(&agent, "GET", path, Value::Null).await.ok();
    }
    for (method, path, body) in [
        ("POST", "/schedules", hourly()),
        ("PATCH", "/schedules/watch", json!({"paused": true})),
        ("POST", "/schedules/watch/run", Value::Null),
        ("DELETE", "/schedules/watch", Value::Null),
    ] {
        let refused = office.call_as(&agent, method, path, body).await.refused();
        assert_eq!(refused, code(403, "operator_only"), "{method} {path}");
    }
    house.close().await;
}
