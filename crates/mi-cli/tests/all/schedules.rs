//! Schedules, times of tasks and given keys, as the command line asks and tells.

use crate::house::fake::Reply;
use crate::house::{House, OFFICE};
use expect_test::{Expect, expect};

const NIGHTLY: &str = r##"{"id":12,"name":"nightly","cron":"0 3 * * *","timezone":"Europe/Berlin",
    "task":{"title":"Audit {date}","kind":"review","assignedAgent":"ada"},"deadlineSeconds":7200,"catchUp":"one",
    "overlap":"skip","paused":false,"nextAt":"2026-04-28T01:00:00.000Z","runs":3,"lastRunAt":"2026-04-27T01:00:00.000Z",
    "lastTask":9,"lastOutcome":"skipped","lastError":"task 9 of the last run is still running",
    "createdAt":"2026-04-01T09:30:00.000Z","updatedAt":"2026-04-01T09:30:00.000Z"}"##;

/// What the server is asked.
fn asks(line: &str, expect: Expect) {
    let house = House::new(|asked, _| match asked.header("authorization") {
        Some("Bearer mi_key") => Reply::json("[]"),
        _ => Reply::problem(401, "unauthorized", "that isn't the key"),
    });
    let said = house.run(&format!("{line} --json"));
    expect.assert_eq(&format!("{}{}", said.err, house.asked()));
}

/// What people are told.
fn tells(line: &str, answer: &'static str, expect: Expect) {
    let said = House::new(move |_, _| Reply::json(answer)).run(line);
    assert_eq!(said.code, 0, "{}", said.err);
    expect.assert_eq(&format!("{}{}", said.out, said.err));
}

#[test]
fn every_act_of_schedules_asks_for_what_it_says() {
    asks(
        r#"mi schedules add nightly "0 3 * * *" --title "Audit {date}" --timezone Europe/Berlin --catch-up all --overlap allow --deadline-after 2h --kind review --assignedAgent ada"#,
        expect![[r#"
            POST /api/v1/offices/OFFICE/schedules {"name":"nightly","cron":"0 3 * * *","timezone":"Europe/Berlin","task":{"title":"Audit {date}","kind":"review","assignedAgent":"ada"},"deadlineSeconds":7200,"catchUp":"all","overlap":"allow"}
        "#]],
    );
    asks(
        r#"mi schedules edit nightly --cron "every 15m" --title "Look""#,
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/schedules/nightly {"cron":"every 15m","task":{"title":"Look"}}
    "#]],
    );
    asks(
        "mi schedules edit nightly --priority 10 --no-deadline",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/schedules/nightly {"task":{"priority":10},"deadlineSeconds":0}
    "#]],
    );
    asks(
        "mi schedules pause nightly",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/schedules/nightly {"paused":true}
    "#]],
    );
    asks(
        "mi schedules resume nightly",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/schedules/nightly {"paused":false}
    "#]],
    );
    asks(
        "mi schedules run nightly",
        expect![[r#"
        POST /api/v1/offices/OFFICE/schedules/nightly/run
    "#]],
    );
    asks(
        "mi schedules next nightly -n 3",
        expect![[r#"
        GET /api/v1/offices/OFFICE/schedules/nightly/next?n=3
    "#]],
    );
    asks(
        "mi schedules list --limit 2",
        expect![[r#"
        GET /api/v1/offices/OFFICE/schedules?limit=2
    "#]],
    );
    asks(
        &format!("mi schedules get {OFFICE} nightly"),
        expect![[r#"
        GET /api/v1/offices/OFFICE/schedules/nightly
    "#]],
    );
    asks(
        "mi schedules rm nightly",
        expect![[r#"
        DELETE /api/v1/offices/OFFICE/schedules/nightly
    "#]],
    );
    asks(
        r#"mi schedules add Big "@daily" --title t"#,
        expect![[r#"
        error: invalid value 'Big' for '<NAME>': schedule name "Big" is not valid: lower-case letters, digits and dashes, 1 to 63 of them, not starting with a dash, not only digits

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn people_see_when_a_schedule_is_due_and_what_became_of_it() {
    tells(
        "mi schedules get nightly",
        NIGHTLY,
        expect![[r#"
        name         nightly
        when         0 3 * * *
        timezone     Europe/Berlin
        next (UTC)   2026-04-28 01:00:00
        missed runs  catch up: one
        overlap      skip
        task         Audit {date}
        kind         review
        assigned to  ada
        deadline     2 h after each moment
        last due     2026-04-27 01:00:00
        runs         3
        last         skipped: task 9 of the last run is still running
        created      2026-04-01 09:30:00
    "#]],
    );
    tells(
        "mi schedules pause nightly",
        NIGHTLY,
        expect![[r#"
        nightly  0 3 * * *  next 2026-04-28 01:00:00 UTC
    "#]],
    );
    let list: &'static str = format!("[{NIGHTLY}]").leak();
    tells(
        "mi schedules list",
        list,
        expect![[r#"
        NAME     WHEN       TIMEZONE       NEXT (UTC)           TASK          RUNS  LAST
        nightly  0 3 * * *  Europe/Berlin  2026-04-28 01:00:00  Audit {date}  3     skipped: task 9 of the last run is still running
    "#]],
    );
    let moments = r#"[{"at":"2026-03-29T01:00:00.000Z","local":"2026-03-29T03:00:00+02:00"}]"#;
    tells(
        "mi schedules next nightly",
        moments,
        expect![[r#"
        UTC                  LOCAL
        2026-03-29 01:00:00  2026-03-29T03:00:00+02:00
    "#]],
    );
}

#[test]
fn tasks_have_a_beginning_and_a_deadline() {
    asks(
        r#"mi tasks create --title t --not-before 2026-04-27T11:30:00+02:00 --deadline +2h"#,
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks {"title":"t","notBefore":"2026-04-27T09:30:00.000Z","deadline":"+7200s"}
    "#]],
    );
    asks(
        "mi tasks update 7 --not-before never --deadline never",
        expect![[r#"
            PATCH /api/v1/offices/OFFICE/tasks/7 {"notBefore":"","deadline":""}
        "#]],
    );
    asks(
        "mi tasks list --late",
        expect![[r#"
        GET /api/v1/offices/OFFICE/tasks?late=true
    "#]],
    );
    asks(
        "mi tasks create --title t --deadline soon",
        expect![[r#"
        error: invalid value 'soon' for '--deadline <TIME|+LENGTH>': it is a time such as 2026-04-27T09:30:00Z, a length from now such as +2h, or never

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_given_key_goes_with_every_write() {
    let house = House::new(|_, _| Reply::json("{}"));
    assert_eq!(house.run("mi env set A=1 B=2 --agent ada --idempotency-key deploy-7").code, 0);
    let asked = house.server.asked();
    let keys: Vec<Option<&str>> = asked.iter().map(|asked| asked.header("idempotency-key")).collect();
    assert_eq!(keys, [Some("deploy-7"), Some("deploy-7.2")]);
    assert_eq!(house.run(r#"mi tasks list --idempotency-key "a b""#).code, 2);
}
