//! From a text to a plan, without a server.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use mi_core::ids::{OfficeId, TaskName};
use mi_core::wire::{agents, tasks};
use serde_json::json;

use super::declared::{self, Colony};
use super::plan::{Others, Present, plan, unknown_agents};
use super::view;
use crate::output::{Paint, Screen};

const PLAIN: Screen = Screen { paint: Paint::Plain, is_terminal: false };

fn colony(text: &str) -> Colony {
    declared::read(text).unwrap()
}

fn check_plan(text: &str, present: &Present, others: Others, expect: Expect) {
    let digests = BTreeMap::from([("main.go".to_owned(), "aaaaaaaaaaaaaaaa".to_owned())]);
    expect.assert_eq(&view::plan(&plan(&colony(text), present, &digests, others), PLAIN));
}

fn check_wrong(text: &str, expect: Expect) {
    let complaints = declared::read(text).unwrap_err();
    let line = |c: &super::yaml::Complaint| format!("{}:{}: {}\n", c.at.line, c.at.column, c.what);
    expect.assert_eq(&complaints.iter().map(line).collect::<String>());
}

fn agent(name: &str, more: serde_json::Value) -> agents::Agent {
    let mut agent = json!({"id": "5b7e3c1a-0000-4000-8000-0000000000aa", "name": name, "harness": "command",
        "command": "work", "skills": [], "kind": "hosted", "createdAt": "2026-04-27T09:30:00.000Z",
        "status": {"phase": "Idle", "ready": true, "message": ""}});
    agent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(agent).unwrap()
}

fn task(id: i64, name: &str, more: serde_json::Value) -> (TaskName, tasks::Task) {
    let mut task = json!({"id": id, "name": name, "title": name, "kind": "general", "priority": 50, "status": "queued",
        "created_by": "owner", "required_tools": [], "attempts": 0, "max_attempts": 3, "verification": "none",
        "subtask_count": 0, "created_at": "2026-04-27T09:30:00.000Z", "updated_at": "2026-04-27T09:30:00.000Z"});
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (name.parse().unwrap(), serde_json::from_value(task).unwrap())
}

fn office() -> Option<OfficeId> {
    Some("5b7e3c1a-0000-4000-8000-000000000001".parse().unwrap())
}

const FILE: &str = "
colony: review
settings: {maxAgents: 10}
agents:
  ada: {role: reads, command: work, env: {TOKEN: secret}, integrations: [github]}
files:
  - {path: src/main.go, as: main.go}
tasks:
  report: {title: report, after: [collect]}
  collect: {title: collect, agent: ada, priority: 10}
";

#[test]
fn a_new_colony_is_created_whole() {
    check_plan(
        FILE,
        &Present::default(),
        Others::Stay,
        expect![[r#"
            + colony   review
            ~ settings
                maxAgents: nothing → 10
            + agent    ada  reads
            + file     main.go  from src/main.go
            + task     collect  collect (ada)
            + task     report  report
            5 to create, 1 to change
        "#]],
    );
}

fn as_declared() -> Present {
    Present {
        colony: office(),
        settings: json!({"maxAgents": 10, "timezone": "UTC"}).as_object().unwrap().clone(),
        agents: vec![agent("ada", json!({"role": "reads"}))],
        env: BTreeMap::from([("ada".parse().unwrap(), BTreeMap::from([("TOKEN".to_owned(), "secret".to_owned())]))]),
        integrations: BTreeMap::from([("ada".parse().unwrap(), ["github".to_owned()].into())]),
        files: BTreeMap::from([("main.go".to_owned(), "aaaaaaaaaaaaaaaa".to_owned())]),
        tasks: BTreeMap::from([
            task(1, "collect", json!({"assigned_agent": "ada", "priority": 10, "status": "done"})),
            task(2, "report", json!({"depends_on": "1"})),
        ]),
        ..Present::default()
    }
}

#[test]
fn applied_twice_nothing_changes() {
    check_plan(
        FILE,
        &as_declared(),
        Others::Stay,
        expect![[r#"
            = colony   review
            = settings
            = agent    ada
            = file     main.go
            = task     collect  #1 done
            = task     report  #2 queued
            6 as declared
        "#]],
    );
}

#[test]
fn what_differs_is_named_and_secrets_are_not_shown() {
    let mut present = as_declared();
    present.agents = vec![agent("ada", json!({"role": "writes", "command": "play"}))];
    present.env.clear();
    present.integrations.clear();
    present.files = BTreeMap::from([("main.go".to_owned(), "bbbbbbbbbbbbbbbb".to_owned())]);
    present.tasks.extend([task(2, "report", json!({"title": "Report", "depends_on": null}))]);
    check_plan(
        FILE,
        &present,
        Others::Stay,
        expect![[r#"
            = colony   review
            = settings
            ~ agent    ada
                role: writes → reads
                command: play → work
                env TOKEN: another value
                integration github: off → on
            ~ file     main.go
                content: bbbbbbbbbbbb → aaaaaaaaaaaa
            = task     collect  #1 done
            ~ task     report  #2
                title: Report → report
                depends on: nothing → #1
            3 to change, 3 as declared
        "#]],
    );
}

#[test]
fn what_is_held_over_or_fixed_is_left() {
    let mut present = as_declared();
    present.tasks.extend([
        task(1, "collect", json!({"title": "Old", "assigned_agent": "ada", "priority": 10, "status": "done"})),
        task(2, "report", json!({"depends_on": "1", "priority": 9, "status": "running", "claimed_by": "bob"})),
    ]);
    let text = "
tasks:
  collect: {title: collect, agent: ada}
  report: {title: Report, after: collect}
  plan: {title: plan, kind: code}
";
    present.tasks.extend([task(3, "plan", json!({}))]);
    check_plan(
        text,
        &present,
        Others::Stay,
        expect![[r#"
            = colony   5b7e3c1a-0000-4000-8000-000000000001
            ! task     collect  #1 is done; what is over stays as it was
                title: Old → collect
            ! task     report  #2 is held by bob; apply again later
                title: report → Report
            ! task     plan  #3: its kind can't be changed any more
                kind: general → code
            3 left as it is, 1 as declared
        "#]],
    );
}

#[test]
fn agents_that_the_file_does_not_name_are_fired_on_request_only() {
    let mut present = as_declared();
    present.agents = vec![agent("ada", json!({})), agent("bob", json!({})), agent("cy", json!({"spawnedBy": "bob"}))];
    let text = "agents: {ada: {command: work}}";
    check_plan(
        text,
        &present,
        Others::Stay,
        expect![[r#"
            = colony   5b7e3c1a-0000-4000-8000-000000000001
            = agent    ada
            2 as declared
        "#]],
    );
    check_plan(
        text,
        &present,
        Others::AreFired,
        expect![[r#"
            = colony   5b7e3c1a-0000-4000-8000-000000000001
            = agent    ada
            - agent    bob
            1 to remove, 2 as declared
        "#]],
    );
}

#[test]
fn everything_wrong_is_told_at_once_with_its_line() {
    check_wrong(
        "colonie: x
agents:
  Ada: {}
  ben: {harnes: native, skills: 3}
tasks:
  a: {titel: A}
  b: {title: B, dependsOn: [c, aa]}
  c: {title: C, parent: nobody, priority: high, kind: reveiw}
  7: {title: seven}
files: [{as: x}, {path: /etc/x, as: ../x}]
",
        expect![[r#"
            1:1: the file has no key "colonie" (did you mean colony?)
            3:3: agent name "Ada" is not valid: lower-case letters, digits and dashes, 1 to 63 of them, not starting with a dash
            4:9: agent ben has no key "harnes" (did you mean harness?)
            4:33: skills is a list of texts, not a number
            6:3: task a needs a title
            6:7: task a has no key "titel" (did you mean title?)
            7:32: task b depends on "aa", which the file doesn't declare (did you mean a?)
            8:25: task c is part of "nobody", which the file doesn't declare
            8:43: priority is a whole number, not a text
            8:55: kind: Kind "reveiw" is not valid: it is one of general code research browser review verify
            9:3: task name "7" is not valid: letters, digits, dots, dashes, slashes and underscores, 1 to 128 of them, a letter among them, starting with a letter or a digit
            10:9: a file needs its path
            10:37: a part of a file name is empty, `.` or `..`
        "#]],
    );
}

#[test]
fn circles_are_shown_whole() {
    check_wrong(
        "tasks:
  z: {title: Z, after: a}
  a: {title: A, after: b}
  b: {title: B, after: c}
  c: {title: C, after: a}
",
        expect![[r#"
            3:3: these tasks would wait for each other: a → b → c → a
        "#]],
    );
    check_wrong(
        "tasks: {whole: {title: W}, part: {title: P, parent: whole, after: whole}}",
        expect![[r#"
            1:28: these tasks would wait for each other: part → whole → part
        "#]],
    );
    check_wrong(
        "tasks: {whole: {title: W, after: part}, part: {title: P, parent: whole}}",
        expect![[r#"
            1:41: these tasks name each other, so that none can be created first: part → whole → part
        "#]],
    );
}

#[test]
fn texts_come_from_files_and_variables() {
    let colony = colony(
        "agents: {ada: {systemPrompt: '@prompt.md', env: {A: {fromEnv: HOME}, B: 7}}}
tasks: {a: {title: A, description: '@@home'}}",
    );
    let agent = &colony.agents[0];
    let shown = format!("{:?}\n{:?}\n{:?}", agent.system_prompt, agent.env, colony.tasks[0].description);
    expect![[r#"
        Some(Text { text: "@prompt.md", from: Some((File("prompt.md"), Place { line: 1, column: 30 })) })
        {"A": Text { text: "", from: Some((Variable("HOME"), Place { line: 1, column: 63 })) }, "B": Text { text: "7", from: None }}
        Some(Text { text: "@home", from: None })"#]]
    .assert_eq(&shown);
}

#[test]
fn what_the_server_judges_is_passed_on() {
    let text = "tasks: {a: {title: A, deadline: 2026-12-01T12:00:00Z, not_before: 2026-12-01T10:00:00+01:00,
  checks: [cmd: make test, 'file: a.md words>=9', {kind: file, path: b.md}]}}
schedules: {daily: {cron: '@daily', task: {title: T, agent: ada}}}";
    let colony = colony(text);
    let passed_on = &colony.tasks[0].passed_on;
    assert_eq!(passed_on["checks"], json!(["cmd: make test", "file: a.md words>=9", {"kind": "file", "path": "b.md"}]));
    assert_eq!(colony.schedules[0].fields["task"], json!({"title": "T", "assignedAgent": "ada"}));
    let (name, task) = task(1, "a", json!({"title": "A"}));
    let raw = json!({"deadline": "2026-12-01T12:00:00.000Z", "not_before": "2026-12-01T09:00:00.000Z", "checks": [
        {"kind": "command", "command": "make test", "text": "cmd: make test"},
        {"kind": "file", "path": "a.md", "words_min": 9, "text": "file: a.md words>=9"},
        {"kind": "file", "path": "b.md", "text": "file: b.md"},
    ]});
    let present = |raw| Present {
        colony: office(),
        tasks: BTreeMap::from([(name.clone(), task.clone())]),
        raw_tasks: BTreeMap::from([(name.clone(), raw)]),
        ..Present::default()
    };
    let changes = |present: Present| {
        let steps = plan(&colony, &present, &BTreeMap::new(), Others::Stay);
        steps[1].differences.iter().map(|difference| difference.field.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(changes(present(raw.clone())), "");
    let mut other = raw;
    other["checks"][2]["path"] = json!("c.md");
    other["deadline"] = json!(null);
    assert_eq!(changes(present(other)), "checks deadline");
    check_wrong(
        "tasks: {a: {title: A, deadline: +2h}}",
        expect![[r#"
        1:33: deadline is a time with its zone, such as 2026-12-01T09:00:00Z
    "#]],
    );
}

#[test]
fn the_example_reads() {
    let colony = colony(include_str!("../../../../../examples/colony.yaml"));
    let names: Vec<&str> = colony.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!((colony.agents.len(), colony.files.len(), names.len()), (5, 2, 12));
    assert_eq!(colony.tasks.iter().filter(|task| task.depends_on.len() == 5).count(), 7);
    assert_eq!(names.last(), Some(&"hotspots"));
}

#[test]
fn budgets_are_declared_and_compared() {
    let text = "
agents:
  ada: {command: work, budget: 200, budgetPerDay: 0.5}
  ben: {command: work, budget: none}
tasks:
  a: {title: a, budget: 10}
  b: {title: b, budget: none}
";
    let card = |total: f64| json!({"total": total, "spent": 1, "held": 0});
    let (a, b) = (task(1, "a", json!({"status": "running", "claimed_by": "ada"})), task(2, "b", json!({})));
    let present = |of_ada, of_ben, of_a, of_b| Present {
        colony: office(),
        agents: vec![agent("ada", json!({"budget": of_ada})), agent("ben", json!({"budget": of_ben}))],
        raw_tasks: BTreeMap::from([(a.0.clone(), json!({"budget": of_a})), (b.0.clone(), json!({"budget": of_b}))]),
        tasks: BTreeMap::from([a.clone(), b.clone()]),
        ..Present::default()
    };
    let as_declared = json!({"total": 200, "per_day": 0.5, "spent": 1, "held": 0});
    let nothing = || json!(null);
    check_plan(
        text,
        &present(as_declared, nothing(), card(10.0), nothing()),
        Others::Stay,
        expect![[r#"
            = colony   5b7e3c1a-0000-4000-8000-000000000001
            = agent    ada
            = agent    ben
            = task     a  #1 running
            = task     b  #2 queued
            5 as declared
        "#]],
    );
    // A held task too: its budget may change at any time.
    check_plan(
        text,
        &present(nothing(), card(5.0), card(2.5), card(7.0)),
        Others::Stay,
        expect![[r#"
            = colony   5b7e3c1a-0000-4000-8000-000000000001
            ~ agent    ada
                budget: nothing → 200 credits
                budget a day: nothing → 0.5 credits
            ~ agent    ben
                budget: 5 credits → nothing
            ~ task     a  #1
                budget: 2.5 credits → 10 credits
            ~ task     b  #2
                budget: 7 credits → nothing
            4 to change, 1 as declared
        "#]],
    );
    check_wrong(
        "agents: {ada: {budget: much}}",
        expect![[r#"
            1:24: budget: it is a number of credits from 0 to 1000000000000, or none
        "#]],
    );
    check_wrong(
        "agents: {ada: {budget: -1}}\ntasks: {a: {title: a, budget: 1e30}}",
        expect![[r#"
            1:24: budget: it is a number of credits from 0 to 1000000000000, or none
            2:31: budget: it is a number of credits from 0 to 1000000000000, or none
        "#]],
    );
}

fn strangers(text: &str, present: &Present, others: Others) -> Vec<String> {
    let colony = colony(text);
    let steps = plan(&colony, present, &BTreeMap::new(), others);
    let line = |c: super::yaml::Complaint| format!("{}:{}: {}", c.at.line, c.at.column, c.what);
    unknown_agents(&colony, present, &steps).into_iter().map(line).collect()
}

#[test]
fn a_task_is_for_somebody_of_the_file_or_of_the_colony() {
    let file = "agents: {ada: {command: work}}\ntasks: {a: {title: a, agent: ada}, b: {title: b, agent: bem}}";
    let with_ben = || Present { colony: office(), agents: vec![agent("ben", json!({}))], ..Present::default() };
    let bem = r#"2:36: task b is for "bem", who is neither in the file nor in the colony"#;
    assert_eq!(strangers(file, &Present::default(), Others::Stay), [bem]);
    assert_eq!(strangers(file, &with_ben(), Others::Stay), [format!("{bem} (did you mean ben?)")]);
    let file = file.replace("bem", "ben");
    assert_eq!(strangers(&file, &with_ben(), Others::Stay), [""; 0]);
    assert_eq!(
        strangers(&file, &with_ben(), Others::AreFired),
        [r#"2:36: task b is for "ben", who is fired by --prune"#]
    );
    // What is over stays as it is, whoever left since.
    let over = BTreeMap::from([task(2, "b", json!({"assigned_agent": "ben", "status": "done"}))]);
    assert_eq!(
        strangers(&file, &Present { colony: office(), tasks: over, ..Present::default() }, Others::Stay),
        [""; 0]
    );
}
