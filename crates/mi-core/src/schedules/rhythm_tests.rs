use expect_test::{Expect, expect};

use super::*;

fn calendar(rhythm: &str, zone: &str) -> Calendar {
    let anchor = Time::parse("2026-01-01T00:10:00Z").unwrap();
    Calendar { rhythm: rhythm.parse().unwrap(), zone: Zone::parse(zone).unwrap(), anchor }
}

/// The next moments, as clocks show them there.
fn check(rhythm: &str, zone: &str, after: &str, count: usize, expect: Expect) {
    let calendar = calendar(rhythm, zone);
    let first = calendar.next(Time::parse(after).unwrap());
    let moments = std::iter::successors(first, |at| calendar.next(*at)).take(count);
    let lines: Vec<String> = moments.map(|at| calendar.zone.local(at)).collect();
    expect.assert_eq(&lines.join("\n"));
}

#[test]
fn a_time_of_day_that_is_left_out_comes_with_the_change_of_the_clocks() {
    check(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-03-27T12:00:00Z",
        3,
        expect![[r#"
        2026-03-28T02:30:00+01:00
        2026-03-29T03:00:00+02:00
        2026-03-30T02:30:00+02:00"#]],
    );
    check(
        "30 2 * * *",
        "America/New_York",
        "2026-03-07T00:00:00Z",
        3,
        expect![[r#"
        2026-03-07T02:30:00-05:00
        2026-03-08T03:00:00-04:00
        2026-03-09T02:30:00-04:00"#]],
    );
    // Several in the missing hour are one; and the one at its end is that same moment.
    check(
        "0,20,40 2,3 * * *",
        "Europe/Berlin",
        "2026-03-29T00:00:00Z",
        4,
        expect![[r#"
        2026-03-29T03:00:00+02:00
        2026-03-29T03:20:00+02:00
        2026-03-29T03:40:00+02:00
        2026-03-30T02:00:00+02:00"#]],
    );
}

#[test]
fn a_time_of_day_that_is_repeated_counts_once() {
    check(
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00Z",
        2,
        expect![[r#"
        2026-10-25T02:30:00+02:00
        2026-10-26T02:30:00+01:00"#]],
    );
    check(
        "30 1 * * *",
        "America/New_York",
        "2026-11-01T00:00:00Z",
        2,
        expect![[r#"
        2026-11-01T01:30:00-04:00
        2026-11-02T01:30:00-05:00"#]],
    );
    // Asked in the second 2:15, the 2:30 that follows has had its turn.
    check("30 2 * * *", "Europe/Berlin", "2026-10-25T01:15:00Z", 1, expect!["2026-10-26T02:30:00+01:00"]);
}

#[test]
fn what_runs_every_hour_follows_the_hours_that_pass() {
    check(
        "30 * * * *",
        "Europe/Berlin",
        "2026-03-29T00:00:00Z",
        3,
        expect![[r#"
        2026-03-29T01:30:00+01:00
        2026-03-29T03:30:00+02:00
        2026-03-29T04:30:00+02:00"#]],
    );
    check(
        "*/30 * * * *",
        "America/New_York",
        "2026-11-01T05:15:00Z",
        5,
        expect![[r#"
        2026-11-01T01:30:00-04:00
        2026-11-01T01:00:00-05:00
        2026-11-01T01:30:00-05:00
        2026-11-01T02:00:00-05:00
        2026-11-01T02:30:00-05:00"#]],
    );
    check(
        "@hourly",
        "Australia/Lord_Howe",
        "2026-04-04T13:30:00Z",
        3,
        expect![[r#"
        2026-04-05T01:00:00+11:00
        2026-04-05T02:00:00+10:30
        2026-04-05T03:00:00+10:30"#]],
    );
}

#[test]
fn fields_are_joined_as_in_a_crontab() {
    check(
        "0 9 13 * fri",
        "UTC",
        "2026-02-01T00:00:00Z",
        5,
        expect![[r#"
        2026-02-06T09:00:00+00:00
        2026-02-13T09:00:00+00:00
        2026-02-20T09:00:00+00:00
        2026-02-27T09:00:00+00:00
        2026-03-06T09:00:00+00:00"#]],
    );
    check(
        "0 9 */2 * mon",
        "UTC",
        "2026-02-01T00:00:00Z",
        2,
        expect![[r#"
        2026-02-09T09:00:00+00:00
        2026-02-23T09:00:00+00:00"#]],
    );
    check(
        "59 23 31 dec *",
        "UTC",
        "2026-02-01T00:00:00Z",
        2,
        expect![[r#"
        2026-12-31T23:59:00+00:00
        2027-12-31T23:59:00+00:00"#]],
    );
    check("0 0 29 2 *", "UTC", "2097-01-01T00:00:00Z", 1, expect!["2104-02-29T00:00:00+00:00"]);
    check(
        "5/20 8-9 * * sat-sun",
        "UTC",
        "2026-01-01T00:00:00Z",
        3,
        expect![[r#"
        2026-01-03T08:05:00+00:00
        2026-01-03T08:25:00+00:00
        2026-01-03T08:45:00+00:00"#]],
    );
    check("0 12 * * 7", "UTC", "2026-01-01T00:00:00Z", 1, expect!["2026-01-04T12:00:00+00:00"]);
    check("@weekly", "UTC", "2026-01-01T00:00:00Z", 1, expect!["2026-01-04T00:00:00+00:00"]);
    check("@monthly", "Asia/Tokyo", "2026-01-31T15:00:00Z", 1, expect!["2026-03-01T00:00:00+09:00"]);
    assert_eq!(calendar("0 0 30 2 *", "UTC").next(Time(0)), None);
}

#[test]
fn every_so_often_counts_from_its_anchor() {
    check(
        "every 45m",
        "Europe/Berlin",
        "2026-01-01T00:10:00Z",
        2,
        expect![[r#"
        2026-01-01T01:55:00+01:00
        2026-01-01T02:40:00+01:00"#]],
    );
    check("every 1d", "UTC", "2025-12-01T00:00:00Z", 1, expect!["2025-12-01T00:10:00+00:00"]);
}

#[test]
fn what_is_wrong_is_named_with_an_example() {
    let mut said = String::new();
    for text in [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "0 25 * * *",
        "0 9 0 * *",
        "0 9 * 13 *",
        "0 9 * * mo",
        "0 9 * * 5-3",
        "*/0 * * * *",
        "a * * * *",
        "1, * * * *",
        "@fortnightly",
        "every 30s",
        "every now and then",
        "0 9 L * *",
    ] {
        said += &format!("{text}: {}\n", text.parse::<Rhythm>().unwrap_err());
    }
    expect![[r#"
        : "" has 0 fields, not the five minute, hour, day of the month, month, day of the week; for example "0 9 * * mon-fri" is 9:00 from Monday to Friday
        * * * *: "* * * *" has 4 fields, not the five minute, hour, day of the month, month, day of the week; for example "0 9 * * mon-fri" is 9:00 from Monday to Friday
        * * * * * *: "* * * * * *" has 6 fields, not the five minute, hour, day of the month, month, day of the week; for example "0 9 * * mon-fri" is 9:00 from Monday to Friday
        60 * * * *: the minute: "60" is not a number from 0 to 59; for example "*/15 * * * *" is every quarter of an hour
        0 25 * * *: the hour: "25" is not a number from 0 to 23; for example "30 9 * * *" is 9:30 every day
        0 9 0 * *: the day of the month: "0" is not a number from 1 to 31; for example "0 9 1,15 * *" is 9:00 on the 1st and the 15th
        0 9 * 13 *: the month: "13" is neither 1 to 12 nor jan to dec; for example "0 9 1 jan,jul *" is 9:00 on 1 January and 1 July
        0 9 * * mo: the day of the week: "mo" is neither 0 to 7 nor sun to sat; for example "0 9 * * mon-fri" is 9:00 from Monday to Friday
        0 9 * * 5-3: the day of the week: "5-3" runs backwards; for example "0 9 * * mon-fri" is 9:00 from Monday to Friday
        */0 * * * *: the minute: "0" is no step: a whole number from 1 on; for example "*/15 * * * *" is every quarter of an hour
        a * * * *: the minute: "a" is not a number from 0 to 59; for example "*/15 * * * *" is every quarter of an hour
        1, * * * *: the minute: "" is not a number from 0 to 59; for example "*/15 * * * *" is every quarter of an hour
        @fortnightly: "@fortnightly" is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually; for example "@daily" is every midnight
        every 30s: "30s" is shorter than a minute; for example "every 15m" or "every 1h30m"
        every now and then: "now and then" is no length of time; for example "every 15m" or "every 1h30m"
        0 9 L * *: the day of the month: "L" is not a number from 1 to 31; for example "0 9 1,15 * *" is 9:00 on the 1st and the 15th
    "#]]
    .assert_eq(&said);
}

#[test]
fn zones_are_known_by_their_names() {
    assert_eq!(Zone::parse("europe/berlin").unwrap().name(), "Europe/Berlin");
    for bad in ["Mars/Olympus", "", "+02:00", "CANARY"] {
        assert!(Zone::parse(bad).is_err(), "{bad}");
    }
}
