//! Agents that are any program: what they are given, what they can do, what becomes of what they leave behind.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::{House, Office, SHORT, Server, processes, sha256, until};

/// Does everything that `tq` offers, once.
const BUSY: &str = r#"set -e
cat >/shared/files/context.json
env >/shared/files/env.txt
command -v tq >/shared/files/tools.txt; command -v mi >>/shared/files/tools.txt; pwd >>/shared/files/tools.txt
tq log "looked around"
echo "what I found" >/shared/files/report.md
tq artifact /shared/files/report.md --kind report --label Report
tq comment "halfway"
tq show >/shared/files/shown.txt
tq list --json >/shared/files/list.json
! tq update --status done 2>/shared/files/refused.txt
! tq update --status done --result "   " 2>>/shared/files/refused.txt
tq update --status done --result "wrote report.md"
"#;

#[test]
fn they_have_the_task_the_queue_and_the_drive() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "tools");
    office.hire("ada", BUSY);
    let first = office.task("Before", &["--description", "what was before"]);
    office.await_status(first, "done", SHORT);
    let parent = office.task("Above", &["--description", "the whole"]).to_string();
    let before = first.to_string();
    let flags = ["--parentId", &parent, "--dependsOn", &before, "--description", "the part", "--assignedAgent", "ada"];
    let task = office.task("Within", &flags);
    let detail = office.await_status(task, "done", SHORT);
    is_told_everything(office, task);
    is_given_its_environment(office, task);
    assert_eq!(detail["task"]["result_summary"], "wrote report.md");
    assert_eq!(detail["comments"][0]["message"], "halfway");
    assert_eq!(detail["comments"][0]["agent"], "ada");
    assert!(detail["logs"].to_string().contains("looked around"), "{detail:#}");
    let artifact = &detail["artifacts"][0];
    assert_eq!((&artifact["path"], &artifact["kind"]), (&json!("report.md"), &json!("report")));
    assert_eq!(artifact["sha256"], sha256(b"what I found\n"));
    let refused = String::from_utf8(office.file("refused.txt")).unwrap();
    assert_eq!(refused.matches("error:").count(), 2, "{refused}");
    splits_its_work(office);
    assert!(server.stop().success());
}

fn is_told_everything(office: Office<'_>, task: i64) {
    let context: Value = serde_json::from_slice(&office.file("context.json")).unwrap();
    assert_eq!((&context["task"]["id"], &context["task"]["title"]), (&json!(task), &json!("Within")));
    assert_eq!(context["task"]["description"], "the part");
    assert_eq!(context["ancestors"][0]["title"], "Above");
    assert_eq!(context["dependencies"][0]["task"]["result_summary"], "wrote report.md");
    assert_eq!(context["dependencies"][0]["artifacts"][0]["path"], "report.md");
    assert_eq!(context["agent"]["name"], "ada");
    assert!(context["files"].to_string().contains("report.md"), "{context:#}");
    let shown = String::from_utf8(office.file("shown.txt")).unwrap();
    assert!(shown.contains("Within") && shown.contains("halfway") && shown.contains("report.md"), "{shown}");
    let list: Value = serde_json::from_slice(&office.file("list.json")).unwrap();
    assert!(list.as_array().unwrap().len() >= 3, "{list:#}");
}

fn is_given_its_environment(office: Office<'_>, task: i64) {
    let text = String::from_utf8(office.file("env.txt")).unwrap();
    let env: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    assert_eq!((env["MI_OFFICE"], env["MI_AGENT"]), (office.id(), "ada"));
    assert_eq!((env["MI_TASK"], env["MI_ATTEMPT"]), (task.to_string().as_str(), "1"));
    assert_eq!(env["MI_SESSION"], env["MI_CLAIM"], "the session's number is the claim");
    assert!(env["MI_ENDPOINT"].starts_with("http://127.0.0.1:"), "{text}");
    assert_ne!(env["MI_ENDPOINT"].trim_end_matches('/'), office.server.endpoint, "the server's port is not reachable");
    assert_eq!((env["HOME"], env["PWD"]), ("/workspace", "/workspace"));
    let tools = String::from_utf8(office.file("tools.txt")).unwrap();
    assert_eq!(tools, "/opt/mi/bin/tq\n/opt/mi/bin/mi\n/workspace\n");
}

/// An agent adds a part to its own task, ends, and gets the task again when the part is done.
fn splits_its_work(office: Office<'_>) {
    let lead = r#"case "$(tq show --json)" in *'"subtasks":[]'*) tq subtask "A part" --assignedAgent ada ;;
        *) tq update --status done --result "put together" ;; esac"#;
    office.hire("lead", lead);
    let task = office.task("Split me", &["--assignedAgent", "lead"]);
    let detail = office.await_status(task, "done", SHORT);
    assert_eq!((&detail["task"]["result_summary"], &detail["task"]["attempts"]), (&json!("put together"), &json!(1)));
    assert_eq!(detail["subtasks"][0]["status"], "done", "{detail:#}");
    assert_eq!(detail["subtasks"][0]["created_by"], "lead", "{detail:#}");
}

#[test]
fn only_the_queue_says_what_was_done() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "ends");
    office.set(&json!({"taskMaxAttempts": 1}));
    office.hire("quiet", "cat >/dev/null; echo all is well; exit 0");
    office.hire("loud", "echo it broke >&2; exit 3");
    office.hire("shot", "kill -9 $$");
    office.hire("gone", "exec /nowhere/at/all");
    office.hire("judge", "tq update --status failed --error 'it can not be done'");
    office.hire("asks", "tq update --status blocked --blockedKind needs_input --reason 'which branch?'");
    let lost = [
        ("quiet", "exited with 0", "all is well"),
        ("loud", "exited with 3", "it broke"),
        ("shot", "signal 9", ""),
        ("gone", "exited with 127", "/nowhere"),
    ];
    let tasks = lost.map(|(name, ..)| office.task(name, &["--assignedAgent", name]));
    let judged = office.task("judged", &["--assignedAgent", "judge"]);
    let asking = office.task("asking", &["--assignedAgent", "asks"]);
    for ((name, cause, last), task) in lost.into_iter().zip(tasks) {
        let detail = office.await_status(task, "failed", SHORT);
        let error = detail["task"]["error"].as_str().unwrap();
        assert!(error.contains("1 of 1 attempts") && error.contains(cause), "{name}: {error}");
        assert!(error.contains(last) && detail["logs"].to_string().contains(last), "{name}: {detail:#}");
    }
    assert_eq!(office.await_status(judged, "failed", SHORT)["task"]["error"], "it can not be done");
    let blocked = office.await_status(asking, "blocked", SHORT);
    assert!(blocked["task"]["why"].to_string().contains("which branch?"), "{blocked:#}");
    office.mi(&["tasks", "comment", &asking.to_string(), "the main one"]).ok();
    let woken =
        office.await_task(asking, "woken", SHORT, |task| !task["started_at"].is_null() || task["status"] == "blocked");
    assert_eq!(woken["comments"][0]["message"], "the main one");
    assert!(server.stop().success());
}

#[test]
fn nothing_that_a_session_started_outlives_it() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "weeds");
    let stays = ["987001", "987002", "987003"];
    let line = "sleep 987001 & setsid sleep 987002 & (setsid env -i /bin/sh -c 'trap \"\" TERM; sleep 987003; :' &)
        while [ ! -e /shared/files/go ]; do sleep 0.02; done; tq update --status done --result planted";
    office.hire("ada", line);
    let task = office.task("Plant weeds", &[]);
    until(SHORT, "all weeds", || stays.iter().all(|word| !processes::with_argument(word).is_empty()).then_some(()));
    office.push("go", b"");
    office.await_status(task, "done", SHORT);
    until(SHORT, "the end of the weeds", || {
        stays.iter().all(|word| processes::with_argument(word).is_empty()).then_some(())
    });
    office.await_idle("ada", SHORT);
    assert!(!server.family().is_empty(), "the pod itself goes on");
    assert!(server.stop().success());
}
