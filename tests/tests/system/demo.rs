//! `mi demo`, as somebody sees it who has just built the program.

use std::fs::File;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tests::processes::{self, Process};
use tests::{House, SHORT, example, until};

/// What must be true of a report, whatever the file; its findings.
fn proven(report: &Value, file: &str) -> Vec<String> {
    assert_eq!((&report["ok"], &report["file"]), (&true.into(), &file.into()), "{report:#}");
    assert_eq!(report["parent"]["task"]["status"], "done", "{report:#}");
    let subtasks = report["subtasks"].as_array().unwrap();
    assert_eq!(subtasks.len(), 2, "{report:#}");
    let result = |detail: &Value| detail["task"]["result_summary"].as_str().unwrap().to_owned();
    for detail in subtasks {
        assert_eq!(detail["task"]["status"], "done", "{detail:#}");
        let artifact = &detail["artifacts"][0];
        assert!(artifact["sha256"].as_str().unwrap().len() == 64 && artifact["size"].as_i64() > Some(0), "{detail:#}");
        assert!(result(&report["parent"]).contains(&result(detail)), "the parent sums up: {report:#}");
    }
    let findings: Vec<String> = subtasks.iter().map(result).collect();
    assert!(findings.iter().any(|text| text.contains("line")), "findings have their lines: {findings:#?}");
    findings
}

fn leaves_nothing(house: &House, family: &[Process]) {
    let left: Vec<_> = std::fs::read_dir(house.path("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let here = house.path("tmp").display().to_string();
    let left = processes::that_mention(&here);
    assert!(left.is_empty(), "still there: {left:?}");
    let left: Vec<&Process> = family.iter().filter(|process| process.lives()).collect();
    assert!(left.is_empty(), "still there: {left:?}");
}

/// Runs it to its end; its report, and all the processes that it had.
fn watched(house: &House, words: &[&str]) -> (Value, Vec<Process>) {
    let (out, err) = (house.path("demo.out"), house.path("demo.err"));
    let mut command = house.command(house.path("bin/mi"));
    command.args(words).stdin(Stdio::null());
    let mut demo = command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap()).spawn().unwrap();
    let mut family: Vec<Process> = Vec::new();
    let status = until(SHORT, "the demo's end", || {
        let news = processes::descendants(demo.id()).into_iter().filter(|process| !family.contains(process));
        let news: Vec<Process> = news.collect();
        family.extend(news);
        demo.try_wait().unwrap()
    });
    let said = std::fs::read_to_string(&err).unwrap();
    assert!(status.success(), "{said}");
    assert!(!family.is_empty(), "it had pods: {said}");
    (serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap(), family)
}

#[test]
fn it_reviews_the_file_that_it_is_given_and_leaves_nothing() {
    let house = House::new();
    let queue = example("queue.go");
    let (report, family) = watched(&house, &["demo", "--json"]);
    leaves_nothing(&house, &family);
    let (other, family) = watched(&house, &["demo", "--json", queue.to_str().unwrap()]);
    leaves_nothing(&house, &family);
    let (own, other) = (proven(&report, "rate-limiter.go"), proven(&other, "queue.go"));
    assert_ne!(own, other, "another file gives other findings");
}

/// What people see at the end; and with `--keep` the server stays until Ctrl-C, and then nothing stays.
#[test]
fn it_tells_what_it_found_and_stays_when_asked() {
    let house = House::new();
    let (out, err) = (house.path("demo.out"), house.path("demo.err"));
    let mut command = house.command(house.path("bin/mi"));
    command.args(["demo", "--keep"]).stdin(Stdio::null());
    let mut demo = command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap()).spawn().unwrap();
    let read = |path| std::fs::read_to_string(path).unwrap();
    let home = until(SHORT, "the demo's end", || {
        assert!(demo.try_wait().unwrap().is_none(), "{}{}", read(&out), read(&err));
        let said = read(&out);
        let line = said.lines().find_map(|line| line.trim().strip_prefix("MI_HOME="))?.to_owned();
        read(&err).contains("Ctrl-C").then(|| line.split(' ').next().unwrap().to_owned())
    });
    let said = read(&out);
    for word in ["rate-limiter.go", "reviewer", "analyst", "done", "sha256", "Cost", "Try next", "mi tasks get 2"] {
        assert!(said.contains(word), "{word:?} is not said: {said}");
    }
    for line in said.lines().filter_map(|line| line.trim().strip_prefix("MI_HOME=")) {
        house.shell(&format!("MI_HOME={line}")).ok();
    }
    assert!(home.starts_with(&house.path("tmp").display().to_string()), "{home}");
    let family = processes::descendants(demo.id());
    assert!(!family.is_empty(), "the agents are still there: {said}");
    kill(Pid::from_raw(i32::try_from(demo.id()).unwrap()), Signal::SIGINT).unwrap();
    let status = until(SHORT, "the end after Ctrl-C", || demo.try_wait().unwrap());
    assert_eq!(status.code(), Some(0), "{}", read(&err));
    leaves_nothing(&house, &family);
}

/// Ctrl-C in the middle: the agents end, the folder goes.
#[test]
fn interrupted_it_leaves_nothing() {
    let house = House::new();
    let mut command = house.command(house.path("bin/mi"));
    let mut demo =
        command.arg("demo").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let family =
        until(SHORT, "the demo's pods", || Some(processes::descendants(demo.id())).filter(|family| !family.is_empty()));
    kill(Pid::from_raw(i32::try_from(demo.id()).unwrap()), Signal::SIGINT).unwrap();
    until(SHORT, "the end after Ctrl-C", || demo.try_wait().unwrap());
    leaves_nothing(&house, &family);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let house = House::new();
    house.mi(&["demo", "./nothing.go"]).fails(2, &["nothing.go"]);
    leaves_nothing(&house, &[]);
}
