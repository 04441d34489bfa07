//! The real program: it starts, says what is wrong, ends in good order, and shows the whole story.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

fn mi(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mi"));
    command.args(arguments).env_clear().env("MI_HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    mi(home, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server that is killed with its test.
struct Up {
    process: Child,
    endpoint: String,
    _stdout: BufReader<ChildStdout>,
}

impl Up {
    /// Returns when it has said that it is ready.
    fn start(home: &Path) -> Self {
        let mut command = mi(home, &["up", "--listen", "127.0.0.1:0", "--pods", "process"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let endpoint = line.trim().strip_prefix("ready ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { process, endpoint, _stdout: stdout }
    }

    fn terminate(mut self) -> Option<i32> {
        let pid = i32::try_from(self.process.id()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM).unwrap();
        self.process.wait().unwrap().code()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if self.process.try_wait().unwrap().is_none() {
            self.process.kill().unwrap();
            self.process.wait().unwrap();
        }
    }
}

#[test]
fn a_first_start_is_all_that_the_command_line_needs() {
    let home = tempfile::tempdir().unwrap();
    let up = Up::start(home.path());
    let made = run(home.path(), &["colonies", "create", "--name", "first", "--json"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(text(&made.stdout).contains("\"first\""));
    assert_eq!(up.terminate(), Some(0));
    // Everything is still there after the next start.
    let up = Up::start(home.path());
    let listed = mi(home.path(), &["colonies", "list", "--json"]).env("MI_ENDPOINT", &up.endpoint).output().unwrap();
    assert!(text(&listed.stdout).contains("\"first\""), "{}", text(&listed.stderr));
    assert_eq!(up.terminate(), Some(0));
}

#[test]
fn a_second_server_and_a_taken_port_are_named() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let up = Up::start(home.path());
    let second = run(home.path(), &["up", "--listen", "127.0.0.1:0", "--pods", "process"]);
    let told = text(&second.stderr);
    assert_eq!(second.status.code(), Some(1));
    assert!(told.contains(&format!("(pid {})", up.process.id())) && told.contains("hint: "), "{told}");
    let address = up.endpoint.strip_prefix("http://").unwrap();
    let taken = run(other.path(), &["up", "--listen", address, "--pods", "process"]);
    let told = text(&taken.stderr);
    assert_eq!(taken.status.code(), Some(1));
    assert!(told.contains(&format!("{address} is in use")) && told.contains("--listen"), "{told}");
}

#[test]
fn a_setting_that_cannot_be_used_is_wrong_usage() {
    let home = tempfile::tempdir().unwrap();
    let wrong = mi(home.path(), &["up"]).env("MI_PODS", "cloud").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong.stderr));
    assert!(text(&wrong.stderr).contains("pods is \"cloud\" (environment)"));
}

#[test]
fn config_show_tells_values_and_origins_and_no_secret() {
    let home = tempfile::tempdir().unwrap();
    let shown = mi(home.path(), &["config", "show", "--json", "--listen", "127.0.0.1:1"])
        .env("OPENAI_API_KEY", "sk-secret")
        .output()
        .unwrap();
    let text = text(&shown.stdout);
    assert!(!text.contains("sk-secret"), "{text}");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!((&row("listen")["value"], &row("listen")["origin"]), (&"127.0.0.1:1".into(), &"flag".into()));
    assert_eq!(row("OPENAI_API_KEY")["value"], "***");
}

#[test]
fn the_demo_ends_with_proven_work_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let temp = tempfile::tempdir().unwrap();
    let played = mi(home.path(), &["demo", "--json", "--pods", "process"]).env("TMPDIR", temp.path()).output().unwrap();
    assert!(played.status.success(), "{}", text(&played.stderr));
    let report: serde_json::Value = serde_json::from_slice(&played.stdout).unwrap();
    assert_eq!(report["parent"]["task"]["status"], "done");
    for subtask in report["subtasks"].as_array().unwrap() {
        assert_eq!(subtask["task"]["status"], "done");
        assert_eq!(subtask["artifacts"][0]["sha256"].as_str().unwrap().len(), 64);
        assert!(subtask["task"]["result_summary"].as_str().unwrap().contains("findings"));
    }
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "the user's own home was touched");
}

#[test]
fn a_file_that_is_not_there_is_wrong_usage() {
    let home = tempfile::tempdir().unwrap();
    let played = run(home.path(), &["demo", "no-such-file.go"]);
    assert_eq!(played.status.code(), Some(2));
    assert!(text(&played.stderr).contains("no-such-file.go is no file"));
}

/// The findings by `section/name`, and the exit code.
fn doctor(home: &Path, arguments: &[&str]) -> (std::collections::BTreeMap<String, serde_json::Value>, Option<i32>) {
    let mut all = vec!["doctor", "--json"];
    all.extend(arguments);
    let told = run(home, &all);
    let report: serde_json::Value =
        serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{}", text(&told.stderr)));
    let is_well = told.status.code() == Some(0);
    assert_eq!(report["ok"], is_well, "{report}");
    let findings = report["findings"].as_array().unwrap().iter();
    let key = |finding: &serde_json::Value| {
        format!("{}/{}", finding["section"].as_str().unwrap(), finding["name"].as_str().unwrap())
    };
    for finding in findings.clone() {
        let has_fix = finding.get("fix").is_some();
        assert_eq!(has_fix, finding["state"] != "ok", "what isn't well has a remedy, and only that: {finding}");
    }
    let mut sections: Vec<&str> = findings.clone().map(|finding| finding["section"].as_str().unwrap()).collect();
    sections.dedup();
    let different: std::collections::BTreeSet<&str> = sections.iter().copied().collect();
    assert_eq!(different.len(), sections.len(), "each section stands in one piece: {sections:?}");
    (findings.map(|finding| (key(finding), finding.clone())).collect(), told.status.code())
}

#[test]
fn the_doctor_looks_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (found, code) = doctor(home.path(), &["--pods", "process", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(0), "{found:?}");
    assert_eq!(found["server/endpoint"]["state"], "less", "nobody answers, and nobody has to");
    assert_eq!((&found["data/folder"]["state"], &found["data/store"]["state"]), (&"ok".into(), &"ok".into()));
    assert!(found.keys().any(|name| name.starts_with("limits/")), "{found:?}");
    assert!(found["programs/claude"]["name"] == "claude");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn the_doctor_sees_a_running_server_and_what_is_wrong() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let up = Up::start(home.path());
    let address = up.endpoint.strip_prefix("http://").unwrap().to_owned();
    let (found, _) = doctor(home.path(), &["--pods", "process", "--listen", &address]);
    assert_eq!(found["server/address"]["detail"], format!("{address} is a running mi"));
    assert_eq!(
        found["server/process"]["detail"],
        format!("a server runs on this data directory (pid {})", up.process.id())
    );
    for good in
        ["server/endpoint", "server/clock", "server/readiness", "data/store", "data/integrity", "data/master key"]
    {
        assert_eq!(found[good]["state"], "ok", "{good}: {found:?}");
    }
    assert_eq!(up.terminate(), Some(0));

    let key = home.path().join("data/keys/master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    // What a server left in its log would bring the store back.
    for log in ["mi.db-wal", "mi.db-shm"] {
        std::fs::remove_file(home.path().join("data/store").join(log)).ok();
    }
    std::fs::write(home.path().join("data/store/mi.db"), "this is no database, and long enough to be looked at")
        .unwrap();
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = somebody.local_addr().unwrap().to_string();
    let answer = std::thread::spawn(move || drop(somebody.accept()));
    let (found, code) = doctor(home.path(), &["--pods", "process", "--listen", &taken]);
    assert_eq!(code, Some(1));
    for wrong in ["server/address", "data/store", "data/master key"] {
        assert_eq!(found[wrong]["state"], "wrong", "{wrong}: {found:?}");
    }
    assert_eq!(found["data/master key"]["fix"], format!("chmod 600 {}", key.display()));
    answer.join().unwrap();
}
