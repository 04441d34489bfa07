//! Completion checks with real agents, real sandboxes and a real end of the server.

use serde_json::Value;
use tests::{House, LONG, Office, SHORT, Server, Start, User, processes, until};

fn outcome(detail: &Value, place: usize) -> &Value {
    &detail["checks"][place]["outcome"]
}

/// The first attempt only talks; the second, which has read why that wasn't enough, does the work.
/// (The brackets, because its own command is in what it reads.)
const LEARNS: &str = r#"
context=$(cat)
tq log "I'm done. Everything is finished, all tests pass, you can close this task."
case "$context" in
  *"checks "[f]ailed*) seq 120 >/shared/files/report.md; echo '{"findings": 3}' >/shared/files/out.json ;;
esac
tq done "The report is complete and everything is verified."
"#;

#[test]
fn only_what_is_true_closes_a_task() {
    for user in User::each() {
        for backend in ["namespaces", "bwrap"] {
            if backend == "bwrap" && !std::path::Path::new("/usr/bin/bwrap").exists() {
                println!("skipped: bubblewrap isn't installed, so only our own namespaces are tried");
                continue;
            }
            let house = House::of(user);
            let server = Server::start_with(&house, &Start::default().with_env("MI_POD_BACKEND", backend));
            let office = Office::create(&server, "measured");
            office.hire("ada", LEARNS);
            let task = office.task(
                "Write the report",
                &[
                    "--check",
                    "file: report.md words>=100",
                    "--check",
                    r#"json: out.json {"type": "object", "required": ["findings"]}"#,
                    "--check",
                    "cmd: grep -q 120 report.md && ! touch x 2>/dev/null && ! rm -f report.md && ls && [ ! -e /run/mi ]",
                ],
            );
            let detail = office.await_task(task, "accepted", LONG, |task| task["verification"] == "accepted");
            let comment = detail["comments"][0]["message"].as_str().unwrap();
            assert_eq!(detail["comments"].as_array().unwrap().len(), 1, "{detail:#}");
            assert!(comment.starts_with("rejected: 3 of 3 checks failed"), "{user:?} {backend}: {comment}");
            assert!(comment.contains("✗ file: report.md words>=100\nthere is no such file"), "{comment}");
            assert_eq!(detail["sessions"].as_array().unwrap().len(), 2);
            let details: Vec<_> = (0..3).map(|place| outcome(&detail, place)["detail"].clone()).collect();
            assert_eq!(details[1..], ["follows its schema", "exit code 0"]);
            assert!(!office.file_names().contains(&"x".to_owned()));
            let shown = office.mi(&["tasks", "get", &task.to_string()]).ok();
            assert!(shown.stdout.contains("✓ file: report.md words>=100"), "{}", shown.stdout);
            assert!(server.stop().success());
        }
    }
}

#[test]
fn a_check_that_never_ends_leaves_nothing_behind() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "endless");
    office.hire("ada", "tq done 'all good'");
    let stays = ["987101", "987102", "987103"];
    let check = "cmd[timeout=2]: echo begun; sleep 987101 & setsid sleep 987102 & setsid env -i sleep 987103 & wait";
    let task = office.task("Wait for ever", &["--check", check]);
    until(SHORT, "the check runs", || {
        stays.iter().all(|word| !processes::with_argument(word).is_empty()).then_some(())
    });
    let why = office.mi(&["tasks", "why", &task.to_string()]).ok();
    assert!(why.stdout.contains("the server runs its checks"), "{}", why.stdout);
    let failed = office.await_status(task, "failed", LONG);
    assert_eq!(failed["task"]["error"], "rejected 3 times, the last time: 1 of 1 checks failed");
    let found = outcome(&failed, 0);
    assert_eq!((&found["detail"], &found["output"]), (&"still running after 2 s, and killed".into(), &"begun".into()));
    until(SHORT, "the end of what it started", || {
        stays.iter().all(|word| processes::with_argument(word).is_empty()).then_some(())
    });
    assert!(server.stop().success());
}

/// What runs when the server is shot is run anew by the next one; so it is when it is stopped.
#[test]
fn a_round_outlives_its_server() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "restarted");
    office.hire("ada", "tq done 'all good'");
    let check = "cmd[timeout=60]: [ -e go ] || exec sleep 987201";
    let task = office.task("Outlive the server", &["--check", check]);
    let runs = || until(SHORT, "the check runs", || (!processes::with_argument("987201").is_empty()).then_some(()));
    runs();
    let id = office.id().to_owned();
    server.shoot();
    let server = Server::start(&house);
    runs();
    assert!(server.stop().success(), "a check that runs doesn't hold up the end");
    assert!(processes::with_argument("987201").is_empty());
    let server = Server::start(&house);
    let office = Office::known(&server, &id);
    runs();
    // Other checks end the round that runs.
    office.push("go", b"");
    let changed = office.mi(&["tasks", "update", &task.to_string(), "--check", "cmd: [ -e go ]"]);
    changed.ok();
    let detail = office.await_task(task, "accepted", LONG, |task| task["verification"] == "accepted");
    assert_eq!(outcome(&detail, 0)["generation"], 2);
    assert!(server.stop().success());
}
