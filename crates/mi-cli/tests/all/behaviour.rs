//! Exit codes, hints, precedence, login, files, watching: how the command line behaves.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

use crate::house::fake::{Asked, Reply};
use crate::house::{Echo, House, OFFICE, Said, agent, office, task, words};
use expect_test::{Expect, expect};
use mi_cli::World;

fn check(house: &House, line: &str, expect: Expect) {
    let Said { code, out, err } = house.run(line);
    expect.assert_eq(&format!("{out}--\n{err}-- {code}\n").replace(&house.server.url(), "SERVER"));
}

fn refusing(status: u16, code: &'static str) -> House {
    House::new(move |_, _| Reply::problem(status, code, "no"))
}

#[test]
fn every_refusal_has_its_exit_code_and_a_next_step() {
    for (status, code, exit) in [
        (400, "bad_request", 2),
        (401, "unauthenticated", 4),
        (402, "out_of_credits", 6),
        (403, "no_access", 4),
        (404, "no_such_task", 3),
        (409, "illegal_transition", 5),
        (422, "idempotency_key_reused", 5),
        (429, "rate_limited", 6),
        (500, "internal", 1),
    ] {
        let said = refusing(status, code).run("mi tasks get 7");
        assert_eq!((said.code, said.out.as_str()), (exit, ""), "{status}");
        assert!(said.err.starts_with("error: no\n"), "{}", said.err);
    }
}

#[test]
fn errors_say_what_to_do_next() {
    check(
        &refusing(404, "no_such_task"),
        "mi tasks get 7",
        expect![[r#"
        --
        error: no
        hint: `mi tasks list` shows what there is
        -- 3
    "#]],
    );
    let house = House::new(|_, _| Reply {
        status: 409,
        ..Reply::json(r#"{"error":"task 7 is claimed by ada","code":"not_claimable","hint":"mi tasks get 7 shows it"}"#)
    });
    check(
        &house,
        "mi tasks claim 7 --agent bob",
        expect![[r#"
        --
        error: task 7 is claimed by ada
        hint: mi tasks get 7 shows it
        -- 5
    "#]],
    );
}

#[test]
fn nobody_there_is_seven() {
    let mut house = House::new(|_, _| Reply::json("{}"));
    let gone = House::new(|_, _| Reply::json("{}")).server.url();
    house.set("MI_ENDPOINT", &gone);
    let said = house.run("mi colonies list");
    assert_eq!(said.code, 7);
    assert_eq!(
        said.err,
        format!(
            "error: the server at {gone} can't be reached\n\
             hint: `mi up` starts a server here; --endpoint or MI_ENDPOINT names another\n"
        )
    );
}

#[test]
fn wrong_usage_is_two_and_help_is_data() {
    let house = House::new(|_, _| Reply::json("{}"));
    for line in [
        "mi",
        "mi nonsense",
        "mi tasks get",
        "mi tasks get x",
        "mi agents get Ada",
        "mi tasks create",
        "mi tasks update 2",
        "mi tasks verify 2",
        "mi tasks verify 2 --reject",
        "mi agents get a b c",
        "mi agents get -c x a b",
        "mi env set KEY",
        "mi files rm ../x",
        "mi colonies delete",
        "mi --endpoint ftp://x colonies list",
    ] {
        let said = house.run(line);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{line}: {said:?}");
        assert!(!said.err.is_empty(), "{line}");
    }
    let help = house.run("mi tasks create --help");
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("--assignedAgent"), "{}", help.out);
    assert!(house.run("mi --version").out.starts_with("mi "));
    assert_eq!(house.asked(), "");
}

#[test]
fn the_binarys_own_programs_are_called() {
    let house = House::new(|_, _| Reply::json("{}"));
    let codes = [
        "mi up --listen 127.0.0.1:0 --log-format auto --allow-upstream 127.0.0.1:1 --allow-upstream 10.0.0.1:2",
        "mi demo --keep",
        "mi config show --json",
        "mi runner --slots 2",
        "mi pod-enter",
        "mi example code-review --mode bugs",
        "mi agent run -n scout --command true",
        "mi doctor --listen 127.0.0.1:0",
    ]
    .map(|line| house.run(line).code);
    assert_eq!(codes, [101, 102, 103, 104, 105, 106, 107, 108]);
}

#[test]
fn flags_win_over_variables_and_these_over_the_file() {
    let mut house = House::stranger(|_, _| Reply::json("{}"));
    std::fs::create_dir_all(house.config().parent().unwrap()).unwrap();
    let file = format!(r#"{{"endpoint":"{}","key":"from_file","colony":"{OFFICE}"}}"#, house.server.url());
    std::fs::write(house.config(), file).unwrap();
    house.variables.remove("MI_ENDPOINT");
    let key_of = |house: &House, line: &str| {
        house.run(line);
        house.server.asked().last().unwrap().header("authorization").unwrap().to_owned()
    };
    assert_eq!(key_of(&house, "mi tasks stats"), "Bearer from_file");
    house.set("MI_API_KEY", "from_variable");
    assert_eq!(key_of(&house, "mi tasks stats"), "Bearer from_variable");
    assert_eq!(key_of(&house, "mi tasks stats --key from_flag"), "Bearer from_flag");
    let other = "5b7e3c1a-0000-4000-8000-000000000002";
    house.set("MI_COLONY", other);
    house.run("mi tasks stats");
    house.run(&format!("mi tasks stats -c {OFFICE}"));
    let paths: Vec<String> = house.server.asked().iter().rev().take(2).map(|asked| asked.path.clone()).collect();
    assert!(paths[0].contains(OFFICE) && paths[1].contains(other));
    house.set("MI_ENDPOINT", "http://127.0.0.1:1");
    assert_eq!(house.run("mi tasks stats").code, 7);
    let url = house.server.url();
    assert_ne!(house.run(&format!("mi tasks stats --endpoint {url}")).code, 7);
}

fn who(asked: &Asked) -> Reply {
    match asked.header("authorization") {
        Some("Bearer mi_good") => Reply::json(r#"{"kind":"user","id":"u1","name":"owner"}"#),
        _ => Reply::problem(401, "unauthenticated", "no such key"),
    }
}

#[test]
fn login_checks_and_stores_the_key() {
    let mut house = House::stranger(|asked, _| who(asked));
    check(
        &house,
        "mi login --key mi_bad",
        expect![[r#"
        --
        error: the server refuses this key: no such key
        hint: nothing was stored; `mi login` without --key gets a new one
        -- 4
    "#]],
    );
    assert!(!house.config().exists());
    let said = house.run("mi login --key mi_good");
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(said.err.contains("as user owner"), "{}", said.err);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&house.config()), mode(house.config().parent().unwrap())), (0o600, 0o700));
    assert_eq!(house.run("mi whoami").code, 0);
    let said = house.run("mi login");
    assert!(said.code == 0 && said.err.contains("already"), "{}", said.err);
    assert_eq!(house.run("mi logout").code, 0);
    assert_eq!(house.run("mi whoami").code, 4);
    house.stdin = "mi_good\n".to_owned();
    assert_eq!(house.run("mi login --key -").code, 0);
    house.variables.remove("MI_ENDPOINT");
    assert_eq!(house.run("mi whoami").code, 0, "the endpoint was stored, too");
}

#[test]
fn an_invited_person_comes_in_once() {
    let house = House::stranger(|asked, _| match asked.path.as_str() {
        "/auth/claim" if String::from_utf8_lossy(&asked.body).contains("bea") => {
            Reply::json(r#"{"key":"mi_good","userId":"5b7e3c1a-0000-4000-8000-000000000009","name":"bea"}"#)
        }
        "/auth/claim" => Reply::problem(400, "bad_name", "user name \"\" is not valid"),
        _ => who(asked),
    });
    assert_eq!(house.run("mi login --invite ABC234").code, 2);
    assert!(!house.config().exists());
    let said = house.run("mi login --invite ABC234 --name bea");
    assert!(said.code == 0 && said.err.contains("logged in"), "{}", said.err);
    assert_eq!(house.run("mi whoami").code, 0);
    let again = house.run("mi login --invite ABC234 --name bea");
    assert!(again.code == 2 && again.err.contains("the code is still good"), "{}", again.err);
}

#[test]
fn a_broken_config_is_named() {
    let house = House::new(|_, _| Reply::json("{}"));
    std::fs::create_dir_all(house.config().parent().unwrap()).unwrap();
    std::fs::write(house.config(), "{").unwrap();
    let said = house.run("mi colonies list");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("config.json is not valid"), "{}", said.err);
}

#[test]
fn a_key_on_an_open_wire_is_warned_about() {
    let mut house = House::new(|_, _| Reply::json("[]"));
    // TEST-NET-1 of RFC 5737 belongs to nobody; port 0 is refused before anything is sent.
    house.set("MI_ENDPOINT", "http://192.0.2.1:0");
    let said = house.run("mi colonies list");
    assert!(said.err.starts_with("warning: your key goes to http://192.0.2.1:0 unencrypted"), "{}", said.err);
}

#[test]
fn colonies_are_found_by_name_and_the_only_one_needs_none() {
    let mut house = House::new(|asked, _| {
        if asked.path.contains("/tasks") {
            Reply::json("[]")
        } else {
            Reply::json(format!("[{}]", office("My Colony")))
        }
    });
    house.variables.remove("MI_COLONY");
    for line in ["mi tasks list --json", r#"mi tasks list --json -c "My Colony""#] {
        assert_eq!(house.run(line).out, "[]\n");
    }
    let said = house.run("mi tasks list -c Other");
    assert_eq!((said.code, said.err.lines().next()), (3, Some("error: there is no colony named \"Other\"")));
    let house = House { server: House::new(|_, _| Reply::json("[]")).server, ..house };
    let mut house = house;
    let url = house.server.url();
    house.set("MI_ENDPOINT", &url);
    assert_eq!(house.run("mi tasks list").code, 3);
}

#[test]
fn several_colonies_need_a_name() {
    let mut house = House::new(|_, _| Reply::json(format!("[{},{}]", office("a"), office("a"))));
    house.variables.remove("MI_COLONY");
    assert_eq!(house.run("mi tasks list").code, 2);
    assert_eq!(house.run("mi tasks list -c a").code, 2);
}

#[test]
fn use_remembers_a_colony() {
    let mut house = House::new(|asked, _| {
        let list = asked.path.contains('?');
        Reply::json(if list { format!("[{}]", office("a")) } else { office("a") })
    });
    house.variables.remove("MI_COLONY");
    let said = house.run("mi use a");
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(std::fs::read_to_string(house.config()).unwrap().contains(OFFICE));
}

#[test]
fn json_is_what_the_api_said() {
    let odd = r#"{ "id" : 7,"unknown":[1,  2]}"#;
    let house = House::new(move |_, _| Reply::json(odd));
    for line in ["mi tasks get 7 --json", "mi --json colonies status", "mi agents get ada --json"] {
        assert_eq!(house.run(line), Said { code: 0, out: format!("{odd}\n"), err: String::new() }, "{line}");
    }
}

#[test]
fn tables_are_for_people() {
    let house = House::new(|asked, _| {
        let body = match asked.path.rsplit('/').next() {
            Some("tasks") => format!("[{},{}]", task(1, "running"), task(12, "queued")),
            Some("employees") => format!("[{}]", agent("ada")),
            _ => format!("[{}]", office("My Colony")),
        };
        Reply::json(body).with("x-total-count", "70")
    });
    check(
        &house,
        "mi tasks list",
        expect![[r#"
            ID  STATUS   TITLE      AGENT     KIND    PRIORITY  CREDITS  WHY
            1   running  Find bugs  reviewer  review  50        -        -
            12  queued   Find bugs  reviewer  review  50        -        -
            (2 of 70: --limit, --offset)
            --
            -- 0
        "#]],
    );
    check(
        &house,
        "mi agents list",
        expect![[r#"
            NAME  PHASE  TASK  ROLE     MODEL   HARNESS  CREDITS  LAST SEEN  MESSAGE
            ada   Idle   -     reviews  sonnet  native   -        -          waits for work
            (1 of 70: --limit, --offset)
            --
            -- 0
        "#]],
    );
    check(
        &house,
        "mi colonies list",
        expect![[r#"
            ID                                    NAME       ROLE  STATUS  CREATED
            5b7e3c1a-0000-4000-8000-000000000001  My Colony  -     active  2026-04-27 09:30:00
            (1 of 70: --limit, --offset)
            --
            -- 0
        "#]],
    );
}

fn detail(status: &str) -> String {
    let done = task(2, status)
        .replace(r#""result_summary":null"#, r#""result_summary":"2 bugs:\n- a race in Allow\n- a leak""#)
        .replace(r#""why":null"#, r#""why":{"code":"c","message":"waits\u001b[2J"}"#);
    let artifact = r#"{"id":1,"kind":"report","path":"reports/2.md","label":null,
        "sha256":"0123456789abcdef0123","size":2048,"state":"unchanged","created_by":"reviewer","created_at":"2026-04-27T09:31:00.000Z"}"#;
    let log = r#"{"id":1,"agent":"reviewer","event":null,"message":"reading","attempt":1,
        "created_at":"2026-04-27T09:30:30.000Z"}"#;
    let comment = r#"{"id":1,"agent":"owner","message":"look twice","created_at":"2026-04-27T09:30:10.000Z"}"#;
    format!(
        r#"{{"task":{done},"logs":[{log}],"comments":[{comment}],"subtasks":[{}],"artifacts":[{artifact}],
        "linkedMessages":[],"sessions":[]}}"#,
        task(3, "done")
    )
}

#[test]
fn a_task_is_shown_with_all_that_hangs_on_it() {
    let house = House::new(|_, _| Reply::json(detail("done")));
    check(
        &house,
        "mi tasks get 2",
        expect![[r#"
            #2 Find bugs
            status       done
            why          waits[2J
            kind         review
            priority     50
            assigned to  reviewer
            attempts     0 of 3
            created      2026-04-27 09:30:00 by owner

            result
            2 bugs:
            - a race in Allow
            - a leak

            subtasks
            ID  STATUS  TITLE      AGENT     KIND    PRIORITY  CREDITS  WHY
            3   done    Find bugs  reviewer  review  50        -        -

            artifacts
            PATH          KIND    SIZE      SHA256        NOW        BY        LABEL
            reports/2.md  report  2.00 KiB  0123456789ab  unchanged  reviewer  -

            comments
            2026-04-27 09:30:10  owner  look twice

            log
            2026-04-27 09:30:30  reviewer  reading
            --
            -- 0
        "#]],
    );
    check(
        &house,
        "mi tasks why 2",
        expect![[r#"
            #2 Find bugs: waits[2J
            --
            -- 0
        "#]],
    );
}

#[test]
fn watching_ends_with_the_task() {
    let standings = ["queued", "running", "running", "done"];
    let house = House::new(move |_, before| Reply::json(detail(standings[before.min(3)])));
    check(
        &house,
        "mi tasks watch 2",
        expect![[r#"
        2026-04-27 09:30:30  reviewer  reading
          3  done  Find bugs (reviewer)
        task 2 queued: waits[2J
        task 2 running: waits[2J
        task 2 done: waits[2J
        --
        -- 0
    "#]],
    );
    assert_eq!(house.server.asked().len(), 4);
    let house = House::new(|_, before| if before < 2 { Reply::hang_up() } else { Reply::json(detail("failed")) });
    let said = house.run("mi tasks watch 2");
    assert_eq!(said.code, 1);
    assert!(said.err.starts_with("error: task 2 failed"), "{}", said.err);
    let house = House::new(|_, _| Reply::json(detail("queued")));
    assert_eq!(house.run("mi tasks watch 2 --timeout 0").code, 1);
}

#[test]
fn logs_are_followed_until_the_agent_is_gone() {
    let line = |event: &str, id: &str, text: &str| {
        format!("event: {event}\nid: {id}\ndata: {{\"at\":\"then\",\"text\":\"{text}\"}}\n\n")
    };
    let house = House::new(move |asked, before| {
        let last = asked.header("last-event-id").unwrap_or("none").to_owned();
        match (before, last.as_str()) {
            // Broken off in the middle of a message, which is then told whole.
            (0, "none") => Reply::json(format!("retry: 1\n\n{}event: log\nid: 2\nda", line("log", "1", "a"))),
            (1, "1") => Reply::json(line("log", "2", "b") + &line("pod", "3", "up")),
            (2, "3") => Reply::hang_up(),
            (3, "3") => Reply::json(line("reset", "4", "")),
            (4, "4") => Reply::problem(404, "no_such_agent", "ada is gone"),
            unexpected => panic!("{unexpected:?}"),
        }
    });
    let said = house.run("mi logs ada -f --tail 9");
    assert_eq!((said.code, said.out.as_str()), (3, "then a\nthen b\npod  up\n"), "{}", said.err);
    assert!(said.err.starts_with("warning: some lines of the pod's log are gone"), "{}", said.err);
    assert!(house.server.asked()[0].path.ends_with("/employees/ada/logs?follow=true&tail=9"));
}

#[test]
fn files_go_up_and_come_down() {
    let stored = r#"{"name":"x.go","size":5,"modifiedAt":"2026-04-27T09:30:00.000Z","sha256":"0123456789abcdef"}"#;
    let house = House::new(move |asked, _| match asked.method.as_str() {
        "POST" => Reply::json(stored),
        _ if asked.path.ends_with("gone.md") => Reply::problem(404, "no_such_file", "no such file"),
        _ => Reply::json("hello"),
    });
    let place = house.home.path().join("x.go");
    std::fs::write(&place, "hello").unwrap();
    let line = |act: &str| format!("{act} {}", place.display());
    assert_eq!(house.run(&line("mi files push")).out, "x.go  5 B  sha256 0123456789ab\n");
    assert_eq!(house.run(&format!("{} --json", line("mi files push"))).out, format!("{stored}\n"));
    assert!(house.server.asked()[0].text().contains(r#"filename="x.go""#));
    house.run(&format!("{} --as src/y.go", line("mi files push")));
    assert!(house.server.asked()[2].text().contains(r#"filename="src/y.go""#));
    assert_eq!(house.run("mi files push /nonexistent/x").code, 1);

    let down = house.home.path().join("down.md");
    let said = house.run(&format!("mi files pull reports/2.md -o {}", down.display()));
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(&down).unwrap(), "hello");
    assert_eq!(house.run("mi files pull reports/2.md -o -").out, "hello");
    std::fs::write(&down, "old").unwrap();
    assert_eq!(house.run(&format!("mi files pull gone.md -o {}", down.display())).code, 3);
    assert_eq!(std::fs::read_to_string(&down).unwrap(), "old");
    let left: Vec<_> = std::fs::read_dir(house.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// A reader that has gone.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let house = House::new(|_, _| Reply::json("[]"));
    let world = World { stdout: Box::new(Gone), ..house.world() };
    assert_eq!(mi_cli::run(words("mi tasks list"), world, &Echo), 0);
}

#[test]
fn completions_know_every_command() {
    let house = House::stranger(|_, _| Reply::json("{}"));
    for shell in ["bash", "zsh", "fish"] {
        let said = house.run(&format!("mi completions {shell}"));
        assert_eq!(said.code, 0);
        assert!(said.out.contains("allow-upstream") && said.out.contains("assignedAgent"));
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let mut house = House::new(|_, _| Reply::problem(404, "no_such_task", "no"));
    let coloured = |house: &House| {
        let err = crate::house::Captured::default();
        let world = World { stderr: Box::new(err.clone()), stderr_is_terminal: true, ..house.world() };
        mi_cli::run(words("mi tasks get 7"), world, &Echo);
        err.text().contains('\u{1b}')
    };
    assert!(coloured(&house));
    house.set("NO_COLOR", "1");
    assert!(!coloured(&house));
}

#[test]
fn the_newest_events_are_shown_unless_a_place_is_named() {
    let house = House::new(|_, _| Reply::json("[]").with("x-total-count", "120"));
    for rest in ["", "--limit 20 --category task", "--limit 200", "--offset 0", "--since 7 --limit 5"] {
        let said = house.run(&format!("mi events {rest}"));
        assert_eq!(said.code, 0, "{}", said.err);
    }
    expect![[r#"
        GET /api/v1/offices/OFFICE/events?limit=1
        GET /api/v1/offices/OFFICE/events?limit=50&offset=70
        GET /api/v1/offices/OFFICE/events?category=task&limit=1
        GET /api/v1/offices/OFFICE/events?category=task&limit=20&offset=100
        GET /api/v1/offices/OFFICE/events?limit=1
        GET /api/v1/offices/OFFICE/events?limit=200
        GET /api/v1/offices/OFFICE/events?offset=0
        GET /api/v1/offices/OFFICE/events?since=7&limit=5
    "#]]
    .assert_eq(&house.asked());
}

#[test]
fn a_colony_goes_only_after_a_yes_on_a_terminal() {
    let delete = |line: &str, stderr_is_terminal, answer: &str| {
        let house = House::new(|_, _| Reply::empty(204));
        let stdin = Box::new(std::io::Cursor::new(answer.to_owned().into_bytes()));
        let world = World { stdin, stderr_is_terminal, ..house.world() };
        let code = mi_cli::run(words(&line.replace("ID", crate::house::OFFICE)), world, &Echo);
        (code, house.asked())
    };
    let gone = "DELETE /api/v1/offices/OFFICE\n".to_owned();
    assert_eq!(delete("mi colonies delete ID", true, "\n"), (1, String::new()));
    assert_eq!(delete("mi colonies delete ID", true, "y\n"), (0, gone.clone()));
    assert_eq!(delete("mi colonies delete ID --yes", true, ""), (0, gone.clone()));
    assert_eq!(delete("mi colonies delete ID", false, ""), (0, gone));
}

#[test]
fn acts_without_an_answer_say_so_to_people_only() {
    let house = House::new(|_, _| Reply::empty(204));
    check(
        &house,
        "mi agents fire ada",
        expect![[r#"
        --
        fired ada
        -- 0
    "#]],
    );
    check(
        &house,
        "mi agents fire ada --json",
        expect![[r#"
        --
        -- 0
    "#]],
    );
    check(
        &house,
        "mi tasks claim --agent ada",
        expect![[r#"
        no task is ready
        --
        -- 0
    "#]],
    );
}

#[test]
fn new_credentials_are_shown_once() {
    let house = House::new(|_, _| {
        Reply::json(r#"{"name":"ada","publicKey":"04ab","xmtpAddress":"0xcd","apiKey":"mia_secret"}"#)
    });
    check(
        &house,
        "mi agents rotate ada --public-key 04ab",
        expect![[r#"
            name        ada
            public key  04ab
            address     0xcd
            api key     mia_secret
            --
            ada has new credentials; the old ones are refused
            -- 0
        "#]],
    );
    house.run("mi agents rotate ada");
    expect![[r#"
        POST /api/v1/offices/OFFICE/employees/ada/credentials/rotate {"publicKey":"04ab"}
        POST /api/v1/offices/OFFICE/employees/ada/credentials/rotate {}
    "#]]
    .assert_eq(&house.asked());
}

fn audit_report(events: i64, rest: &str) -> String {
    format!(r#"{{"ok":true,"events":{events},"first_seq":1,"head":{{"seq":3,"mac":"aa"}}{rest}}}"#)
}

#[test]
fn a_record_is_verified_part_by_part() {
    let house = House::new(|asked, _| match asked.path.contains("after=2") {
        false => Reply::json(audit_report(2, r#","next":2"#)),
        true => Reply::json(audit_report(1, r#","published":{"seq":3,"published_at":"2026-04-27T09:30:00.000Z"}"#)),
    });
    let said = house.run("mi audit verify");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.contains("whole") && said.out.contains("3 (1 to 3)"), "{}", said.out);
    assert_eq!(
        house.asked(),
        "GET /api/v1/offices/OFFICE/audit/verify?most=20000\n\
         GET /api/v1/offices/OFFICE/audit/verify?after=2&most=20000\n"
    );
    let broken = r#"{"ok":false,"events":1,"first_seq":1,"head":{"seq":3,"mac":"aa"},
        "broken":{"seq":2,"kind":"altered","what":"event 2 was altered after it was written"}}"#;
    let house = House::new(move |_, _| Reply::json(broken));
    for line in ["mi audit verify", "mi --json audit verify"] {
        let said = house.run(line);
        assert_eq!(said.code, 1, "{line}");
        assert!(said.err.starts_with("error: the record is broken (altered): event 2 was altered"), "{}", said.err);
        assert_eq!(said.out.contains("\"kind\":\"altered\""), line.contains("--json"));
    }
}

#[test]
fn an_export_is_written_whole_and_checked_in_parts() {
    let line = |seq: i64| {
        format!(
            r#"{{"seq":{seq},"created_at":"2026-04-27T09:30:00.000Z","category":"task","type":"tasks.create",
"actor":"owner","task_id":1,"summary":"made","data":{{}},"prev":"","mac":"aa"}}"#
        )
        .replace('\n', "")
    };
    let lines: String = (1..=501).map(|seq| line(seq) + "\n").collect();
    let sent = lines.clone();
    let house = House::new(move |asked, _| match asked.method.as_str() {
        "GET" => Reply::json(sent.clone()),
        _ => {
            let part: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
            let events = part["events"].as_array().unwrap();
            let (count, last) = (events.len(), events[events.len() - 1]["seq"].clone());
            let first = events[0]["seq"].as_i64().unwrap();
            assert_eq!(
                part["after"]["seq"].as_i64().unwrap_or(if first > 500 { 0 } else { first - 1 }),
                first - 1,
                "each part begins where one ended"
            );
            Reply::json(format!(
                r#"{{"ok":true,"events":{count},"stored":{count},"first_seq":{first},"last":{{"seq":{last},"mac":"aa"}},
                    "head":{{"seq":501,"mac":"aa"}}}}"#
            ))
        }
    });
    let place = house.home.path().join("events.jsonl");
    let said = house.run(&format!("mi audit export -o {}", place.display()));
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(std::fs::read_to_string(&place).unwrap(), lines);
    assert_eq!(house.run("mi audit export").out, lines);
    let said = house.run(&format!("mi audit verify --file {}", place.display()));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("genuine and whole") && said.out.contains("1 to 501 of 1 to 501"), "{}", said.out);
    assert_eq!(house.server.asked().len(), 4);

    // What was cut off is not covered, and that is said.
    for (from, to, lacks) in [(1, 499, "500 to 501, behind"), (1, 501, "genuine and whole"), (3, 4, "1 to 2, before")] {
        std::fs::write(&place, (from..=to).map(|seq| line(seq) + "\n").collect::<String>()).unwrap();
        let said = house.run(&format!("mi audit verify --file {}", place.display()));
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains(&format!("{from} to {to} of 1 to 501")) && said.out.contains(lacks), "{}", said.out);
        assert_eq!(said.out.contains("whole"), to == 501, "{}", said.out);
    }
    let refused = [
        (String::new(), "holds no event"),
        (line(1).replace("\"summary\"", "\"approved\":true,\"summary\""), "unknown field `approved`"),
    ];
    for (text, told) in refused {
        std::fs::write(&place, text).unwrap();
        let said = house.run(&format!("mi audit verify --file {}", place.display()));
        assert_eq!(said.code, 1);
        assert!(said.err.contains(told) && !said.out.contains("genuine"), "{}", said.err);
    }
    std::fs::write(&place, "no event\n").unwrap();
    let said = house.run(&format!("mi audit verify --file {}", place.display()));
    assert_eq!(said.code, 1);
    assert!(said.err.contains("line 1 of"), "{}", said.err);
}

const HOOK: &str = r#"{"id":4,"url":"https://example.com/hook","events":["tasks.*"],"status":"active","cursor":9,
    "createdAt":"2026-04-27T09:30:00.000Z","secret":"whsec_00"}"#;

fn delivery(state: &str, rest: &str) -> String {
    format!(
        r#"{{"n":7,"delivery":"ab","type":"webhooks.test","cause":"test","state":"{state}","attempts":1,
        "createdAt":"2026-04-27T09:30:00.000Z"{rest}}}"#
    )
}

#[test]
fn webhooks_are_made_tried_and_removed() {
    let house = House::new(|asked, before| match (asked.method.as_str(), before) {
        ("POST", _) if asked.path.ends_with("/test") => Reply::json(delivery("pending", "")),
        ("POST", _) => Reply::json(HOOK),
        ("GET", n) if n < 4 => Reply::json(format!("[{}]", delivery("pending", ""))),
        ("GET", _) => Reply::json(format!("[{}]", delivery("delivered", r#","status":204,"durationMs":3"#))),
        _ => Reply::json(r#"{"ok":true}"#),
    });
    let said = house.run("mi webhooks add https://example.com/hook --event tasks.*,message");
    assert!(said.out.contains("whsec_00") && said.err.contains("mi webhooks test 4"), "{said:?}");
    let said = house.run("mi webhooks test 4");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("delivered") && said.out.contains("204"), "{}", said.out);
    assert_eq!(house.run("mi webhooks rm 4").err, "removed webhook 4\n");
    let asked = house.server.asked();
    assert_eq!(asked[0].text(), r#"{"url":"https://example.com/hook","events":["tasks.*","message"]}"#);
    assert_eq!(asked.last().unwrap().method, "DELETE");

    let refused = delivery("given_up", r#","status":500,"error":"the receiver answered 500""#);
    let house = House::new(move |asked, _| match asked.method.as_str() {
        "GET" => Reply::json(format!("[{refused}]")),
        _ => Reply::json(delivery("pending", "")),
    });
    for line in ["mi webhooks test 4", "mi webhooks redeliver 4 7"] {
        let said = house.run(line);
        assert_eq!(said.code, 1);
        assert!(said.err.starts_with("error: the delivery failed: the receiver answered 500"), "{}", said.err);
    }
    assert!(house.run("mi webhooks deliveries 4").out.contains("given_up"));
}

#[test]
fn events_are_listed_and_followed() {
    let event = |seq: i64| {
        format!(
            r#"{{"seq":{seq},"category":"task","type":"tasks.create","actor":"owner","task_id":1,"summary":"made {seq}","data":{{}},"created_at":"2026-04-27T09:30:00.000Z"}}"#
        )
    };
    let house = House::new(move |asked, before| match (asked.path.contains("stream"), before) {
        (false, _) => Reply::json(format!("[{}]", event(1))),
        (true, 2) => Reply::json(format!("id: 2\ndata: {}\n\n", event(2))),
        (true, _) => Reply::problem(403, "no_access", "it is somebody else's now"),
    });
    assert!(house.run("mi events --task 1").out.contains("made 1"));
    let said = house.run("mi events -f --since 1");
    assert_eq!(said.code, 4);
    assert!(said.out.ends_with("tasks.create      made 2\n"), "{}", said.out);
    assert_eq!(house.server.asked()[3].header("last-event-id"), Some("2"));
}

#[test]
fn amounts_below_nothing_are_named_as_such() {
    let house = House::new(|_, _| Reply::json("[]"));
    for (line, what) in [
        ("mi credits add --amount -5", "it is a number of credits above 0"),
        ("mi agents hire --name ada --budget -1", "it is a number of credits from 0 to"),
        ("mi agents update ada --budget-per-day -1", "it is a number of credits from 0 to"),
        ("mi tasks create --title a --budget 1e30", "it is a number of credits from 0 to"),
        ("mi tasks update 1 --budget -1", "it is a number of credits from 0 to"),
    ] {
        let said = house.run(line);
        assert_eq!(said.code, 2, "{line}");
        assert!(said.err.contains(what), "{line}: {}", said.err);
    }
    assert_eq!(house.asked(), "");
}

#[test]
fn a_call_without_an_answer_shows_what_became_of_it() {
    let call = |state: &str, status: i64| {
        format!(
            r#"{{"agent":"ada","session":1,"task_id":7,"provider":"anthropic","model":"m","input_tokens":1,
"cached_tokens":0,"output_tokens":0,"credits":0,"held":0,"uncollected":1.5,"estimated":false,"default_price":false,
"state":"{state}","status":{status},"created_at":"2026-04-27T09:30:00.000Z"}}"#
        )
    };
    let calls = format!("[{},{},{}]", call("failed", 0), call("lost", 0), call("settled", 200));
    let said = House::new(move |_, _| Reply::json(calls.clone())).run("mi usage --calls");
    assert!(said.out.contains("0 (+1.5 uncollected)"), "{}", said.out);
    let last = |line: &str| line.split_whitespace().next_back().unwrap_or_default().to_owned();
    let shown: Vec<String> = said.out.lines().map(last).collect();
    assert_eq!(shown, ["STATUS", "failed", "lost", "200"], "{}", said.out);
}

#[test]
fn usage_tells_models_and_pods_apart() {
    let house = House::new(|asked, _| {
        Reply::json(match asked.path.ends_with("/usage/llm/summary") {
            true => r#"{"total_tokens":1200,"total_cost":0.006,"total_credits":0.6,"agents":1}"#,
            false => r#"{"cpu_core_hours":2,"memory_gib_hours":8,"total_credits":1.85,"pods":1}"#,
        })
    });
    let said = house.run("mi usage");
    for line in ["0.6 credits (0.0060 USD)", "1.25 credits (2.0 core hours, 8.0 GiB hours)", "1.85 credits"] {
        assert!(said.out.contains(line), "{line}: {said:?}");
    }
}

#[test]
fn two_signs_begin_a_text_that_begins_with_one() {
    let house = House::new(|_, _| Reply::json(crate::house::task(1, "queued")));
    house.run(r#"mi tasks create --title a --description "@@ben knows it""#);
    assert!(house.asked().contains(r#""description":"@ben knows it""#), "{}", house.asked());
    let said = house.run("mi tasks create --title a --description @/nowhere/at-all");
    assert!(said.err.contains("/nowhere/at-all can't be read"), "{}", said.err);
}
