//! Agents that live elsewhere: a machine of its own works in an office, and a clone of it goes on there.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tests::{House, LONG, Office, SHORT, Said, Server, processes, until};

/// Of claims, so that a lost one is noticed while a test waits.
const LEASE_SECONDS: i64 = 5;

/// A second machine, whose agent has joined the office.
struct Machine<'s> {
    server: &'s Server<'s>,
    house: House,
    name: &'static str,
}

impl<'s> Machine<'s> {
    fn join(office: &Office<'s>, name: &'static str) -> Self {
        let machine = Self { server: office.server, house: House::new(), name };
        machine.mi(&["agent", "join", &code(office), "-n", name]).ok();
        machine.lose_api_key(office);
        machine
    }

    /// The key pair is enough: our programs sign whatever they say as the agent.
    fn lose_api_key(&self, office: &Office<'_>) {
        let file = self.house.home().join("agents").join(office.id()).join(format!("{}.json", self.name));
        let mut kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert!(kept.as_object_mut().unwrap().remove("api_key").is_some());
        fs::write(&file, kept.to_string()).unwrap();
    }

    fn mi(&self, words: &[&str]) -> Said {
        let mut command = self.command();
        Said::of(format!("mi {}", words.join(" ")), command.args(words).output().unwrap())
    }

    fn command(&self) -> Command {
        let mut command = self.house.command(self.house.path("bin/mi"));
        command.env("MI_ENDPOINT", &self.server.endpoint);
        command
    }

    /// `mi agent run` with a line for the shell.
    fn run(&self, line: &str) -> Runner {
        let log = self.house.path("run.err");
        let mut command = self.command();
        command.args(["agent", "run", "-n", self.name, "--command", line]);
        command.env("SECRET_OF_THE_MACHINE", "hidden").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::options().create(true).append(true).open(&log).unwrap());
        Runner { child: command.spawn().unwrap() }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.house.path("run.err")).unwrap_or_default()
    }
}

struct Runner {
    child: Child,
}

impl Runner {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    fn ended(&mut self) -> Option<i32> {
        let child = &mut self.child;
        until(LONG, "the runner's end", || child.try_wait().unwrap()).code()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

fn code(office: &Office<'_>) -> String {
    let answer = office.call("POST", "/invites", Some(&json!({"kind": "agent"})));
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_machine_of_its_own_claims_proves_and_loses_work_like_any_agent() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "far");
    office.set(&json!({"leaseSeconds": LEASE_SECONDS}));
    let (scout, other) = (Machine::join(&office, "scout"), Machine::join(&office, "other"));
    let line = "env > seen; echo words > report.md; mi files push report.md && tq artifact report.md && tq done seen";
    let mut first = scout.run(line);
    let task = office.task("look", &["--assigned-agent", "scout"]);
    let done = office.await_status(task, "done", LONG);
    assert_eq!(done["artifacts"][0]["path"], "report.md", "{done:#}");
    assert_eq!(office.file("report.md"), b"words\n");
    let workspace = scout.house.home().join("agents").join(office.id()).join("scout/workspace");
    let seen = fs::read_to_string(workspace.join("seen")).unwrap();
    assert!(seen.contains("MI_FILES=api") && seen.contains("MI_API_KEY=mis_"), "{seen}");
    assert!(!seen.contains("mia_") && !seen.contains("mir_") && !seen.contains("hidden"), "{seen}");
    assert!(scout.log().contains("there is no sandbox"), "{}", scout.log());

    // A second runner of the same agent takes over.
    let mut second = scout.run("tq log started; exec sleep 600");
    assert_eq!(first.ended(), Some(5), "{}", scout.log());
    assert!(scout.log().contains("taken over"), "{}", scout.log());

    // The power fails for that machine; another one does its work when the lease is over.
    let lost = office.task("long", &["--assigned-agent", "scout"]);
    office.await_status(lost, "running", SHORT);
    let started = processes::descendants(second.child.id());
    assert!(!started.is_empty());
    second.signal(Signal::SIGKILL);
    second.ended();
    until(SHORT, "the end of what it started", || started.iter().all(|process| !process.lives()).then_some(()));
    let mut rescuer = other.run("tq done rescued");
    office.await_task(lost, "queued or done by other", LONG, |task| task["status"] != "running");
    office.call("PATCH", &format!("/tasks/{lost}"), Some(&json!({"assignedAgent": "other"})));
    let done = office.await_status(lost, "done", LONG + Duration::from_secs(20));
    assert_eq!((&done["task"]["claimed_by"], &done["task"]["attempts"]), (&json!("other"), &json!(2)), "{done:#}");

    // SIGTERM drains; a fired agent's runner goes with a sentence.
    rescuer.signal(Signal::SIGTERM);
    assert_eq!(rescuer.ended(), Some(0), "{}", other.log());
    let mut fired = other.run("true");
    until(SHORT, "other is there", || (office.read("/employees/other")["status"]["phase"] == "Idle").then_some(()));
    office.mi(&["agents", "fire", "other"]).ok();
    assert_eq!(fired.ended(), Some(4), "{}", other.log());
    assert!(other.log().contains("this key was revoked"), "{}", other.log());
    server.stop();
}

#[test]
fn a_clone_goes_on_in_the_office_with_the_state_of_its_origin() {
    let house = House::new();
    let server = Server::start(&house);
    let (office, target) = (Office::create(&server, "home"), Office::create(&server, "target"));
    let scout = Machine::join(&office, "scout");
    let state = scout.house.put("state/memory/facts.md", b"the door is green\n");
    let state = state.parent().unwrap().parent().unwrap();
    scout.house.put("state/notes.txt", b"n\n");
    scout.house.put("state/.env", b"KEY=1\n");
    let folder = state.to_str().unwrap();
    let dry = scout.mi(&["agent", "clone", "--as-agent", "scout", "--state-dir", folder, "--dry-run", "--json"]).ok();
    assert_eq!((dry.json()["files"].as_array().unwrap().len(), &dry.json()["skipped"][0]["path"]), (2, &json!(".env")));
    let cloned = scout.mi(&["agent", "clone", "--as-agent", "scout", "--state-dir", folder, "--json"]).ok().json();
    assert_eq!((&cloned["status"], &cloned["report"]["memory_files"]), (&json!("done"), &json!(1)), "{cloned:#}");
    let name = cloned["clone_name"].as_str().unwrap();
    office
        .mi(&["agents", "update", name, "--harness", "command", "--command", "tq done \"$(cat memory/facts.md)\""])
        .ok();
    let task = office.task("what do you know?", &["--assigned-agent", name]);
    let done = office.await_status(task, "done", LONG);
    assert_eq!(done["task"]["result_summary"].as_str().map(str::trim), Some("the door is green"));

    // All in one: a newcomer comes in and is cloned; what it says for programs holds both.
    let invite = code(&office);
    let words =
        ["agent", "onboard", &invite, "-n", "second", "--no-service", "--clone", "--state-dir", folder, "--json"];
    let onboarded = scout.mi(&words).ok().json();
    assert_eq!((&onboarded["agent_name"], &onboarded["clone"]["status"]), (&json!("second"), &json!("done")));
    let clone = onboarded["clone"]["clone_name"].as_str().unwrap();
    assert_eq!(office.read(&format!("/employees/{clone}"))["kind"], "hosted");
    scout.mi(&["agent", "leave", "--as-agent", "second"]).ok();
    assert_eq!(office.call("GET", "/employees/second", None).status, 404);

    // With a code it goes into another office, once.
    let invite = code(&target);
    let words = ["agent", "clone", &invite, "--as-agent", "scout", "--state-dir", folder, "-n", "scout"];
    scout.mi(&words).ok();
    assert_eq!(target.read("/employees/scout")["kind"], "hosted");
    let again = scout.mi(&[&words[..], &["--json"]].concat());
    assert_eq!(again.code, Some(3), "{again:?}");
    server.stop();
}

#[test]
fn the_example_of_an_agent_elsewhere_does_what_its_page_says() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "words");
    house.put("notes.txt", b"one two three\n");
    office.mi(&["files", "push", "notes.txt"]).ok();
    let (task, wrong) = (office.task("words: notes.txt", &[]), office.task("words: ../../etc/passwd", &[]));
    let machine = House::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/external-agent/agent.sh");
    let mut command = machine.command("/bin/sh");
    command.env("MI_ENDPOINT", &server.endpoint).args([script, &code(&office), "counter", "2"]);
    let said = Said::of("agent.sh".to_owned(), command.output().unwrap()).ok();
    let done = office.await_status(task, "done", SHORT);
    assert_eq!(done["task"]["result_summary"], "notes.txt has 3 words", "{said:?}");
    assert_eq!(done["artifacts"][0]["path"], format!("words-{task}.txt"), "{done:#}");
    assert_eq!(office.file(&format!("words-{task}.txt")), b"notes.txt has 3 words.\n");
    let failed = office.await_status(wrong, "failed", SHORT);
    assert!(failed["task"]["error"].as_str().unwrap().contains("names no file"), "{failed:#}");
    assert_eq!(office.call("GET", "/employees/counter", None).status, 404, "it has left");
    server.stop();
}
