//! Commands about a whole colony: apply, status, watch, cleanup, tree, why, export.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::house::fake::{Asked, Reply};
use crate::house::{House, OFFICE, Said, agent, office, task};

fn check(house: &House, line: &str, expect: Expect) {
    let Said { code, out, err } = house.run(line);
    expect.assert_eq(&format!("{out}--\n{err}-- {code}\n"));
}

/// A task of the house, with other fields.
fn changed(id: i64, status: &str, fields: Value) -> Value {
    let mut task: Value = serde_json::from_str(&task(id, status)).unwrap();
    task.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    task
}

fn detail(task: &Value, subtasks: Value) -> Value {
    json!({"task": task, "logs": [], "comments": [], "subtasks": subtasks, "artifacts": [], "linkedMessages": [],
        "sessions": []})
}

fn why(code: &str, message: &str) -> Value {
    json!({"why": {"code": code, "message": message}})
}

/// Answers `GET …/tasks/N` and `GET …/tasks` from a list.
fn queue(tasks: Vec<Value>) -> impl Fn(&Asked, usize) -> Reply + Send + 'static {
    move |asked, _| {
        let path = asked.path.split('?').next().unwrap();
        let last = path.rsplit('/').next().unwrap();
        match (last.parse::<i64>(), last) {
            (Ok(id), _) => match tasks.iter().find(|task| task["id"] == id) {
                Some(task) => {
                    let parts: Vec<&Value> = tasks.iter().filter(|part| part["parent_id"] == id).collect();
                    Reply::json(detail(task, json!(parts)).to_string())
                }
                None => Reply::problem(404, "no_such_task", "no"),
            },
            (Err(_), "tasks") => {
                let wanted =
                    asked.path.split("status=").nth(1).unwrap_or_default().split('&').next().unwrap().to_owned();
                let list: Vec<&Value> = tasks
                    .iter()
                    .filter(|task| wanted.is_empty() || wanted.contains(task["status"].as_str().unwrap()))
                    .collect();
                Reply::json(json!(list).to_string())
            }
            (Err(_), _) => Reply::json("[]"),
        }
    }
}

const COLONY: &str = "colony: review
agents:
  ada: {command: work}
tasks:
  report: {title: Report, dependsOn: [collect]}
  collect: {title: Collect, agent: ada}
";

#[test]
fn apply_makes_what_is_declared_in_the_order_in_which_it_can_be_made() {
    let mut house = House::new(|asked, _| match (asked.method.as_str(), asked.path.rsplit('/').next().unwrap()) {
        ("GET", _) => Reply::json("[]"),
        ("POST", "offices") => Reply::json(office("review")),
        ("POST", "employees") => Reply::json(agent("ada")),
        ("POST", "tasks") if asked.text().contains("collect") => Reply::json(task(1, "queued")),
        _ => Reply::json(task(2, "queued")),
    });
    house.stdin = COLONY.to_owned();
    check(
        &house,
        "mi apply -f -",
        expect![[r#"
            + colony   review
            + agent    ada
            + task     collect  #1 Collect (ada)
            + task     report  #2 Report
            --
            4 created
            -- 0
        "#]],
    );
    expect![[r#"
        GET /api/v1/offices?limit=500&offset=0
        POST /api/v1/offices {"name":"review"}
        POST /api/v1/offices/OFFICE/employees {"name":"ada","harness":"command","command":"work"}
        POST /api/v1/offices/OFFICE/tasks {"title":"Collect","name":"collect","assignedAgent":"ada"}
        POST /api/v1/offices/OFFICE/tasks {"title":"Report","name":"report","dependsOn":["1"]}
    "#]]
    .assert_eq(&house.asked());
}

/// The colony as declared, except for a title.
fn present(asked: &Asked, _: usize) -> Reply {
    let path = asked.path.split('?').next().unwrap();
    match (asked.method.as_str(), path.rsplit('/').next().unwrap()) {
        ("GET", "offices") => Reply::json(format!("[{}]", office("review"))),
        ("GET", "employees") => {
            let mut ada: Value = serde_json::from_str(&agent("ada")).unwrap();
            ada["harness"] = json!("command");
            ada["command"] = json!("work");
            Reply::json(json!([ada]).to_string())
        }
        ("GET", "tasks") => {
            let collect = json!({"name": "collect", "title": "Collect", "assigned_agent": "ada"});
            let report = json!({"name": "report", "title": "Old", "depends_on": "1", "assigned_agent": null});
            Reply::json(json!([changed(1, "queued", collect), changed(2, "queued", report)]).to_string())
        }
        _ => Reply::json(task(2, "queued")),
    }
}

#[test]
fn apply_changes_only_what_differs_and_a_dry_run_sends_nothing() {
    let mut house = House::new(present);
    house.stdin = COLONY.to_owned();
    check(
        &house,
        "mi apply -f - --dry-run",
        expect![[r#"
            = colony   review
            = agent    ada
            = task     collect  #1 queued
            ~ task     report  #2
                title: Old → Report
            1 to change, 3 as declared
            --
            -- 0
        "#]],
    );
    assert!(house.server.asked().iter().all(|asked| asked.method == "GET"));
    assert_eq!(house.run("mi apply -f -").code, 0);
    let written: Vec<String> =
        house.server.asked().iter().filter(|asked| asked.method != "GET").map(|asked| asked.text()).collect();
    assert_eq!(written, [r#"{"title":"Report"}"#]);
}

#[test]
fn a_wrong_file_is_refused_before_anything_is_asked() {
    let house = House::new(|_, _| Reply::json("[]"));
    let file = house.home.path().join("colony.yaml");
    std::fs::write(&file, "tasks:\n  a: {title: A, dependsOn: [b]}\n  c: {titel: C}\n").unwrap();
    let said = house.run(&format!("mi apply -f {}", file.display()));
    let place = file.display();
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert_eq!(
        said.err,
        format!(
            "error: {place}:2:29: task a depends on \"b\", which the file doesn't declare\n\
             {place}:3:3: task c needs a title\n\
             {place}:3:7: task c has no key \"titel\" (did you mean title?)\n\
             hint: nothing was sent; `mi apply --help` shows what a file looks like\n"
        )
    );
    assert_eq!(house.asked(), "");
}

#[test]
fn what_the_server_does_not_know_is_refused_before_anything_is_changed() {
    let mut house = House::new(|_, _| Reply::json(r#"{"paths": {}, "components": {"schemas": {}}}"#));
    house.stdin =
        "tasks: {a: {title: A, deadline: 2030-01-01T00:00:00Z}}\nschedules: {daily: {cron: '@daily'}}".to_owned();
    check(
        &house,
        "mi apply -f -",
        expect![[r#"
            --
            error: this server doesn't know tasks' deadline, schedules; nothing was changed
            hint: take them out of the file, or update the server
            -- 1
        "#]],
    );
    assert_eq!(house.asked(), "GET /openapi.json\n");
}

#[test]
fn apply_waits_for_its_tasks_and_fails_with_them() {
    let mut house = House::new(|asked, before| {
        let path = asked.path.split('?').next().unwrap();
        if path.ends_with("/1") {
            let status = if before < 5 { "running" } else { "failed" };
            let task = changed(1, status, json!({"error": "no such file", "claimed_by": "ada"}));
            return Reply::json(detail(&task, json!([])).to_string());
        }
        match asked.method.as_str() {
            "POST" => Reply::json(task(1, "queued")),
            _ => Reply::json("[]"),
        }
    });
    house.stdin = "tasks: {collect: {title: Collect}}".to_owned();
    check(
        &house,
        "mi apply -f - --wait",
        expect![[r#"
            + task     collect  #1 Collect
            task 1 running by ada
            task 1 failed by ada
            --
            1 created, 1 as declared
            error: #1 failed: no such file
            hint: `mi tasks get 1` shows its log, `mi tasks retry 1` tries again
            -- 1
        "#]],
    );
}

#[test]
fn why_follows_a_chain_to_its_cause() {
    let house = House::new(queue(vec![
        changed(5, "failed", json!({"title": "Collect", "error": "the file isn't there"})),
        changed(6, "done", json!({"title": "Fine"})),
        changed(
            7,
            "blocked",
            json!({"title": "Compare", "depends_on": "6,5", "why":
            {"code": "dependency_failed", "message": "task 5 (Collect) failed"}}),
        ),
        changed(
            9,
            "queued",
            json!({"title": "Report", "depends_on": "7", "why":
            {"code": "waiting_for_dependency", "message": "waits for #7"}}),
        ),
        changed(10, "queued", why("waiting_for_agent", "every agent that could take it holds another task")),
        changed(11, "running", json!({"claimed_by": "ada"})),
    ]));
    check(
        &house,
        "mi tasks why 9",
        expect![[r#"
            #9 Report: waits for #7
              #7 Compare: task 5 (Collect) failed
                #5 Collect: failed: the file isn't there
            --
            hint: `mi tasks retry 5`
            -- 0
        "#]],
    );
    check(
        &house,
        "mi tasks why",
        expect![[r#"
            dependency failed (1 task)
              #7 Compare: task 5 (Collect) failed

            agents busy (1 task)
              #10 Find bugs: every agent that could take it holds another task

            dependency (1 task)
              #9 Report: waits for #7
            --
            hint: `mi tasks why TASK` follows one of them to its cause
            -- 0
        "#]],
    );
    check(
        &house,
        "mi tasks why 11",
        expect![[r#"
            task 11: it waits for nothing: it is running
            --
            -- 0
        "#]],
    );
}

#[test]
fn the_tree_shows_parts_waits_and_times() {
    let house = House::new(queue(vec![
        changed(
            1,
            "queued",
            json!({"title": "Review", "assigned_agent": null, "subtask_count": 2, "name": "review",
            "why": {"code": "open_subtasks", "message": "waits for 2 open subtasks"}}),
        ),
        changed(
            2,
            "done",
            json!({"title": "Find bugs", "parent_id": 1, "claimed_by": "ada",
            "started_at": "2026-04-27T09:30:00.000Z", "completed_at": "2026-04-27T09:30:42.000Z"}),
        ),
        changed(
            3,
            "running",
            json!({"title": "Compare\u{1b}[2J", "parent_id": 1, "depends_on": "2",
            "claimed_by": "ben", "started_at": "2026-04-27T09:30:00.000Z"}),
        ),
        changed(4, "failed", json!({"title": "Alone", "assigned_agent": null})),
    ]));
    check(
        &house,
        "mi tasks tree",
        expect![[r#"
            ○ #1 review: Review  subtasks
            ├─ ✓ #2 Find bugs  @ada  42s
            └─ ● #3 Compare[2J  @ben  1m 5s  after #2 ✓
            ✗ #4 Alone
            --
            -- 0
        "#]],
    );
    let tree: Value = serde_json::from_str(&house.run("mi tasks tree 1 --json").out).unwrap();
    assert_eq!(
        (tree[0]["id"].as_i64(), tree[0]["subtasks"][1]["id"].as_i64(), tree.as_array().unwrap().len()),
        (Some(1), Some(3), 1)
    );
    assert_eq!(house.run("mi tasks tree 99").code, 3);
}

#[test]
fn export_writes_every_task_in_four_shapes() {
    let house = House::new(queue(vec![
        changed(
            1,
            "done",
            json!({"title": "=cmd, \"x\"", "result_summary": "two\nlines", "claimed_by": "ada",
            "started_at": "2026-04-27T09:30:00.000Z", "completed_at": "2026-04-27T09:30:42.000Z"}),
        ),
        changed(2, "failed", json!({"title": "Broken", "error": "# no heading"})),
    ]));
    let whole: Value = serde_json::from_str(&house.run("mi tasks export").out).unwrap();
    assert_eq!((whole[0]["task"]["id"].as_i64(), whole[1]["task"]["error"].as_str()), (Some(1), Some("# no heading")));
    let lines = house.run("mi tasks export --format ndjson --status failed").out;
    assert_eq!((lines.lines().count(), lines.contains("Broken")), (1, true));
    let csv = house.run("mi tasks export --format csv").out;
    assert!(csv.contains("\n1,,\"'=cmd, \"\"x\"\"\",done,none,review,50,reviewer,ada,owner,,,0,"), "{csv}");
    assert!(csv.contains(",42,\"two\nlines\",,\n2,,Broken,failed,"), "{csv}");
    let file = house.home.path().join("tasks.md");
    let said = house.run(&format!("mi tasks export --format md -o {}", file.display()));
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    expect![[r#"
        # Tasks

        ## #1 =cmd, "x"

        done · by ada · in 42s · at 2026-04-27 09:30:42

        **Result**

        > two
        > lines

        ## #2 Broken

        failed

        **Error**

        > # no heading
    "#]]
    .assert_eq(&std::fs::read_to_string(&file).unwrap());
}

fn overview() -> Value {
    json!({"phase": "ready", "message": "all is well", "agents": {"Idle": 1}, "tasks": {"queued": 2}, "credits": 1000})
}

#[test]
fn status_says_who_does_what_and_what_waits_why() {
    let house = House::new(|asked, before| {
        let path = asked.path.split('?').next().unwrap();
        match path.rsplit('/').next().unwrap() {
            "status" => Reply::json(overview().to_string()),
            "employees" => Reply::json(format!("[{},{}]", agent("ada"), agent("ben"))),
            _ => queue(vec![
                changed(1, "running", json!({"claimed_by": "ada", "started_at": "2026-04-27T09:30:00.000Z"})),
                changed(2, "queued", why("waiting_for_dependency", "waits for #1")),
                changed(3, "queued", why("waiting_for_dependency", "waits for #1")),
                changed(
                    4,
                    "queued",
                    json!({"late": true, "deadline": "2026-04-27T09:00:00.000Z", "why":
                    {"code": "assigned_agent_offline", "message": "cy is not running"}, "why_late":
                    {"code": "assigned_agent_offline", "message": "cy was not running"}}),
                ),
            ])(asked, before),
        }
    });
    check(
        &house,
        "mi status",
        expect![[r#"
            phase    ready
            message  all is well
            agents   1 Idle
            tasks    2 queued
            credits  1000

            agents
            NAME  PHASE  DOES            SINCE
            ada   Idle   #1 Find bugs    1m 5s
            ben   Idle   waits for work  -

            late
            TASK  TITLE      DEADLINE             WHY
            #4    Find bugs  2026-04-27 09:00:00  cy was not running

            waiting
            WHY            TASKS  WHICH  FOR EXAMPLE
            dependency     2      #2 #3  waits for #1
            agent offline  1      #4     cy is not running
            --
            hint: `mi tasks why` says what would let each of them go on
            -- 0
        "#]],
    );
    assert_eq!(house.run("mi colony status --json").out, format!("{}\n", overview()));
}

/// A stream of two events that then ends, and a queue.
fn watched(tasks: Vec<Value>) -> House {
    let queue = queue(tasks);
    House::new(move |asked, before| {
        if !asked.path.contains("/events/stream") {
            return queue(asked, before);
        }
        let event = |seq: i64, summary: &str| {
            let event = json!({"seq": seq, "category": "task", "type": "tasks.finish", "actor": "ada", "task_id": seq,
                "summary": summary, "data": {}, "created_at": "2026-04-27T09:30:00.000Z"});
            format!("id: {seq}\ndata: {event}\n\n")
        };
        match asked.path.split("since=").nth(1) {
            None => Reply::json(format!("retry: 1000\n\n{}{}", event(1, "one\u{1b}[2J"), event(2, "two"))),
            Some(_) => Reply::json(": still here\n\n"),
        }
    })
}

#[test]
fn watch_tells_events_and_ends_when_nothing_is_open() {
    check(
        &watched(vec![changed(1, "done", json!({})), changed(2, "cancelled", json!({}))]),
        "mi colony watch --until-idle",
        expect![[r#"
            --
            -- 0
        "#]],
    );
    let stuck = watched(vec![
        changed(1, "failed", json!({})),
        changed(2, "blocked", why("dependency_failed", "task 1 (Find bugs) failed")),
    ]);
    check(
        &stuck,
        "mi colony watch --until-idle",
        expect![[r#"
            2026-04-27 09:30:00  task       #1  one[2J
            2026-04-27 09:30:00  task       #2  two
            --
            error: #1 failed
            hint: `mi tasks get 1` shows its log, `mi tasks retry 1` tries again
            -- 1
        "#]],
    );
    assert!(stuck.asked().contains("/events/stream?since=2"), "{}", stuck.asked());
    let open = watched(vec![changed(1, "running", json!({}))]);
    let said = open.run("mi colonies watch --until-idle --timeout 0 --json");
    assert_eq!(said.code, 1, "{said:?}");
}

#[test]
fn cleanup_shows_its_plan_and_asks_first() {
    let house = House::new(|asked, before| match asked.path.split('?').next().unwrap().rsplit('/').next().unwrap() {
        "employees" => {
            let mut helper: Value = serde_json::from_str(&agent("helper")).unwrap();
            helper["spawnedBy"] = json!("ada");
            Reply::json(json!([helper]).to_string())
        }
        _ if asked.method != "GET" => Reply::json(task(2, "cancelled")),
        _ => queue(vec![changed(2, "blocked", why("dependency_cancelled", "task 1 (x) cancelled"))])(asked, before),
    });
    check(
        &house,
        "mi colony cleanup",
        expect![[r#"
            - cancel    #2  Find bugs: task 1 (x) cancelled
            - fire      helper  a specialist of ada that has nothing to do
            --
            error: do this? there is nobody to ask
            hint: --yes says yes, --dry-run only shows
            -- 2
        "#]],
    );
    assert_eq!(house.run("mi colony cleanup --dry-run").code, 0);
    assert!(house.server.asked().iter().all(|asked| asked.method == "GET"));
    assert_eq!(house.run(&format!("mi colony cleanup --yes -c {OFFICE}")).code, 0);
    let written: Vec<String> = house
        .server
        .asked()
        .iter()
        .filter(|asked| asked.method != "GET")
        .map(|a| a.line().replace(OFFICE, "O"))
        .collect();
    assert_eq!(
        written,
        [
            r#"POST /api/v1/offices/O/tasks/2/cancel {"reason":"cleanup: what it depends on was cancelled"}"#,
            "DELETE /api/v1/offices/O/employees/helper",
        ]
    );
}

#[test]
fn a_block_tells_what_ends_it() {
    let house = House::new(|asked, _| {
        let kind = if asked.path.ends_with("/7") { "needs_input" } else { "other" };
        let why = format!(r#""why":{{"code":"{kind}","message":"which branch?"}}"#);
        let task = task(7, "blocked").replace(r#""why":null"#, &why);
        let rest = r#""subtasks":[],"logs":[],"comments":[],"artifacts":[],"linkedMessages":[],"sessions":[]"#;
        Reply::json(format!(r#"{{"task":{task},{rest}}}"#))
    });
    for (id, end) in [
        (7, "needs_input; an operator's comment ends it: `mi tasks comment 7 \"the answer\"`"),
        (8, "other; no comment ends it, only an operator or the creator: `mi tasks update 7 --status queued`"),
    ] {
        let (get, why) = (house.run(&format!("mi tasks get {id}")), house.run(&format!("mi tasks why {id}")));
        assert!(get.out.contains(end), "{get:?}");
        assert!(why.err.contains(end), "{why:?}");
    }
}
