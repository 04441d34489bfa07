//! Agents from elsewhere: a machine of their own, a code, and the same rules as for everybody.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};

use serde_json::Value;
use tests::{House, LONG, Office, SHORT, Said, Server, until};

/// Somebody else's machine, which knows nothing of the server but what its owner was told.
struct Elsewhere<'s> {
    house: House,
    server: &'s Server<'s>,
}

impl<'s> Elsewhere<'s> {
    fn of(server: &'s Server<'s>) -> Self {
        Self { house: House::new(), server }
    }

    fn join(&self, office: Office<'_>, name: &str) -> Said {
        self.house.mi(&["agent", "join", &code(office), "-n", name, "--endpoint", &self.server.endpoint]).ok()
    }

    /// As the only agent that joined from here.
    fn mi(&self, words: &[&str]) -> Said {
        self.house.mi(words)
    }
}

fn code(office: Office<'_>) -> String {
    office.mi(&["invite", "--json"]).ok().json()["code"].as_str().unwrap().to_owned()
}

fn phase(office: Office<'_>, name: &str) -> String {
    office.read(&format!("/employees/{name}"))["status"]["phase"].as_str().unwrap().to_owned()
}

#[test]
fn one_joins_takes_a_task_and_proves_it() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "elsewhere");
    let machine = Elsewhere::of(&server);
    machine.join(office, "walker");
    let agents = machine.house.home().join("agents");
    let folder = fs::read_dir(&agents).unwrap().next().unwrap().unwrap().path();
    let file = folder.join("walker.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let kept: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let key = kept["api_key"].as_str().unwrap();
    assert!(!server.log().contains(key), "the log shows a key");
    assert_eq!(phase(office, "walker"), "Idle");

    let task = office.task("Count", &["--assignedAgent", "walker"]).to_string();
    let as_walker = |words: &[&str]| machine.mi(&[words, &["--as-agent", "walker"]].concat());
    let claimed = as_walker(&["tasks", "claim", "--wait", "10", "--json"]).ok().json();
    assert_eq!(claimed["id"].to_string(), task);
    let token = claimed["claim"]["token"].to_string();
    assert!(as_walker(&["agent", "self"]).ok().stdout.contains(&format!("task {task} with claim {token}")));
    assert_eq!(phase(office, "walker"), "Running");
    machine.house.put("report.md", b"three\n");
    as_walker(&["files", "push", "report.md"]).ok();
    as_walker(&["tasks", "log", &task, "counting", "--claim", &token]).ok();
    as_walker(&["tasks", "artifact", &task, "report.md", "--claim", &token]).ok();
    as_walker(&["tasks", "update", &task, "--status", "done", "--result", "three", "--claim", &token]).ok();
    let detail = office.await_status(task.parse().unwrap(), "done", SHORT);
    assert_eq!(detail["task"]["claimed_by"], "walker");
    assert_eq!(detail["artifacts"][0]["path"], "report.md");
    assert!(server.stop().success());
}

#[test]
fn one_that_is_fired_ends_its_daemon_and_says_why() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "daemon");
    let machine = Elsewhere::of(&server);
    let report = machine.house.mi(&["agent", "onboard", &code(office), "-n", "walker", "--endpoint", &server.endpoint]);
    assert!(report.ok().stdout.contains("heartbeat-daemon"), "no service is installed on a machine without a keeper");
    let said = machine.house.path("daemon.err");
    let mut daemon: Child = machine
        .house
        .command(machine.house.path("bin/mi"))
        .args(["agent", "heartbeat-daemon"])
        .stdout(Stdio::null())
        .stderr(File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let heard = until(SHORT, "the daemon's first word", || {
        let text = fs::read_to_string(&said).unwrap();
        text.contains("kept online").then_some(text)
    });
    assert!(!heard.contains("mia_"), "{heard}");
    office.mi(&["agents", "fire", "walker"]).ok();
    // Its next beat is up to 36 seconds away.
    let status = until(LONG, "the daemon's end", || daemon.try_wait().unwrap());
    assert_eq!(status.code(), Some(4));
    let text = fs::read_to_string(&said).unwrap();
    assert!(text.contains("error: walker is not an agent there any more"), "{text}");
    machine.mi(&["agent", "heartbeat"]).fails(4, &["revoked"]);
    assert!(server.stop().success());
}
