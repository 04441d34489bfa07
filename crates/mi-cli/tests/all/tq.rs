//! `tq` in a pod: in the agent's name, for its task, under its claim.

use crate::house::fake::Reply;
use crate::house::{House, OFFICE, task};
use expect_test::{Expect, expect};

fn pod() -> House {
    let mut house = House::stranger(|_, _| Reply::json("[]"));
    for (name, value) in [
        ("MI_API_KEY", "mis_session"),
        ("MI_OFFICE", OFFICE),
        ("MI_AGENT", "reviewer"),
        ("MI_SESSION", "42"),
        ("MI_TASK", "7"),
        ("MI_ATTEMPT", "1"),
        ("MI_CLAIM", "42"),
    ] {
        house.set(name, value);
    }
    house.stdin = "from stdin".to_owned();
    house
}

fn check(line: &str, expect: Expect) {
    let house = pod();
    house.run(&format!("{line} --json"));
    expect.assert_eq(&house.asked());
    assert!(house.server.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer mis_session")));
}

#[test]
fn acts_are_about_the_task_at_hand() {
    check(
        "tq show",
        expect![[r#"
        GET /api/v1/offices/OFFICE/tasks/7
    "#]],
    );
    check(
        "tq done fine",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/tasks/7 {"status":"done","result":"fine"}
    "#]],
    );
    check(
        "tq done \"- one\n- two\"",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/tasks/7 {"status":"done","result":"- one\n- two"}
    "#]],
    );
    check(
        "tq done -",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/tasks/7 {"status":"done","result":"from stdin"}
    "#]],
    );
    check(
        "tq update --status failed --error broken",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/tasks/7 {"status":"failed","error":"broken"}
    "#]],
    );
    check(
        "tq update 8 --status done --result-file -",
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/tasks/8 {"status":"done","result":"from stdin"}
    "#]],
    );
    check(
        r#"tq log "half way""#,
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/7/log {"message":"half way"}
    "#]],
    );
    check(
        "tq comment 8 why",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/8/comments {"agent":"reviewer","message":"why"}
    "#]],
    );
    check(
        "tq artifact /shared/files/reports/7.md --kind report --label Bugs",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/7/artifacts {"kind":"report","path":"reports/7.md","label":"Bugs"}
    "#]],
    );
    check(
        r#"tq subtask "look closer" --assigned-agent ada"#,
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks {"title":"look closer","assignedAgent":"ada","parentId":7}
    "#]],
    );
}

#[test]
fn the_rest_of_the_office_is_there_too() {
    check(
        "mi tq list --status queued,running",
        expect![[r#"
        GET /api/v1/offices/OFFICE/tasks?status=queued%2Crunning
    "#]],
    );
    check(
        "/opt/bin/tq mine",
        expect![[r#"
        GET /api/v1/offices/OFFICE/tasks?assignedAgent=reviewer
    "#]],
    );
    check(
        "tq add title --kind code",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks {"title":"title","kind":"code"}
    "#]],
    );
    check(
        "tq claim",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/claim {"agent":"reviewer"}
    "#]],
    );
    check(
        "tq agents",
        expect![[r#"
        GET /api/v1/offices/OFFICE/employees
    "#]],
    );
    check(
        "tq hire helper --role tests",
        expect![[r#"
        POST /api/v1/offices/OFFICE/employees {"name":"helper","role":"tests"}
    "#]],
    );
    check(
        r#"tq send ada "please look""#,
        expect![[r#"
        POST /api/v1/offices/OFFICE/messages/send {"to":"ada","content":"please look"}
    "#]],
    );
    check(
        "tq inbox ada",
        expect![[r#"
        GET /api/v1/offices/OFFICE/xmtp/messages/reviewer/ada
    "#]],
    );
}

#[test]
fn colleagues_are_asked_and_judged() {
    check(
        "tq inbox",
        expect![[r#"
        GET /api/v1/offices/OFFICE/inbox
    "#]],
    );
    check(
        r#"tq group "@ada look""#,
        expect![[r#"
        POST /api/v1/offices/OFFICE/xmtp/groups/office/send {"body":"@ada look"}
    "#]],
    );
    check(
        "tq retry 9 --reason again",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/9/retry {"reason":"again"}
    "#]],
    );
    check(
        "tq verify 9 --reject --comments thin",
        expect![[r#"
        POST /api/v1/offices/OFFICE/tasks/9/verify {"accepted":false,"comments":"thin"}
    "#]],
    );
    check(
        "tq why",
        expect![[r#"
        GET /api/v1/offices/OFFICE/tasks/7
    "#]],
    );
    check(
        "tq files reports/",
        expect![[r#"
        GET /api/v1/offices/OFFICE/files?prefix=reports%2F
    "#]],
    );
    check(
        "tq integrations",
        expect![[r#"
        GET /api/v1/offices/OFFICE/employees/reviewer/integrations
    "#]],
    );
    check(
        r#"tq request github --reason "to push""#,
        expect![[r#"
        POST /api/v1/offices/OFFICE/integration-requests {"integrationId":"github","agentName":"reviewer","reason":"to push"}
    "#]],
    );
    check(
        r#"tq release 9 --reason "the parts come first""#,
        expect![[r#"
        PATCH /api/v1/offices/OFFICE/tasks/9 {"status":"queued","reason":"the parts come first"}
    "#]],
    );
    check(
        r#"tq standup "- did one""#,
        expect![[r#"
        POST /api/v1/offices/OFFICE/employees/reviewer/events {"type":"standup","message":"- did one"}
    "#]],
    );
}

#[test]
fn what_needs_a_verdict_or_a_reason_says_so() {
    let house = pod();
    for line in
        ["tq verify 9", "tq verify 9 --accept --reject", "tq verify 9 --reject", "tq request github", "tq retry"]
    {
        assert_eq!(house.run(line).code, 2, "{line}");
    }
    assert_eq!(house.asked(), "");
}

#[test]
fn writes_carry_the_claim_and_a_new_claim_does_not() {
    let house = pod();
    house.run("tq log x");
    house.run("tq claim 8");
    let claims: Vec<Option<String>> =
        house.server.asked().iter().map(|asked| asked.header("x-mi-claim").map(str::to_owned)).collect();
    assert_eq!(claims, [Some("42".to_owned()), None]);
}

#[test]
fn a_lost_claim_says_stop() {
    let mut house = House::new(|_, _| Reply::problem(409, "stale_claim", "the claim is over"));
    house.set("MI_TASK", "7");
    let said = house.run("tq log x");
    assert_eq!(said.code, 5);
    assert!(said.err.contains("stop working on it"), "{}", said.err);
}

#[test]
fn without_a_task_it_must_be_named() {
    let mut house = pod();
    house.variables.remove("MI_TASK");
    assert_eq!(house.run("tq log x").code, 2);
    assert_eq!(house.run("tq log seven x").code, 2);
    house.set("MI_CLAIM", "x");
    assert_eq!(house.run("tq list").code, 2);
}

#[test]
fn people_can_read_it() {
    let house = House { server: House::new(|_, _| Reply::json(task(7, "done"))).server, ..pod() };
    let mut house = house;
    let url = house.server.url();
    house.set("MI_ENDPOINT", &url);
    assert_eq!(house.run("tq done fine").out, "7  done  Find bugs (reviewer)\n");
}
