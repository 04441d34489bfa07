//! `mi chat`: with one agent, with everybody, and what was said.

use expect_test::{Expect, expect};

use crate::house::fake::Reply;
use crate::house::{House, OFFICE};

const SAID: &str = r#"[{"id":4,"from_agent":"owner","to_agent":"ada","body":"Hello","created_at":1767225600000},
{"id":5,"from_agent":"ada","to_agent":"owner","body":"Yes?\u001b[2J","created_at":1767225661000}]"#;

fn check(line: &str, expect: Expect) {
    let house = House::new(|_, _| Reply::json("[]"));
    house.run(&format!("{} --json", line.replace("ID", OFFICE)));
    expect.assert_eq(&house.asked());
}

#[test]
fn words_reach_whom_they_are_for() {
    check(
        r#"mi chat --colony ID ada "Hello""#,
        expect![[r#"
            POST /api/v1/offices/OFFICE/messages/send {"to":"ada","content":"Hello"}
        "#]],
    );
    check(
        r#"mi chat --group "Hello all""#,
        expect![[r#"
            POST /api/v1/offices/OFFICE/xmtp/groups/office/send {"body":"Hello all"}
        "#]],
    );
    check(
        r#"mi chat --group "@ben""#,
        expect![[r#"
            POST /api/v1/offices/OFFICE/xmtp/groups/office/send {"body":"@ben"}
        "#]],
    );
    check(
        "mi chat ada",
        expect![[r#"
            GET /api/v1/offices/OFFICE/xmtp/messages/owner/ada?limit=20
            GET /api/v1/offices/OFFICE/employees/ada
        "#]],
    );
    check(
        "mi chat --group --limit 5",
        expect![[r#"
            GET /api/v1/offices/OFFICE/xmtp/groups/office/messages?limit=5
        "#]],
    );
    check(
        "mi chat",
        expect![[r#"
            GET /api/v1/offices/OFFICE/xmtp/conversations
        "#]],
    );
}

#[test]
fn people_see_who_said_what() {
    let house = House::new(|_, _| Reply::json(SAID));
    let expected = "2026-01-01 00:00:00  owner to ada  Hello\n2026-01-01 00:01:01  ada to owner  Yes?[2J\n";
    assert_eq!(house.run("mi chat ada").out, expected);
}

#[test]
fn following_shows_each_message_once() {
    // The third look fails, so that following ends.
    let house = House::new(|_, n| match n {
        0 => Reply::json(SAID.split_once(",\n").unwrap().0.to_owned() + "]"),
        1 => Reply::json(SAID),
        _ => Reply::problem(401, "key_revoked", "this key was revoked"),
    });
    let said = house.run("mi chat ada -f");
    assert_eq!(said.code, 4);
    assert_eq!(said.out.matches("Hello").count(), 1, "{}", said.out);
    assert_eq!(said.out.matches("Yes?").count(), 1, "{}", said.out);
}

#[test]
fn the_group_has_no_name() {
    let house = House::new(|_, _| Reply::json("[]"));
    let said = house.run("mi chat --group ada Hello");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("put the text in quotes"), "{}", said.err);
}

#[test]
fn where_nothing_was_said_there_has_to_be_somebody() {
    let house = House::new(|asked, _| match asked.path.split('/').next_back() {
        Some("nobody") if !asked.path.contains("/messages/") => {
            Reply::problem(404, "no_such_agent", "there is no agent nobody")
        }
        _ => Reply::json("[]"),
    });
    let said = house.run("mi chat nobody");
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("there is no agent nobody"), "{}", said.err);
}
