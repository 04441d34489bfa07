//! Power cuts, shots and orderly stops: nothing acknowledged is lost, nothing runs twice, nothing is left behind.

use serde_json::{Value, json};
use tests::{House, LONG, Office, SHORT, Server, User, processes, until};

/// Notes its beginning, waits for the word, notes its end.
const PATIENT: &str = "echo \"begin $MI_TASK\" >>/shared/files/ledger; tq log begun
    while [ ! -e /shared/files/go ]; do sleep 0.02; done
    echo \"end $MI_TASK\" >>/shared/files/ledger; tq update --status done --result \"did $MI_TASK\"";
const TASKS: i64 = 6;

fn running(office: Office<'_>) -> usize {
    let list = office.read("/tasks?status=running");
    list.as_array().unwrap().len()
}

fn until_both_work(office: Office<'_>) {
    until(LONG, "two tasks at work", || (running(office) == 2).then_some(()));
}

#[test]
fn a_shot_server_loses_nothing() {
    for user in User::each() {
        shoot_twice(&House::of(user));
    }
}

fn shoot_twice(house: &House) {
    let server = Server::start(house);
    let office = Office::create(&server, "shots");
    let id = office.id().to_owned();
    for name in ["ada", "bob"] {
        office.hire(name, PATIENT);
    }
    let mut told = Vec::new();
    for number in 1..=TASKS {
        let task = office.task(&format!("Number {number}"), &["--description", "as it was said"]);
        office.mi(&["tasks", "comment", &task.to_string(), &format!("word {number}")]).ok();
        told.push(task);
    }
    office.push("kept.txt", b"kept");
    until_both_work(office);
    server.shoot();

    let server = Server::start(house);
    let office = Office::known(&server, &id);
    everything_is_there(office, &told);
    until_both_work(office);
    assert_eq!(held_twice(office), Vec::<Value>::new());
    let late = office.task("After the first shot", &[]);
    server.shoot();

    let server = Server::start(house);
    let office = Office::known(&server, &id);
    everything_is_there(office, &told);
    office.push("go", b"");
    for task in told.iter().chain([&late]) {
        let detail = office.await_status(*task, "done", LONG);
        assert_eq!(detail["task"]["result_summary"], format!("did {task}"));
        assert_eq!(detail["task"]["attempts"], 1, "attempts of a shot server don't count: {detail:#}");
    }
    let ledger = String::from_utf8(office.file("ledger")).unwrap();
    for task in told {
        assert_eq!(ledger.matches(&format!("end {task}\n")).count(), 1, "{ledger}");
    }
    assert_eq!(office.read("/tasks/stats")["done"], TASKS + 1);
    assert!(server.stop().success());
}

fn everything_is_there(office: Office<'_>, told: &[i64]) {
    for (number, task) in (1..).zip(told) {
        let detail = office.detail(*task);
        assert_eq!(detail["task"]["title"], format!("Number {number}"));
        assert_eq!(detail["task"]["description"], "as it was said");
        assert_eq!(detail["comments"][0]["message"], format!("word {number}"), "{detail:#}");
    }
    assert_eq!(office.file("kept.txt"), b"kept");
    let agents = office.read("/employees");
    assert_eq!(agents.as_array().unwrap().len(), 2, "{agents:#}");
}

/// Tasks with more than one session that lives.
fn held_twice(office: Office<'_>) -> Vec<Value> {
    let list = office.read("/tasks");
    let details = list.as_array().unwrap().iter().map(|task| office.detail(task["id"].as_i64().unwrap()));
    let live = |detail: &Value| {
        let sessions = detail["sessions"].as_array().unwrap();
        sessions.iter().filter(|session| session["state"] == "live").count()
    };
    details.filter(|detail| live(detail) > 1).collect()
}

/// The runner of one agent and the sandbox of another are shot: both attempts count, both tasks are done again.
#[test]
fn a_shot_pod_counts_and_its_work_is_done_again() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "pods");
    for name in ["ada", "bob"] {
        office.hire(name, PATIENT);
    }
    let tasks = ["ada", "bob"].map(|name| office.task("Survive", &["--assignedAgent", name]));
    until_both_work(office);
    let runner = |name: &str| processes::runner_of(server.pid(), name).expect("a runner");
    let (ada, bob) = (runner("ada"), processes::outermost(server.pid(), &runner("bob")));
    let before = server.family();
    for victim in [&ada, &bob] {
        shoot(victim);
    }
    until(SHORT, "the end of both pods", || before.iter().all(|process| !process.lives()).then_some(()));
    office.push("go", b"");
    for task in tasks {
        let detail = office.await_status(task, "done", LONG);
        assert_eq!(detail["task"]["attempts"], 2, "{detail:#}");
        assert!(detail["logs"].to_string().contains("attempt_lost"), "{detail:#}");
    }
    let error = office.mi(&["error", "ada"]).ok();
    assert!(!error.stdout.trim().is_empty(), "{error:#?}");
    assert!(server.stop().success());
}

fn shoot(process: &processes::Process) {
    use nix::sys::signal::{Signal, kill};
    kill(nix::unistd::Pid::from_raw(i32::try_from(process.pid).unwrap()), Signal::SIGKILL).unwrap();
}

/// SIGTERM: work in flight goes back uncounted, the exit code is 0, and the next server goes on with it.
#[test]
fn an_orderly_stop_hands_work_back() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "stop");
    let id = office.id().to_owned();
    for name in ["ada", "bob"] {
        office.hire(name, PATIENT);
    }
    let tasks = [1, 2, 3].map(|number| office.task(&format!("Number {number}"), &[]));
    until_both_work(office);
    let began = std::time::Instant::now();
    let status = server.stop();
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());

    let server = Server::start(&house);
    let office = Office::known(&server, &id);
    office.push("go", b"");
    for task in tasks {
        let detail = office.await_status(task, "done", LONG);
        assert_eq!((&detail["task"]["attempts"], &detail["task"]["error"]), (&json!(1), &Value::Null), "{detail:#}");
    }
    assert!(server.stop().success());
}
