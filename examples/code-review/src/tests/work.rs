use crate::{Lens, Work, WorkError, work};
use expect_test::expect;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn drive(files: &[(&str, &str)]) -> TempDir {
    let drive = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = drive.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    drive
}

fn run(drive: &Path, context: Value) -> Result<Work, WorkError> {
    let text = context.to_string();
    work(Lens::Bugs, text.as_bytes(), |name| (name == "MI_SHARED_FILES").then(|| drive.display().to_string()))
}

fn fault(drive: &Path, context: Value) -> String {
    run(drive, context).expect_err("the work can't be done").to_string()
}

const ATOI: &str = "package a\n\nfunc f(s string) int {\n\tn, _ := strconv.Atoi(s)\n\treturn n\n}\n";
const PLAIN: &str = "package b\n";

#[test]
fn the_parent_names_the_file() {
    let drive = drive(&[("a.go", ATOI), ("b.go", PLAIN)]);
    let context = json!({
        "task": {"id": 2, "title": "Find bugs and edge cases", "description": null, "parent_id": 1},
        "ancestors": [{"title": "Review a.go", "description": ""}],
        "dependencies": [], "subtasks": [],
        "files": [{"name": "a.go", "size": 70}, {"name": "b.go", "size": 10}],
    });
    let done = run(drive.path(), context).unwrap();
    expect![[r#"
        Work {
            task: 2,
            report_paths: [
                "reports/2-bugs-a.md",
            ],
            result: "a.go (6 lines), bugs: 1 finding (0 high, 1 medium, 0 low). Most severe: line 4 [medium, ignored-error] The error of strconv.Atoi is thrown away with `_`.",
            log: [
                "read a.go (71 bytes)",
                "a.go: 1 finding; wrote reports/2-bugs-a.md",
            ],
        }
    "#]].assert_debug_eq(&done);
    let report = fs::read_to_string(drive.path().join("reports/2-bugs-a.md")).unwrap();
    assert!(report.contains("\n## Line 4: ignored-error (medium)\n"), "{report}");
    let left: Vec<_> =
        fs::read_dir(drive.path().join("reports")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["2-bugs-a.md"]);
}

#[test]
fn without_a_name_every_go_file_is_reviewed() {
    let drive = drive(&[("b/x.go", PLAIN), ("x.go", ATOI), ("b-x.go", PLAIN), ("notes.txt", "hello")]);
    let files = json!([{"name": "x.go"}, {"name": "b/x.go"}, {"name": "notes.txt"}, {"name": "b-x.go"}]);
    let done = run(drive.path(), json!({"task": {"id": 5, "title": "Look for bugs."}, "files": files})).unwrap();
    assert_eq!(done.report_paths, ["reports/5-bugs-b-x.md", "reports/5-bugs-b-x-2.md", "reports/5-bugs-x.md"]);
}

#[test]
fn a_file_beyond_the_list_and_another_language() {
    let drive = drive(&[("src/deep.go", PLAIN), ("notes.txt", "hello\n")]);
    let context =
        json!({"task": {"id": 1, "title": "Read src/deep.go, then notes.txt."}, "files": [{"name": "notes.txt"}]});
    let done = run(drive.path(), context).unwrap();
    expect![[r#"
        notes.txt (1 line), bugs: not reviewed, only measured: 1 lines, 0 of them blank; the longest, line 1, has 5 characters. Note: the rules understand only Go, and the name doesn't end in .go.

        src/deep.go (1 line), bugs: none of the 15 rules applies. That is no proof of the absence of weaknesses."#]].assert_eq(&done.result);
}

#[test]
fn what_is_missing_is_said() {
    let drive = drive(&[("b.go", PLAIN)]);
    let path = drive.path();
    let files = json!([{"name": "b.go"}]);
    expect!["the task names gone.go, which is not on the drive; upload it with `mi files push` and retry the task"]
        .assert_eq(&fault(path, json!({"task": {"id": 1, "title": "Review gone.go and b.go"}, "files": files})));
    expect![
        "no Go file is on the drive and the task names no file; upload one with `mi files push` and retry the task"
    ]
    .assert_eq(&fault(path, json!({"task": {"id": 1, "title": "Review"}, "files": []})));
    expect!["the task names ../../b.go, which is not on the drive; upload it with `mi files push` and retry the task"]
        .assert_eq(&fault(path, json!({"task": {"id": 1, "title": "Review ../../b.go"}, "files": []})));
    expect!["the session's context on stdin is not the expected JSON: missing field `task` at line 1 column 19"]
        .assert_eq(&fault(path, json!({"title": "no task"})));
    assert!(!path.join("reports").exists());
}

#[cfg(unix)]
#[test]
fn a_link_on_the_drive_is_not_followed() {
    let outside = drive(&[("secret.go", ATOI)]);
    let drive = drive(&[]);
    std::os::unix::fs::symlink(outside.path().join("secret.go"), drive.path().join("a.go")).unwrap();
    let context = json!({"task": {"id": 1, "title": "Review"}, "files": [{"name": "a.go"}]});
    expect!["a.go on the drive is not a plain file or folder inside it"].assert_eq(&fault(drive.path(), context));
}

#[cfg(unix)]
#[test]
fn reports_are_not_written_through_a_link() {
    let outside = drive(&[]);
    let drive = drive(&[("a.go", ATOI)]);
    std::os::unix::fs::symlink(outside.path(), drive.path().join("reports")).unwrap();
    let context = json!({"task": {"id": 1, "title": "Review"}, "files": [{"name": "a.go"}]});
    expect!["reports on the drive is not a plain file or folder inside it"].assert_eq(&fault(drive.path(), context));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_parent_sums_up_its_subtasks() {
    let drive = drive(&[]);
    let context = |status: &str| {
        json!({
            "task": {"id": 1, "title": "Review rate-limiter.go"},
            "subtasks": [
                {"id": 2, "title": "Find bugs", "status": "done", "result_summary": "3 findings."},
                {"id": 3, "title": "Analyze", "status": status, "result_summary": null, "error": "no file"},
            ],
        })
    };
    let done = run(drive.path(), context("failed")).unwrap();
    expect![[r#"
        Review rate-limiter.go: 1 of 2 subtasks done.

        - Task 2, Find bugs (done): 3 findings.

        - Task 3, Analyze (failed): no file"#]]
    .assert_eq(&done.result);
    assert_eq!(done.report_paths, ["reports/1-synthesis.md"]);
    expect!["subtask 3 is still running; its parent can only sum up finished subtasks"]
        .assert_eq(&fault(drive.path(), context("running")));
}
