//! Looking into pods and sessions: commands, shells, transcripts.

use expect_test::expect;
use serde_json::{Value, json};

use crate::house::fake::Reply;
use crate::house::{House, task};

fn outcome(stdout: &str, exit_code: i32) -> Value {
    json!({"stdout": stdout, "stderr": "oh\n", "exitCode": exit_code, "timedOut": exit_code == 137, "truncated": false})
}

#[test]
fn a_command_is_sent_once_and_its_end_is_this_commands_end() {
    let house = House::new(|_, before| match before {
        0 => Reply::json(outcome("a\u{1b}b\n", 0).to_string()),
        1 => Reply::json(outcome("", 3).to_string()),
        2 => Reply::json(outcome("x", 137).to_string()),
        _ => Reply::hang_up(),
    });
    let said = house.run("mi agents debug ada -- ls -la /workspace");
    // Into a pipe it goes as it came.
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "a\u{1b}b\n", "oh\n"));
    let said = house.run("mi agents debug ada --timeout 5m --json -- \"exit 3\"");
    assert_eq!((said.code, said.out), (3, format!("{}\n", outcome("", 3))));
    let said = house.run("mi agents debug ada -- sleep 100");
    assert_eq!(said.code, 137);
    assert!(said.err.contains("its time was over"), "{}", said.err);
    // A lost answer is no reason to run it again.
    assert_eq!(house.run("mi agents debug ada -- true").code, 7);
    expect![[r#"
        POST /api/v1/offices/OFFICE/employees/ada/debug/ada {"command":["ls","-la","/workspace"]}
        POST /api/v1/offices/OFFICE/employees/ada/debug/ada {"command":"exit 3","timeoutSeconds":300}
        POST /api/v1/offices/OFFICE/employees/ada/debug/ada {"command":["sleep","100"]}
        POST /api/v1/offices/OFFICE/employees/ada/debug/ada {"command":["true"]}
    "#]]
    .assert_eq(&house.asked());
    assert_eq!(house.run("mi agents debug ada").code, 2, "without a command");
}

#[test]
fn a_shell_that_is_refused_says_why() {
    let house = House::new(|_, before| match before {
        0 => Reply::problem(409, "pod_not_running", "ada's pod doesn't run (Stopped)"),
        _ => Reply::json("{}"),
    });
    let said = house.run("mi agents shell ada");
    assert_eq!(said.code, 5);
    assert!(said.err.contains("ada's pod doesn't run"), "{}", said.err);
    assert!(house.server.asked()[0].path.ends_with("/employees/ada/shell?columns=80&rows=24"), "{}", house.asked());
    assert_eq!(house.server.asked()[0].header("upgrade"), Some("mi-terminal"));
    // Somebody in between answered, who knows nothing of terminals.
    assert_eq!(house.run("mi agents shell ada").code, 1);
    assert_eq!(house.run("mi agents shell ada --json").code, 2);
}

#[test]
fn since_may_be_a_length_of_time() {
    let house = House::new(|_, _| Reply::json(r#"{"logs":"","pod":""}"#));
    house.run("mi logs ada --since 31m");
    house.run("mi logs ada --since 2026-04-27T09:00:00Z");
    expect![[r#"
        GET /api/v1/offices/OFFICE/employees/ada/logs?since=2026-04-27T09%3A00%3A05.000Z
        GET /api/v1/offices/OFFICE/employees/ada/logs?since=2026-04-27T09%3A00%3A00Z
    "#]]
    .assert_eq(&house.asked());
}

fn session(id: i64, attempt: i64, ended: Option<&str>) -> Value {
    let (state, exit) = if ended.is_some() { ("ended", json!("done")) } else { ("live", Value::Null) };
    json!({"id": id, "agent": "ada", "task_id": 7, "attempt": attempt, "state": state, "harness": "native",
        "cause": {"kind": "message", "by": "bob", "message": 7, "chain": 3},
        "model": "sonnet", "exit": exit, "summary": "wrote it", "input_tokens": 1200, "cached_tokens": 200,
        "output_tokens": 34, "cost": 0.25, "queued_at": "2026-04-27T09:29:50.000Z",
        "first_token_at": "2026-04-27T09:30:02.000Z",
        "started_at": "2026-04-27T09:30:00.000Z", "ended_at": ended})
}

fn part_of(from: i64, items: &[(&str, &str)], more: bool, session: &Value) -> Value {
    let items: Vec<Value> = (from..)
        .zip(items)
        .map(|(n, (kind, text))| json!({"n": n, "at": "2026-04-27T09:30:01.000Z", "kind": kind, "text": text}))
        .collect();
    let next = from + items.len() as i64;
    let tools = json!([{"name": "shell", "calls": 2, "failures": 1, "took_ms": 1000},
        {"name": "sleep", "calls": 1, "failures": 0}]);
    json!({"session": session, "tools": tools, "items": items, "next": next, "more": more})
}

fn detail(sessions: &[Value]) -> Reply {
    let task: Value = serde_json::from_str(&task(7, "running")).unwrap();
    let detail = json!({"task": task, "logs": [], "comments": [], "subtasks": [], "artifacts": [], "linkedMessages": [],
        "sessions": sessions, "reviews": [], "checks": []});
    Reply::json(detail.to_string())
}

#[test]
fn a_transcript_is_followed_to_the_sessions_end() {
    let piece = |from: i64, items: &[(&str, &str)], more: bool, session: &Value| {
        let part = part_of(from, items, more, session);
        format!("event: part\nid: {}\ndata: {part}\n\n", part["next"])
    };
    let house = House::new(move |asked, before| {
        let (live, over) = (session(42, 2, None), session(42, 2, Some("2026-04-27T09:31:05.000Z")));
        match before {
            0 => detail(&[session(41, 1, Some("2026-04-27T09:30:00.000Z")), live]),
            1 => {
                let said = [("log", "be\u{1b}[2Jgun"), ("tool", "shell {\"c\":1}\n→ a\nb")];
                // Nothing was said yet; its head is told once. Half a piece counts for nothing.
                let first = [piece(0, &[], false, &live), piece(0, &said, true, &live), "event: pa".to_owned()];
                Reply::json(format!("retry: 1\n\n{}", first.concat()))
            }
            2 => {
                let last = [
                    piece(2, &[("usage", "{}")], false, &live),
                    piece(3, &[("transcript", "I wrote it.")], true, &over),
                    piece(4, &[], false, &over),
                ];
                Reply::json(last.concat())
            }
            _ => panic!("{}", asked.path),
        }
    });
    let said = house.run("mi tasks session 7 -f");
    expect![[r#"
        session 42 of ada: task 7, attempt 2, native on sonnet
        woken by a message of bob, wake-up 3 among agents since an operator's act
        began 2026-04-27 09:30:00
        09:30:01  log   be[2Jgun
        09:30:01  tool  shell {"c":1}
                        → a
                        b
        09:30:01  said  I wrote it.

        state        ended: done
        summary      wrote it
        waited       10 s
        first token  after 2 s
        took         1 min 5 s
        tokens       1200 in (200 cached), 34 out
        credits      0.25

        TOOL   CALLS  FAILED  TOOK
        shell  2      1       1 s
        sleep  1      -       -
    "#]]
    .assert_eq(&said.out);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(house.server.asked()[2].header("last-event-id"), Some("2"));
}

#[test]
fn a_transcript_of_a_session_that_is_over_is_read_part_by_part() {
    let house = House::new(|asked, before| {
        let over = session(42, 2, Some("2026-04-27T09:31:05.000Z"));
        match before {
            0 => detail(std::slice::from_ref(&over)),
            1 => Reply::json(part_of(0, &[("prompt", "Do it.")], true, &over).to_string()),
            2 => Reply::json(part_of(1, &[("log", "done")], false, &over).to_string()),
            _ => panic!("{}", asked.path),
        }
    });
    let said = house.run("mi tasks session 7");
    assert!(said.out.contains("09:30:01  told  Do it.\n09:30:01  log   done\n\nstate"), "{}", said.out);
    let paths: Vec<String> =
        house.asked().lines().skip(1).map(|line| line.rsplit_once("=").unwrap().1.to_owned()).collect();
    assert_eq!(paths, ["0", "1"]);
}

#[test]
fn an_attempt_that_there_is_not_is_named() {
    let house = House::new(|_, before| if before == 0 { detail(&[session(41, 1, None)]) } else { detail(&[]) });
    let said = house.run("mi tasks session 7 --attempt 3");
    assert_eq!((said.code, said.err.contains("task 7 has no attempt 3")), (3, true), "{}", said.err);
    let said = house.run("mi tasks session 7");
    assert_eq!((said.code, said.err.contains("nobody has attempted task 7 yet")), (3, true), "{}", said.err);
}
