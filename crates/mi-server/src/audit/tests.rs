//! The audit through its routes, on records that somebody tampered with.

use mi_core::ids::OfficeId;
use mi_core::time::Millis;
use serde_json::{Value, json};

use super::heads;
use super::sweep::{PRUNE_MS, PUBLISH_MS};
use crate::events::chain::store as chain;
use crate::infra::db::{DbError, Tx};
use crate::testing::{TestHouse, TestOffice};

/// A house with one office, in which so many tasks were made.
async fn busy_office(house: &TestHouse, tasks: usize) -> TestOffice<'_> {
    let office = house.office().await;
    for n in 0..tasks {
        office.task(json!({"title": format!("task {n}")})).await;
    }
    office
}

async fn verify(office: &TestOffice<'_>, query: &str) -> Value {
    office.call("GET", &format!("/audit/verify{query}"), Value::Null).await.ok()
}

/// Kind and place of what is broken.
fn broken(report: &Value) -> (bool, String, i64) {
    let broken = &report["broken"];
    let kind = broken["kind"].as_str().unwrap_or_default().to_owned();
    (report["ok"].as_bool().unwrap(), kind, broken["seq"].as_i64().unwrap_or(0))
}

async fn tamper(
    office: &TestOffice<'_>,
    how: impl Fn(&mut dyn Tx, OfficeId) -> Result<(), DbError> + Send + 'static,
) -> Value {
    let id = office.id;
    office.house.house.db.write(move |tx| Ok(how(tx, id)?)).await.unwrap();
    verify(office, "").await
}

/// Offices with a broken record can't be closed in the usual way.
async fn drop_office(house: &TestHouse, office: &TestOffice<'_>) {
    tamper(office, chain::lose_beyond).await;
    house.call("DELETE", &office.path(""), Value::Null).await.ok();
}

#[tokio::test]
async fn a_whole_record_is_said_to_be_whole() {
    let house = TestHouse::new().await;
    let office = busy_office(&house, 3).await;
    let report = verify(&office, "").await;
    let head = report["head"].clone();
    let events = head["seq"].as_i64().unwrap();
    assert_eq!(report, json!({"ok": true, "events": events, "first_seq": 1, "head": head}));
    house.advance(PUBLISH_MS).await;
    let published = verify(&office, "").await["published"].clone();
    assert_eq!(published["seq"], json!(events));
    let stranger = house.key_of(house.stranger().await, crate::testing::KeyState::Good).await;
    for (method, path) in [("GET", "/audit/verify"), ("GET", "/audit/export"), ("POST", "/audit/check")] {
        let asked = office.call_as(&house.as_key(&stranger), method, path, json!({"events": []})).await;
        assert_eq!(asked.refused(), (403, "no_access".to_owned()), "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn parts_add_up_to_the_whole() {
    let house = TestHouse::new().await;
    let office = busy_office(&house, 5).await;
    let whole = verify(&office, "").await["events"].as_i64().unwrap();
    let (mut after, mut events) = (0, 0);
    loop {
        let part = verify(&office, &format!("?after={after}&most=2")).await;
        assert_eq!(part["ok"], json!(true));
        events += part["events"].as_i64().unwrap();
        match part["next"].as_i64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(events, whole);
    let lost = office.call("GET", "/audit/verify?after=999", Value::Null).await;
    assert_eq!(lost.refused(), (400, "bad_request".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn every_way_to_tamper_has_its_name() {
    type How = fn(&mut dyn Tx, OfficeId) -> Result<(), DbError>;
    let ways: [(&str, i64, How); 14] = [
        ("altered", 2, |tx, office| chain::forge_summary(tx, office, 2, "nothing happened")),
        ("altered", 2, |tx, office| chain::fill_what_is_absent(tx, office, 2, "agent")),
        ("altered", 1, |tx, office| chain::fill_what_is_absent(tx, office, 1, "task_id")),
        ("missing", 3, |tx, office| chain::lose(tx, office, 3)),
        ("missing", 1, |tx, office| chain::lose(tx, office, 1)),
        ("reordered", 2, |tx, office| chain::swap(tx, office, 2, 4)),
        ("cut_off", 5, |tx, office| chain::lose(tx, office, 5)),
        ("beyond", 6, |tx, office| chain::copy(tx, office, 5, 6)),
        ("beyond", i64::MAX, |tx, office| chain::copy(tx, office, 5, i64::MAX)),
        ("beyond", 0, |tx, office| chain::copy(tx, office, 5, 0)),
        ("cut_off", 5, |tx, office| {
            chain::copy(tx, office, 5, 6)?;
            chain::lose(tx, office, 5)
        }),
        ("altered", 3, |tx, office| chain::spoil(tx, office, 3, "data")),
        ("altered", 3, |tx, office| chain::spoil(tx, office, 3, "far")),
        ("altered", 3, |tx, office| chain::spoil(tx, office, 3, "task")),
    ];
    let house = TestHouse::new().await;
    for (kind, seq, how) in ways {
        let office = busy_office(&house, 4).await;
        assert_eq!(verify(&office, "").await["head"]["seq"], json!(5));
        let report = tamper(&office, how).await;
        assert_eq!(broken(&report), (false, kind.to_owned(), seq), "{report}");
        drop_office(&house, &office).await;
    }
    house.close().await;
}

/// What the lists and streams of the office show: number and type.
async fn listed(office: &TestOffice<'_>) -> Vec<(i64, String)> {
    let events = office.call("GET", "/events", Value::Null).await.ok();
    let shown = |event: &Value| (event["seq"].as_i64().unwrap(), event["type"].as_str().unwrap().to_owned());
    events.as_array().unwrap().iter().map(shown).collect()
}

#[tokio::test]
async fn what_stands_beyond_the_end_is_shown_nowhere() {
    let house = TestHouse::new().await;
    let office = busy_office(&house, 4).await;
    let before = listed(&office).await;
    for at in [i64::MAX, 6] {
        tamper(&office, move |tx, office| chain::copy(tx, office, 5, at)).await;
        assert_eq!(listed(&office).await, before);
        let counted = office.call("GET", "/events?limit=1", Value::Null).await;
        assert_eq!(counted.header("x-total-count"), Some("5"));
        assert_eq!(export(&office).await.len(), 5);
    }
    // The place of the next event is taken: nothing is done that couldn't be recorded.
    let refused = office.call("POST", "/tasks", json!({"title": "one more"})).await;
    assert_eq!((refused.status, refused.json["code"].clone()), (500, json!("internal")));
    assert!(refused.json["hint"].as_str().unwrap().contains("mi audit verify"));
    drop_office(&house, &office).await;
    house.close().await;
}

#[tokio::test]
async fn a_row_that_cant_be_read_is_named_and_spoils_no_list() {
    // Only SQLite keeps anything in any column.
    let house = TestHouse::on_sqlite().await;
    for how in ["data", "far", "task", "bytes", "time"] {
        let office = busy_office(&house, 4).await;
        let report = tamper(&office, move |tx, office| chain::spoil(tx, office, 3, how)).await;
        assert_eq!(broken(&report), (false, "altered".to_owned(), 3), "{how}: {report}");
        let listed = listed(&office).await;
        assert_eq!(listed[2], (3, "unreadable".to_owned()), "{how}");
        assert_eq!(listed.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5], "{how}");
        // Nothing is pruned behind it, and other offices' sweeps go on.
        house.advance(PRUNE_MS).await;
        drop_office(&house, &office).await;
    }
    let office = busy_office(&house, 4).await;
    let report = tamper(&office, |tx, office| chain::spoil(tx, office, 3, "number")).await;
    assert_eq!(broken(&report), (false, "altered".to_owned(), 3), "{report}");
    assert_eq!(listed(&office).await.len(), 4);
    drop_office(&house, &office).await;
    house.close().await;
}

#[tokio::test]
async fn published_heads_show_an_older_store_and_a_rewritten_one() {
    let house = TestHouse::new().await;
    let office = busy_office(&house, 4).await;
    house.advance(PUBLISH_MS).await;
    // The office's own row goes back with its events, as with a backup that was put back.
    let report = tamper(&office, |tx, office| chain::go_back_to(tx, office, 3)).await;
    assert_eq!(broken(&report), (false, "cut_off".to_owned(), 4), "{report}");
    // New events take the numbers of the lost ones, genuine in themselves.
    for n in 0..2 {
        office.task(json!({"title": format!("again {n}")})).await;
    }
    let report = verify(&office, "").await;
    assert_eq!(broken(&report), (false, "forked".to_owned(), 5), "{report}");
    drop_office(&house, &office).await;
    house.close().await;
}

#[tokio::test]
async fn a_replaced_past_is_told_also_when_it_was_published_again() {
    let house = TestHouse::new().await;
    // (event that is left, tasks made afterwards, what is said of it)
    for (back_to, again, kind, seq) in [(3, 2, "forked", 5), (3, 0, "cut_off", 4), (3, 1, "cut_off", 5)] {
        let office = busy_office(&house, 4).await;
        house.advance(PUBLISH_MS).await;
        tamper(&office, move |tx, office| chain::go_back_to(tx, office, back_to)).await;
        for n in 0..again {
            office.task(json!({"title": format!("again {n}")})).await;
        }
        house.advance(PUBLISH_MS).await;
        for n in 0..3 {
            office.task(json!({"title": format!("later {n}")})).await;
        }
        house.advance(PUBLISH_MS).await;
        let report = verify(&office, "").await;
        assert_eq!(broken(&report), (false, kind.to_owned(), seq), "{report}");
        drop_office(&house, &office).await;
    }
    house.close().await;
}

#[tokio::test]
async fn a_published_head_of_somebody_else_is_told() {
    let house = TestHouse::new().await;
    let office = busy_office(&house, 1).await;
    house.advance(PUBLISH_MS).await;
    let path = heads::folder(&house.house).join("heads.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    // A line that a crash cut short says nothing.
    std::fs::write(&path, format!("{text}{{\"at\":\"20")).unwrap();
    assert_eq!(verify(&office, "").await["ok"], json!(true));
    office.task(json!({"title": "one more"})).await;
    house.advance(PUBLISH_MS).await;
    let report = verify(&office, "").await;
    assert_eq!(report["published"]["seq"], report["head"]["seq"], "a torn line doesn't spoil the next one");

    let mut forged: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    forged["seq"] = json!(1);
    std::fs::write(&path, format!("{text}{forged}\n")).unwrap();
    let report = verify(&office, "").await;
    assert_eq!(broken(&report), (false, "forged_head".to_owned(), 1));
    std::fs::write(&path, text).unwrap();
    house.close().await;
}

#[tokio::test]
async fn heads_are_published_for_offices_that_moved_and_no_others() {
    let house = TestHouse::new().await;
    let (office, other) = (busy_office(&house, 1).await, busy_office(&house, 1).await);
    house.advance(PUBLISH_MS).await;
    let lines = || {
        let text = std::fs::read_to_string(heads::folder(&house.house).join("heads.jsonl")).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let count = |lines: &[String], id: OfficeId| lines.iter().filter(|line| line.contains(&id.to_string())).count();
    let before = lines();
    office.task(json!({"title": "more"})).await;
    house.advance(PUBLISH_MS).await;
    let after = lines();
    assert_eq!(count(&after, office.id), count(&before, office.id) + 1);
    assert_eq!(count(&after, other.id), count(&before, other.id));
    house.close().await;
}

#[tokio::test]
async fn pruning_leaves_a_checkpoint_from_which_the_record_still_holds() {
    let house = TestHouse::new().await;
    let office = busy_office(&house, 4).await;
    house.house.clock.advance(Millis::days(60));
    for n in 0..3 {
        office.task(json!({"title": format!("later {n}")})).await;
    }
    house.advance(Millis::days(31).0).await;
    let report = verify(&office, "").await;
    assert_eq!(
        (&report["ok"], &report["first_seq"], &report["checkpoint"]["seq"]),
        (&json!(true), &json!(6), &json!(5))
    );
    assert_eq!(report["events"], json!(3));
    let listed = office.call("GET", "/events", Value::Null).await.ok();
    assert_eq!(listed[0]["seq"], json!(6));
    // A part that would begin before it begins at it.
    assert_eq!(verify(&office, "?after=2").await["events"], json!(3));

    // However long nothing happens, the newest event stays.
    house.advance(Millis::days(365).0).await;
    assert_eq!(verify(&office, "").await["events"], json!(1));

    let report = tamper(&office, |tx, office| chain::move_checkpoint(tx, office, 6)).await;
    assert_eq!(broken(&report), (false, "forged_checkpoint".to_owned(), 6));
    tamper(&office, |tx, office| chain::move_checkpoint(tx, office, 7)).await;
    house.close().await;
}

#[tokio::test]
async fn what_is_broken_is_not_pruned() {
    let house = TestHouse::new().await;
    let office = busy_office(&house, 4).await;
    tamper(&office, |tx, office| chain::forge_summary(tx, office, 3, "nothing")).await;
    house.advance(Millis::days(100).0).await;
    let report = verify(&office, "").await;
    assert_eq!(broken(&report), (false, "altered".to_owned(), 3));
    assert_eq!(report["checkpoint"]["seq"], json!(2));
    drop_office(&house, &office).await;
    house.close().await;
}

async fn export(office: &TestOffice<'_>) -> Vec<Value> {
    let reply = office.call("GET", "/audit/export", Value::Null).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")));
    let text = String::from_utf8(reply.bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn an_export_is_known_again_line_by_line() {
    let house = TestHouse::new().await;
    let office = busy_office(&house, 4).await;
    let lines = export(&office).await;
    assert_eq!(lines.len(), 5);
    let check = |events: Vec<Value>, after: Value| async move {
        office.call("POST", "/audit/check", json!({"events": events, "after": after})).await.ok()
    };
    let whole = check(lines.clone(), Value::Null).await;
    assert_eq!((&whole["ok"], &whole["events"], &whole["stored"]), (&json!(true), &json!(5), &json!(5)));
    let part = check(lines[..2].to_vec(), Value::Null).await;
    assert_eq!(check(lines[2..].to_vec(), part["last"].clone()).await["ok"], json!(true));

    let mut altered = lines.clone();
    altered[2]["summary"] = json!("nothing");
    assert_eq!(broken(&check(altered, Value::Null).await), (false, "altered".to_owned(), 3));
    let mut short = lines.clone();
    short.remove(1);
    assert_eq!(broken(&check(short, Value::Null).await), (false, "missing".to_owned(), 2));
    let mut turned = lines.clone();
    turned.swap(1, 2);
    assert_eq!(broken(&check(turned, Value::Null).await), (false, "missing".to_owned(), 2));
    assert_eq!(broken(&check(lines[2..].to_vec(), json!({"seq": 2, "mac": "00"})).await).1, "forked");

    // What no tag covers has no place in it; and numbers that can't be spoil nothing.
    let mut more = lines.clone();
    more[1]["approved_by"] = json!("owner");
    let refused = office.call("POST", "/audit/check", json!({"events": more})).await.refused();
    assert_eq!(refused, (400, "bad_request".to_owned()));
    for seq in [i64::MIN, 0, i64::MAX] {
        let mut odd = lines[..1].to_vec();
        odd[0]["seq"] = json!(seq);
        assert_eq!(check(odd, Value::Null).await["ok"], json!(false), "{seq}");
    }
    assert_eq!((&part["first_seq"], &part["head"]["seq"]), (&json!(1), &json!(5)));

    // The store was altered, lost an event, was cut off, was rewritten after the export.
    type How = fn(&mut dyn Tx, OfficeId) -> Result<(), DbError>;
    let ways: [(&str, i64, How); 3] = [
        ("forked", 3, |tx, office| chain::forge_summary(tx, office, 3, "nothing")),
        ("missing", 3, |tx, office| chain::lose(tx, office, 3)),
        ("cut_off", 4, |tx, office| chain::go_back_to(tx, office, 3)),
    ];
    for (kind, seq, how) in ways {
        let other = busy_office(&house, 4).await;
        let lines = export(&other).await;
        tamper(&other, how).await;
        let report = other.call("POST", "/audit/check", json!({"events": lines})).await.ok();
        assert_eq!(broken(&report), (false, kind.to_owned(), seq), "{report}");
        drop_office(&house, &other).await;
    }
    let id = office.id;
    house.house.db.write(move |tx| Ok(chain::go_back_to(tx, id, 3)?)).await.unwrap();
    office.task(json!({"title": "another past"})).await;
    assert_eq!(broken(&check(lines.clone(), Value::Null).await), (false, "forked".to_owned(), 4));
    let too_many = vec![lines[0].clone(); 501];
    let refused = office.call("POST", "/audit/check", json!({"events": too_many})).await.refused();
    assert_eq!(refused, (400, "too_long".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn an_export_outlives_the_events_that_it_holds() {
    let house = TestHouse::new().await;
    let office = busy_office(&house, 4).await;
    let lines = export(&office).await;
    house.advance(Millis::days(100).0).await;
    assert_eq!(export(&office).await.len(), 1);
    let report = office.call("POST", "/audit/check", json!({"events": lines})).await.ok();
    assert_eq!((&report["ok"], &report["events"], &report["stored"]), (&json!(true), &json!(5), &json!(1)));
    house.close().await;
}
