//! Terminals through the front door: a runner that does what the test says stands in the pod.

use mi_core::identity::Role;
use mi_core::limits::{DEBUG_OUTPUT_BYTES_MAX, TERMINAL_WAIT_SECONDS};
use mi_core::terminal::{Frame, Size};
use mi_core::time::Millis;
use mi_core::wire::agents::CommandLine;
use mi_core::wire::terminals::{TerminalPlan, TerminalProgram};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};

use super::frames::{Frames, send};
use crate::testing::{FakeRunner, Speaker, TestHouse, TestOffice, TestReply};

const SECOND: i64 = 1_000;

/// One end of a terminal.
struct End {
    hears: Frames<ReadHalf<DuplexStream>>,
    says: WriteHalf<DuplexStream>,
}

impl End {
    fn of(pipe: DuplexStream) -> Self {
        let (from, says) = tokio::io::split(pipe);
        Self { hears: Frames::new(from), says }
    }

    async fn say(&mut self, frame: Frame) {
        send(&mut self.says, &frame).await.unwrap();
    }

    async fn heard(&mut self) -> Option<Frame> {
        self.hears.next().await.unwrap()
    }

    async fn plan(&mut self) -> TerminalPlan {
        let Some(Frame::Plan(bytes)) = self.heard().await else { panic!("no plan came") };
        serde_json::from_slice(&bytes).unwrap()
    }
}

async fn debug(office: TestOffice<'_>, body: Value) -> TestReply {
    office.call("POST", "/employees/ada/debug/ada", body).await
}

/// The runner learns of a terminal and comes.
async fn come(runner: &mut FakeRunner<'_>) -> End {
    let orders = runner.terminals(30).await;
    let [order] = orders.as_slice() else { panic!("{orders:?}") };
    let (response, pipe) = runner.attach(order.id).await;
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["upgrade"], "mi-terminal");
    End::of(pipe)
}

async fn shell<'a>(speaker: &Speaker<'a>, office: TestOffice<'a>) -> (u16, End) {
    let path = office.path("/employees/ada/shell?columns=100&rows=30&term=xterm");
    let (response, pipe) = speaker.become_terminal(&path).await;
    (response.status().as_u16(), End::of(pipe))
}

/// What is recorded of terminals, oldest first.
async fn recorded(office: TestOffice<'_>) -> Vec<(String, Value)> {
    let all = office.call("GET", "/employees/ada/activity?category=terminal", Value::Null).await.ok();
    let one = |event: &Value| {
        assert_eq!((&event["metadata"]["actor"], &event["metadata"]["task_id"]), (&json!("owner"), &Value::Null));
        let mut data = event["metadata"].clone();
        data.as_object_mut().unwrap().retain(|name, _| name != "actor" && name != "task_id");
        (event["type"].as_str().unwrap().to_owned(), data)
    };
    all.as_array().unwrap().iter().rev().map(one).collect()
}

/// Waits, with a limit, until so much is recorded: a terminal's end is written after its connections are gone.
async fn until_recorded(office: TestOffice<'_>, count: usize) -> Vec<(String, Value)> {
    const LOOKS_MAX: usize = 1_000;
    for _ in 0..LOOKS_MAX {
        let seen = recorded(office).await;
        if seen.len() >= count {
            return seen;
        }
        tokio::task::yield_now().await;
    }
    panic!("{:?}", recorded(office).await);
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_command_is_run_by_the_pods_own_runner() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    office.call("PUT", "/env", json!({"key": "TOKEN", "value": "s3cret-value"})).await.ok();
    let asked = debug(office, json!({"command": "echo $TOKEN s3cret-value", "timeout_seconds": "5"}));
    let run = async {
        let mut pod = come(&mut runner).await;
        let plan = pod.plan().await;
        assert_eq!(plan.program, TerminalProgram::Command(CommandLine::Shell("echo $TOKEN s3cret-value".into())));
        assert_eq!(plan.variables["TOKEN"], "s3cret-value");
        assert!(plan.variables.values().all(|value| !value.starts_with("mi")), "{:?}", plan.variables);
        pod.say(Frame::Output(b"s3cret-value\xff\n".to_vec())).await;
        pod.say(Frame::Errors(b"oh\n".to_vec())).await;
        pod.say(Frame::Ended(3)).await;
    };
    let (answer, ()) = tokio::join!(asked, run);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let expected = json!({"stdout": "[TOKEN]\u{fffd}\n", "stderr": "oh\n", "exitCode": 3, "timedOut": false,
                          "truncated": false});
    assert_eq!(answer.ok(), expected);
    let expected = vec![
        ("terminals.debug".to_owned(), json!({"command": "echo $TOKEN [TOKEN]"})),
        ("terminals.end".to_owned(), json!({"how": "exited", "exit": 3, "milliseconds": 0})),
    ];
    assert_eq!(recorded(office).await, expected);
    house.close().await;
}

#[tokio::test]
async fn a_runner_at_work_learns_it_with_its_beat() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    office.task(json!({"title": "work"})).await;
    let grant = runner.must_take().await;
    let beat = format!("/sessions/{}/beat", grant.id);
    let run = async {
        let reply = office.call_as(&runner.speaker(), "POST", &beat, json!({"seen": 0, "wait": 15})).await.ok();
        let id = reply["terminals"][0]["id"].as_i64().unwrap();
        let mut pod = End::of(runner.attach(id).await.1);
        pod.plan().await;
        pod.say(Frame::Ended(0)).await;
    };
    // The beat is parked before anybody wants a terminal.
    let ((), answer) = tokio::join!(run, debug(office, json!({"command": ["true"]})));
    assert_eq!(answer.ok()["exitCode"], 0);
    let reply = office.call_as(&runner.speaker(), "POST", &beat, json!({"seen": 0, "wait": 0})).await.ok();
    assert!(reply.get("terminals").is_none(), "{reply}");
    house.close().await;
}

#[tokio::test]
async fn what_can_not_be_run_is_refused_with_the_next_step() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let card = office.hire("ada").await;
    let early = debug(office, json!({"command": "true"})).await;
    assert!(early.json["hint"].as_str().unwrap().contains("it starts by itself"), "{}", early.json);
    assert_eq!(early.refused(), code(409, "pod_not_running"));
    let runner = office.runner("ada").await;
    for (body, expected) in [
        (json!({}), code(400, "bad_request")),
        (json!({"command": "  "}), code(400, "bad_request")),
        (json!({"command": []}), code(400, "bad_request")),
        (json!({"command": "true", "timeoutSeconds": 0}), code(400, "bad_request")),
        (json!({"command": "true", "timeoutSeconds": 601}), code(400, "bad_request")),
        (json!({"command": "x".repeat(40_000)}), code(400, "too_long")),
    ] {
        assert_eq!(debug(office, body.clone()).await.refused(), expected, "{body}");
    }
    let other = office.call("POST", "/employees/ada/debug/bob", json!({"command": "true"})).await;
    assert_eq!(other.refused(), code(404, "no_such_agent"));
    let plain = office.call("POST", "/employees/ada/shell", Value::Null).await;
    assert_eq!(plain.refused(), code(426, "upgrade_required"));
    let bad = house.owner().become_terminal(&office.path("/employees/ada/shell?rows=0")).await;
    assert_eq!(bad.0.status(), 400);
    for id in ["7", "x"] {
        let path = office.path(&format!("/employees/ada/runner/terminals/{id}"));
        assert_eq!(runner.speaker().become_terminal(&path).await.0.status(), 404);
    }
    office.call("POST", "/employees/ada/lifecycle", json!({"action": "stop"})).await.ok();
    let stopped = debug(office, json!({"command": "true"})).await;
    assert!(stopped.json["hint"].as_str().unwrap().contains("mi start ada"), "{}", stopped.json);
    assert_eq!(stopped.refused(), code(409, "pod_not_running"));
    assert_eq!(recorded(office).await, vec![], "nothing ran of {card}");
    house.close().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_and_a_pod_that_ends_are_told() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    let run = async {
        let mut pod = come(&mut runner).await;
        pod.plan().await;
        pod.say(Frame::Refused("nosuch: No such file".into())).await;
    };
    let (answer, ()) = tokio::join!(debug(office, json!({"command": ["nosuch"]})), run);
    assert!(answer.json["error"].as_str().unwrap().contains("nosuch: No such file"), "{}", answer.json);
    assert_eq!(answer.refused(), code(400, "bad_request"));
    let die = async { come(&mut runner).await.plan().await };
    let (answer, _) = tokio::join!(debug(office, json!({"command": "reboot"})), die);
    assert_eq!(answer.refused(), code(409, "pod_not_running"));
    let ends: Vec<Value> = recorded(office).await.into_iter().map(|(_, data)| data["how"].clone()).collect();
    assert_eq!(ends, [Value::Null, json!("refused"), Value::Null, json!("lost")]);
    house.close().await;
}

#[tokio::test]
async fn time_ends_a_command_and_the_wait_for_a_runner() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    let run = async {
        let mut pod = come(&mut runner).await;
        pod.plan().await;
        pod.say(Frame::Output(b"begun".to_vec())).await;
        house.house.clock.advance(mi_core::time::Millis(59 * SECOND));
        pod.say(Frame::Output(b", going on".to_vec())).await;
        // Twice the pipe's room is there only when the first part was taken out.
        pod.say(Frame::Output(vec![b'.'; 60_000])).await;
        pod.say(Frame::Output(vec![b'.'; 60_000])).await;
        house.house.clock.advance(mi_core::time::Millis(SECOND));
        pod.heard().await
    };
    let (answer, last) = tokio::join!(debug(office, json!({"command": "sleep 1000"})), run);
    assert_eq!(last, None, "the runner's end closes, by which it kills what runs");
    let answer = answer.ok();
    assert!(answer["stdout"].as_str().unwrap().starts_with("begun, going on..."));
    assert_eq!((&answer["exitCode"], &answer["timedOut"]), (&json!(137), &json!(true)));
    assert_eq!(recorded(office).await[1].1, json!({"how": "time_over", "exit": null, "milliseconds": 60 * SECOND}));

    let silent = async {
        assert_eq!(runner.terminals(30).await.len(), 1);
        // Asked again at once it isn't told again; after a while it is, for the answer may have been lost.
        assert_eq!(runner.terminals(0).await, vec![]);
        house.house.clock.advance(mi_core::time::Millis(2 * SECOND));
        assert_eq!(runner.terminals(0).await.len(), 1);
        house.house.clock.advance(mi_core::time::Millis(TERMINAL_WAIT_SECONDS * SECOND));
    };
    let (answer, ()) = tokio::join!(debug(office, json!({"command": "true"})), silent);
    assert_eq!(answer.refused(), code(503, "pod_silent"));
    assert_eq!(runner.terminals(0).await, vec![], "nobody waits any more");
    assert_eq!(recorded(office).await.len(), 2, "what never ran isn't recorded");
    house.close().await;
}

#[tokio::test]
async fn more_output_than_is_kept_is_cut() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    let run = async {
        let mut pod = come(&mut runner).await;
        pod.plan().await;
        for _ in 0..=DEBUG_OUTPUT_BYTES_MAX / 50_000 {
            pod.say(Frame::Output(vec![b'x'; 50_000])).await;
        }
        pod.say(Frame::Ended(0)).await;
    };
    let (answer, ()) = tokio::join!(debug(office, json!({"command": "yes"})), run);
    let answer = answer.ok();
    assert_eq!(
        (answer["stdout"].as_str().unwrap().len(), &answer["truncated"]),
        (DEBUG_OUTPUT_BYTES_MAX, &json!(true))
    );
    house.close().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_what_it_asked_for() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    let mut pod = None;
    tokio::select! {
        biased;
        answer = debug(office, json!({"command": "sleep 1000"})) => panic!("{}", answer.json),
        () = async {
            let mut end = come(&mut runner).await;
            end.plan().await;
            pod = Some(end);
        } => {}
    }
    assert_eq!(pod.unwrap().heard().await, None);
    let last = until_recorded(office, 2).await.pop().unwrap();
    assert_eq!(last.1["how"], "left");
    house.close().await;
}

#[tokio::test]
async fn a_shell_joins_the_owner_and_the_pod() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    let owner = house.owner();
    let ((status, mut person), mut pod) = tokio::join!(shell(&owner, office), come(&mut runner));
    assert_eq!(status, 101);
    let program = TerminalProgram::Shell { columns: 100, rows: 30, term: "xterm".into() };
    assert_eq!(pod.plan().await.program, program);
    assert_eq!(debug(office, json!({"command": "true"})).await.refused(), code(409, "terminal_busy"));
    let said = [Frame::Input(b"ls\n".to_vec()), Frame::Resize(Size { columns: 1, rows: 2 }), Frame::InputEnd];
    for frame in said {
        person.say(frame.clone()).await;
        assert_eq!(pod.heard().await, Some(frame));
    }
    pod.say(Frame::Output(vec![0, 27, 255])).await;
    assert_eq!(person.heard().await, Some(Frame::Output(vec![0, 27, 255])));
    pod.say(Frame::Ended(7)).await;
    assert_eq!(person.heard().await, Some(Frame::Ended(7)));
    assert_eq!((person.heard().await, pod.heard().await), (None, None));
    let seen = until_recorded(office, 2).await;
    let kinds: Vec<&str> = seen.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["terminals.shell", "terminals.end"]);
    assert_eq!((&seen[1].1["exit"], &seen[1].1["how"]), (&json!(7), &json!("exited")));
    // There is room for the next one.
    let ((status, _), _) = tokio::join!(shell(&owner, office), come(&mut runner));
    assert_eq!(status, 101);
    house.close().await;
}

#[tokio::test]
async fn each_end_says_only_what_is_its_own() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    let owner = house.owner();
    for (of_person, frame, how) in [
        (true, Frame::Plan(b"{}".to_vec()), "left"),
        (true, Frame::Ended(0), "left"),
        (false, Frame::Input(b"x".to_vec()), "lost"),
    ] {
        let before = recorded(office).await.len();
        let ((_, mut person), mut pod) = tokio::join!(shell(&owner, office), come(&mut runner));
        pod.plan().await;
        if of_person { &mut person } else { &mut pod }.say(frame).await;
        assert_eq!((person.heard().await, pod.heard().await), (None, None));
        assert_eq!(until_recorded(office, before + 2).await.pop().unwrap().1["how"], how);
    }
    house.close().await;
}

#[tokio::test]
async fn a_shell_is_the_owners_and_ends_with_their_key() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.hire("bob").await;
    let (mut runner, bob) = (office.runner("ada").await, office.runner("bob").await);
    let operator = house.as_key(&office.key_of_colleague("vito", Role::Operator).await);
    assert_eq!(shell(&operator, office).await.0, 403);
    let made = house.call("POST", "/api/v1/keys", json!({"name": "spare"})).await.ok();
    let spare = house.as_key(made["key"].as_str().unwrap());
    let ((status, mut person), mut pod) = tokio::join!(shell(&spare, office), async {
        let orders = runner.terminals(30).await;
        let id = orders[0].id;
        let strange = office.path(&format!("/employees/ada/runner/terminals/{id}"));
        assert_eq!(bob.speaker().become_terminal(&strange).await.0.status(), 403, "another agent's runner");
        assert_eq!(bob.attach(id).await.0.status(), 404, "a terminal in another agent's pod");
        End::of(runner.attach(id).await.1)
    });
    assert_eq!(status, 101);
    pod.plan().await;
    house.call("DELETE", &format!("/api/v1/keys/{}", made["id"].as_str().unwrap()), Value::Null).await.ok();
    assert_eq!((person.heard().await, pod.heard().await), (None, None));
    assert_eq!(until_recorded(office, 2).await.pop().unwrap().1["how"], "revoked");
    house.close().await;
}

/// With a limit well below the time that somebody waits for a terminal.
async fn until_a_pod_starts(house: &TestHouse) {
    const LOOKS_MAX: usize = 1_000;
    for _ in 0..LOOKS_MAX {
        if house.driver.running() > 0 {
            return;
        }
        house.advance(10).await;
        tokio::task::yield_now().await;
    }
    panic!("no pod started");
}

#[tokio::test]
async fn whoever_looks_into_the_pod_of_a_sleeper_wakes_it_and_keeps_it_awake() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"idleTimeoutSeconds": 60})).await.ok();
    office.hire("ada").await;
    let hibernates = async |runner: &mut FakeRunner<'_>| {
        assert_eq!(runner.next(0).await.status, 204);
        house.house.clock.advance(Millis(60 * SECOND));
        runner.next(0).await.json["control"] == "hibernate"
    };
    let mut runner = office.runner("ada").await;
    assert!(hibernates(&mut runner).await);
    runner.exit(0).await;
    let run = async {
        until_a_pod_starts(&house).await;
        let mut runner = office.runner("ada").await;
        let mut pod = come(&mut runner).await;
        pod.plan().await;
        assert!(!hibernates(&mut runner).await);
        pod.say(Frame::Ended(0)).await;
        runner
    };
    let asked = debug(office, json!({"command": "true", "timeoutSeconds": 600}));
    let (answer, mut runner) = tokio::join!(asked, run);
    assert_eq!(answer.ok()["exitCode"], 0);
    assert!(hibernates(&mut runner).await);
    let events = office.call("GET", "/events?limit=100", Value::Null).await.ok();
    let wake = events.as_array().unwrap().iter().find(|event| event["type"] == "agents.wake").unwrap();
    assert_eq!(wake["data"]["cause"], "terminal");
    house.close().await;
}
