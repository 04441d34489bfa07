//! Keys and people, through the routes.

use http_body_util::BodyExt;
use mi_core::identity::Role;
use serde_json::{Value, json};

use crate::testing::{TestHouse, TestReply};

const KEYS: &str = "/api/v1/keys";
const DAY_MS: i64 = 24 * 3_600 * 1_000;
const MINUTE_MS: i64 = 60_000;

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn key_of_owner(house: &TestHouse, wish: Value) -> (String, String) {
    let made = house.call("POST", KEYS, wish).await.ok();
    (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
}

async fn whoami(house: &TestHouse, key: &str) -> TestReply {
    house.as_key(key).call("GET", "/api/v1/whoami", Value::Null).await
}

#[tokio::test]
async fn a_key_is_made_shown_once_listed_and_revoked() {
    let house = TestHouse::new().await;
    let made = house.call("POST", KEYS, json!({"name": " laptop ", "expires_in_days": "7"})).await;
    assert_eq!(made.status, 201);
    let (id, key) = (made.json["id"].as_str().unwrap(), made.json["key"].as_str().unwrap().to_owned());
    assert_eq!((made.json["name"].as_str(), made.json["prefix"].as_str()), (Some("laptop"), key.get(..11)));
    assert_eq!(made.json["expiresAt"], json!("2026-01-08T00:00:00.000Z"));
    whoami(&house, &key).await.ok();

    let listed = house.call("GET", KEYS, Value::Null).await;
    assert_eq!(listed.header("x-total-count"), Some("2"));
    let text = listed.json.to_string();
    assert!(!text.contains(&key) && !text.contains(house.owner_key()), "{text}");
    let mine = listed.json.as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    assert_eq!((&mine["name"], &mine["offices"], &mine["revokedAt"]), (&json!("laptop"), &Value::Null, &Value::Null));

    let gone = house.call("DELETE", &format!("{KEYS}/{id}"), Value::Null).await.ok();
    assert_eq!(gone["revokedAt"], json!("2026-01-01T00:00:00.000Z"));
    assert_eq!(whoami(&house, &key).await.refused(), refusal(401, "key_revoked"), "at once, without the clock moving");
    house.advance(1_000).await;
    let again = house.call("DELETE", &format!("{KEYS}/{id}"), Value::Null).await.ok();
    assert_eq!(again["revokedAt"], gone["revokedAt"], "once is enough");
    house.close().await;
}

#[tokio::test]
async fn a_key_ends_when_its_time_is_over() {
    let house = TestHouse::new().await;
    let (_, key) = key_of_owner(&house, json!({"name": "short", "expiresAt": "2026-01-02T00:00:00Z"})).await;
    house.advance(DAY_MS - 1).await;
    whoami(&house, &key).await.ok();
    house.advance(1_000).await;
    assert_eq!(whoami(&house, &key).await.refused(), refusal(401, "key_expired"));
    house.close().await;
}

#[tokio::test]
async fn nonsense_makes_no_key() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for (wish, code) in [
        (json!({}), "bad_request"),
        (json!({"name": "  "}), "bad_name"),
        (json!({"name": "a\nb"}), "bad_name"),
        (json!({"name": "x".repeat(101)}), "bad_name"),
        (json!({"name": "k", "expiresInDays": 0}), "bad_request"),
        (json!({"name": "k", "expiresInDays": 3_651}), "bad_request"),
        (json!({"name": "k", "expiresAt": "2025-12-31T00:00:00Z"}), "bad_request"),
        (json!({"name": "k", "expiresAt": "2026-01-02T00:00:00Z", "expiresInDays": 1}), "bad_request"),
        (json!({"name": "k", "offices": []}), "bad_request"),
        (json!({"name": "k", "offices": [office.id, "nowhere"]}), "no_such_office"),
        (json!({"name": "k", "offices": ["00000000-0000-4000-8000-000000000000"]}), "no_such_office"),
    ] {
        assert_eq!(house.call("POST", KEYS, wish.clone()).await.refused().1, code, "{wish}");
    }
    let listed = house.call("GET", KEYS, Value::Null).await;
    assert_eq!(listed.header("x-total-count"), Some("1"));
    for id in ["none", "0".repeat(32).as_str()] {
        let reply = house.call("DELETE", &format!("{KEYS}/{id}"), Value::Null).await;
        assert_eq!(reply.refused(), refusal(404, "no_such_api_key"));
    }
    house.close().await;
}

#[tokio::test]
async fn a_key_for_some_offices_opens_these_and_makes_nothing_wider() {
    let house = TestHouse::new().await;
    let (open, shut) = (house.office().await, house.office().await);
    house.call("PATCH", &shut.path("/settings"), json!({"timezone": "UTC"})).await.ok();
    let (id, key) = key_of_owner(&house, json!({"name": "ci", "offices": [open.id]})).await;
    let ci = house.as_key(&key);
    ci.call("POST", &open.path("/tasks"), json!({"title": "t"})).await.ok();
    assert_eq!(ci.call("GET", &shut.path("/tasks"), Value::Null).await.refused(), refusal(403, "no_access"));
    let listed = ci.call("GET", "/api/v1/offices", Value::Null).await;
    assert_eq!(listed.header("x-total-count"), Some("1"));
    assert_eq!((&listed.json[0]["id"], &listed.json[0]["role"]), (&json!(open.id), &json!("owner")));
    for (method, path, body) in [
        ("POST", KEYS, json!({"name": "wider"})),
        ("POST", KEYS, json!({"name": "same", "offices": [open.id]})),
        ("POST", "/api/v1/offices", json!({"name": "another"})),
    ] {
        assert_eq!(ci.call(method, path, body).await.refused(), refusal(403, "scoped_key"), "{method} {path}");
    }
    let whole = house.call("GET", KEYS, Value::Null).await.ok();
    let other = whole.as_array().unwrap().iter().find(|one| one["id"] != id.as_str()).unwrap()["id"].clone();
    let reply = ci.call("DELETE", &format!("{KEYS}/{}", other.as_str().unwrap()), Value::Null).await;
    assert_eq!(reply.refused(), refusal(403, "scoped_key"));
    let seen = ci.call("GET", KEYS, Value::Null).await.ok();
    assert_eq!((seen.as_array().unwrap().len(), &seen[0]["id"]), (1, &json!(id)), "it sees itself");
    ci.call("DELETE", &format!("{KEYS}/{id}"), Value::Null).await.ok();
    assert_eq!(whoami(&house, &key).await.refused(), refusal(401, "key_revoked"), "it may end itself");
    house.close().await;
}

#[tokio::test]
async fn a_key_that_ends_makes_none_that_outlives_it() {
    let house = TestHouse::new().await;
    let (_, key) = key_of_owner(&house, json!({"name": "week", "expiresInDays": 7})).await;
    let week = house.as_key(&key);
    let reply = week.call("POST", KEYS, json!({"name": "longer", "expiresInDays": 8})).await;
    assert_eq!(reply.refused(), refusal(400, "bad_request"));
    let same = week.call("POST", KEYS, json!({"name": "same"})).await.ok();
    assert_eq!(same["expiresAt"], json!("2026-01-08T00:00:00.000Z"));
    house.close().await;
}

#[tokio::test]
async fn when_a_key_was_used_is_known_to_the_minute_and_costs_requests_nothing() {
    let house = TestHouse::new().await;
    let (id, key) = key_of_owner(&house, json!({"name": "used"})).await;
    let last_used = async || {
        let keys = house.call("GET", KEYS, Value::Null).await.ok();
        keys.as_array().unwrap().iter().find(|one| one["id"] == id.as_str()).unwrap()["lastUsedAt"].clone()
    };
    whoami(&house, &key).await.ok();
    assert_eq!(last_used().await, Value::Null, "no request writes it");
    house.settle().await;
    assert_eq!(last_used().await, json!("2026-01-01T00:00:00.000Z"));
    house.advance(MINUTE_MS).await;
    whoami(&house, &key).await.ok();
    house.settle().await;
    assert_eq!(last_used().await, json!("2026-01-01T00:01:00.000Z"));
    house.close().await;
}

#[tokio::test]
async fn nobody_sees_or_ends_anothers_keys() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let vera = house.as_key(&office.key_of_colleague("vera", Role::Operator).await);
    let (id, key) = key_of_owner(&house, json!({"name": "mine"})).await;
    let hers = vera.call("GET", KEYS, Value::Null).await.ok();
    assert!(hers.as_array().unwrap().iter().all(|one| one["id"] != id.as_str()), "{hers}");
    let reply = vera.call("DELETE", &format!("{KEYS}/{id}"), Value::Null).await;
    assert_eq!(reply.refused(), refusal(404, "no_such_api_key"));
    whoami(&house, &key).await.ok();
    house.close().await;
}

#[tokio::test]
async fn a_person_has_so_many_keys_and_no_more() {
    let house = TestHouse::new().await;
    for n in 1..100 {
        house.call("POST", KEYS, json!({"name": format!("k{n}"), "expiresInDays": 1})).await.ok();
    }
    let reply = house.call("POST", KEYS, json!({"name": "one more"})).await;
    assert_eq!(reply.refused(), refusal(409, "too_many_api_keys"));
    house.advance(DAY_MS + 1).await;
    house.call("POST", KEYS, json!({"name": "those that ended don't count"})).await.ok();
    house.close().await;
}

#[tokio::test]
async fn an_open_stream_ends_with_its_key() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for path in ["/events/stream", "/xmtp/stream"] {
        let (id, key) = key_of_owner(&house, json!({"name": "watcher"})).await;
        let stream = house.as_key(&key).begin("GET", &office.path(path), Vec::new()).await;
        assert_eq!(stream.status(), 200, "{path}");
        house.call("DELETE", &format!("{KEYS}/{id}"), Value::Null).await.ok();
        house.must_end(stream).await;
    }
    house.close().await;
}

#[tokio::test]
async fn an_open_stream_ends_when_the_keys_time_is_over() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (_, key) = key_of_owner(&house, json!({"name": "short", "expiresInDays": 1})).await;
    let stream = house.as_key(&key).begin("GET", &office.path("/events/stream"), Vec::new()).await;
    let reading = tokio::spawn(stream.into_body().collect());
    let mut looks = 0;
    house.advance(DAY_MS).await;
    while !reading.is_finished() {
        looks += 1;
        assert!(looks < 1_000, "the stream outlived its key");
        house.advance(1_000).await;
        tokio::task::yield_now().await;
    }
    reading.await.unwrap().unwrap();
    house.close().await;
}

#[tokio::test]
async fn a_parked_claim_ends_with_its_key_and_takes_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let (id, key) = key_of_owner(&house, json!({"name": "claimer"})).await;
    let claimer = house.as_key(&key);
    let wish = json!({"agent": "ada", "wait": 60});
    let path = office.path("/tasks/claim");
    let claim = claimer.call("POST", &path, wish);
    let revoke = async {
        tokio::task::yield_now().await;
        house.call("DELETE", &format!("{KEYS}/{id}"), Value::Null).await.ok();
        office.task(json!({"title": "not for a revoked key"})).await
    };
    let (reply, task) = tokio::join!(claim, revoke);
    assert_eq!(reply.refused(), refusal(401, "key_revoked"));
    assert_eq!(office.get_task(task).await["status"], json!("queued"));
    house.close().await;
}

#[tokio::test]
async fn the_owner_says_who_works_here_and_as_what() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let vera = house.as_key(&office.key_of_colleague("vera", Role::Viewer).await);
    let listed = office.call_as(&vera, "GET", "/members", Value::Null).await;
    assert_eq!(listed.header("x-total-count"), Some("2"));
    let roles: Vec<(&str, &str)> = listed.json.as_array().unwrap().iter().map(names_and_roles).collect();
    assert_eq!(roles, [("owner", "owner"), ("vera", "viewer")]);
    assert_eq!(listed.json[1]["addedBy"], json!("owner"));

    let task = json!({"title": "t"});
    assert_eq!(office.call_as(&vera, "POST", "/tasks", task.clone()).await.refused(), refusal(403, "operator_only"));
    let set = office.call("PATCH", "/members/vera", json!({"role": "operator"})).await.ok();
    assert_eq!(names_and_roles(&set), ("vera", "operator"));
    let made = office.call_as(&vera, "POST", "/tasks", task).await.ok();
    assert_eq!(made["created_by"], json!("user:vera"));
    for (method, path, body) in [
        ("PATCH", "/members/vera", json!({"role": "viewer"})),
        ("DELETE", "/members/vera", Value::Null),
        ("POST", "/members", json!({"user": "vera", "role": "viewer"})),
        ("DELETE", "", Value::Null),
    ] {
        let reply = office.call_as(&vera, method, path, body).await;
        assert_eq!(reply.refused(), refusal(403, "owner_only"), "{method} {path}");
    }
    let events = office.call("GET", "/events?category=office", Value::Null).await.ok().to_string();
    for said in ["vera works here now, as viewer", "vera is operator now"] {
        assert!(events.contains(said), "{events}");
    }
    house.close().await;
}

fn names_and_roles(one: &Value) -> (&str, &str) {
    (one["name"].as_str().unwrap(), one["role"].as_str().unwrap())
}

#[tokio::test]
async fn a_colleague_who_leaves_is_let_out_at_once() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let vera = house.as_key(&office.key_of_colleague("vera", Role::Operator).await);
    let stream = vera.begin("GET", &office.path("/events/stream"), Vec::new()).await;
    assert_eq!(stream.status(), 200);
    let mine = vera.call("GET", "/api/v1/offices", Value::Null).await.ok();
    assert_eq!((&mine[0]["id"], &mine[0]["role"]), (&json!(office.id), &json!("operator")));
    office.call("DELETE", "/members/vera", Value::Null).await.ok();
    house.must_end(stream).await;
    assert_eq!(office.call_as(&vera, "GET", "/tasks", Value::Null).await.refused(), refusal(403, "no_access"));
    assert_eq!(vera.call("GET", "/api/v1/offices", Value::Null).await.ok(), json!([]));
    let reply = office.call("DELETE", "/members/vera", Value::Null).await;
    assert_eq!(reply.refused(), refusal(404, "no_such_member"));
    let back = office.call("POST", "/members", json!({"user": "vera", "role": "viewer"})).await;
    assert_eq!((back.status, names_and_roles(&back.json)), (201, ("vera", "viewer")));
    let twice = office.call("POST", "/members", json!({"user": "vera", "role": "viewer"})).await;
    assert_eq!(twice.refused(), refusal(409, "member_exists"));
    house.close().await;
}

#[tokio::test]
async fn an_office_always_has_its_owner_and_only_one() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.key_of_colleague("vera", Role::Operator).await;
    let owner = house.first_user().await;
    for named in ["owner".to_owned(), owner.to_string()] {
        let path = format!("/members/{named}");
        assert_eq!(office.call("DELETE", &path, Value::Null).await.refused(), refusal(409, "last_owner"));
        let reply = office.call("PATCH", &path, json!({"role": "viewer"})).await;
        assert_eq!(reply.refused(), refusal(409, "last_owner"));
    }
    for (path, role, expected) in [
        ("/members/vera", "owner", refusal(400, "bad_request")),
        ("/members/vera", "king", refusal(400, "bad_request")),
        ("/members/nobody-here", "viewer", refusal(404, "no_such_member")),
        ("/members/00000000-0000-4000-8000-000000000000", "viewer", refusal(404, "no_such_member")),
    ] {
        assert_eq!(office.call("PATCH", path, json!({"role": role})).await.refused(), expected, "{path} {role}");
    }
    let reply = office.call("POST", "/members", json!({"user": "vera", "role": "owner"})).await;
    assert_eq!(reply.refused(), refusal(400, "bad_request"));
    house.close().await;
}

#[tokio::test]
async fn a_colleague_speaks_in_their_own_name() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let vera = house.as_key(&office.key_of_colleague("vera", Role::Operator).await);
    let task = office.task(json!({"title": "t"})).await;
    let comment = format!("/tasks/{task}/comments");
    let said = office.call_as(&vera, "POST", &comment, json!({"message": "a word"})).await.ok();
    assert_eq!(said["agent"], json!("user:vera"));
    let reply = office.call_as(&vera, "POST", &comment, json!({"message": "a word", "agent": "owner"})).await;
    assert_eq!(reply.refused(), refusal(400, "unknown_agent"));

    let sent = office.call_as(&vera, "POST", "/messages/send", json!({"to": "ada", "content": "hello"})).await.ok();
    assert_eq!((&sent["from_agent"], &sent["to_agent"]), (&json!("user:vera"), &json!("ada")));
    let ada = office.runner("ada").await;
    let answer = json!({"to": "user:vera", "content": "good morning"});
    let speaker = house.as_key(&office.agent_key(ada.agent).await);
    office.call_as(&speaker, "POST", "/messages/send", answer).await.ok();
    let inbox = office.call_as(&vera, "GET", "/inbox", Value::Null).await.ok();
    assert!(inbox.to_string().contains("good morning"), "{inbox}");
    let stranger = json!({"to": "user:nobody", "content": "x"});
    let reply = office.call_as(&speaker, "POST", "/messages/send", stranger).await;
    assert_eq!(reply.refused(), refusal(404, "no_such_member"));

    let talk = "/xmtp/conversations/ada:user:vera/messages";
    let both = office.call_as(&vera, "GET", talk, Value::Null).await.ok();
    assert_eq!(both.as_array().unwrap().len(), 2, "{both}");
    office.call_as(&vera, "POST", talk, json!({"body": "and now"})).await.ok();
    office.call_as(&vera, "POST", "/xmtp/groups/office/send", json!({"body": "to all"})).await.ok();
    let groups = office.call_as(&vera, "GET", "/xmtp/groups", Value::Null).await.ok();
    assert_eq!(groups.as_array().unwrap().len(), 1, "people are in every group");
    house.close().await;
}

#[tokio::test]
async fn a_colleague_verifies_and_changes_settings_in_their_own_name() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let vera = house.as_key(&office.key_of_colleague("vera", Role::Operator).await);
    let mut ada = office.runner("ada").await;
    let task = office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    let grant = ada.must_take().await;
    ada.done(&grant, "it is done").await.ok();
    ada.end(&grant, "finished").await.ok();
    let path = format!("/tasks/{task}/verify");
    office.call_as(&vera, "POST", &path, json!({"accepted": true})).await.ok();
    office.call_as(&vera, "PATCH", "/settings", json!({"timezone": "Europe/Berlin"})).await.ok();
    let events = office.call("GET", "/events", Value::Null).await.ok();
    for kind in ["tasks.verify", "offices.update_settings"] {
        let event = events.as_array().unwrap().iter().find(|event| event["type"] == kind);
        assert_eq!(event.unwrap_or_else(|| panic!("{kind}: {events}"))["actor"], json!("user:vera"), "{kind}");
    }
    house.close().await;
}
