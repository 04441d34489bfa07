//! Guessing: slowed by source, told to owners, never a lock-out.

use serde_json::{Value, json};

use super::{APPLY, CLAIM, HOUR, JOIN, SECOND, WRONG, code, from, invite, join, made};
use crate::testing::TestHouse;

#[tokio::test]
async fn three_wrong_codes_are_enough_for_one_source() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let text = invite(office).await;
    let guesser = from(&house, 1);
    for _ in 0..2 {
        assert_eq!(join(&guesser, WRONG, "ada").await.refused(), code(404, "invalid_code"));
    }
    assert_eq!(
        guesser.call("POST", CLAIM, json!({"code": WRONG, "name": "x"})).await.refused(),
        code(404, "invalid_code")
    );
    // Even the right one, now: otherwise there would be no limit.
    let refused = join(&guesser, &text, "ada").await;
    assert_eq!(refused.header("retry-after"), Some("600"));
    assert_eq!(refused.refused(), code(429, "rate_limited"));
    house.advance(599 * SECOND).await;
    assert_eq!(join(&guesser, &text, "ada").await.header("retry-after"), Some("1"));
    join(&from(&house, 2), &text, "ada").await.ok();
    house.advance(SECOND).await;
    assert_eq!(join(&guesser, WRONG, "ben").await.refused(), code(404, "invalid_code"));
    house.close().await;
}

/// However many come at once, no more than three of a source are looked at.
#[tokio::test]
async fn a_crowd_of_guesses_doesnt_overtake_its_count() {
    let house = TestHouse::new().await;
    let guesser = from(&house, 1);
    let guesses = (0..200).map(|_| join(&guesser, WRONG, "ada"));
    let replies = futures_util::future::join_all(guesses).await;
    let looked_at = replies.iter().filter(|reply| reply.status == 404).count();
    let refused = replies.iter().filter(|reply| reply.status == 429).count();
    assert_eq!((looked_at, refused), (3, 197));
    house.close().await;
}

#[tokio::test]
async fn when_many_guess_the_owner_is_asked_and_nobody_is_locked_out() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (text, human) = (invite(office).await, made(office, json!({"kind": "human", "role": "operator"})).await);
    for n in 0..11 {
        assert_eq!(join(&from(&house, n), WRONG, "ada").await.refused(), code(404, "invalid_code"));
    }
    let honest = from(&house, 99);
    let asked = join(&honest, &text, "ada").await;
    assert_eq!((asked.status, &asked.json["status"]), (202, &json!("application_required")));
    let wish = json!({"code": text, "agentName": "ada", "statement": "the build machine"});
    let applied = honest.call("POST", APPLY, wish).await.ok();
    let waits = honest.call("POST", CLAIM, json!({"code": human, "name": "otto"})).await;
    assert_eq!((waits.status, &waits.json["status"]), (202, &json!("pending")));
    let waits = waits.ok();
    for applied in [&applied, &waits] {
        let id = applied["application_id"].as_i64().unwrap();
        office.call("POST", &format!("/applications/{id}/approve"), Value::Null).await.ok();
    }
    let poll = |token: &Value| house.as_key(token.as_str().unwrap());
    let ada = poll(&applied["poll_token"]).call("GET", APPLY, Value::Null).await.ok();
    assert!(ada["joined"]["api_key"].is_string(), "{ada}");
    let otto = poll(&waits["poll_token"]).call("GET", APPLY, Value::Null).await.ok();
    assert_eq!(otto["claimed"]["role"], "operator");
    let otto = house.as_key(otto["claimed"]["key"].as_str().unwrap());
    office.call_as(&otto, "POST", "/tasks", json!({"title": "x"})).await.ok();
    // An hour later all is as it was.
    house.advance(HOUR).await;
    let calm = invite(office).await;
    assert_eq!(honest.call("POST", JOIN, json!({"code": calm, "agentName": "ben"})).await.status, 201);
    house.close().await;
}

/// Ten thousand wrong codes from ten thousand sources: a table of bounded size, and one answer for each.
#[tokio::test]
async fn ten_thousand_guessers_learn_nothing_and_fill_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let text = invite(office).await;
    for n in 0..10_001 {
        let reply = join(&from(&house, n), WRONG, "ada").await;
        assert_eq!((reply.status, &reply.json["code"]), (404, &json!("invalid_code")));
    }
    assert!(house.house.joins.sources() <= 10_000);
    assert_eq!(join(&from(&house, 1 << 20), &text, "ada").await.status, 202, "asked about, not locked out");
    house.close().await;
}
