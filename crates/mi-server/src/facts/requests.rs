//! The contract's conventions (§1), asked of real routes.

use mi_core::limits::{JSON_BODY_BYTES_MAX, LIST_COUNT_MAX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX};
use serde_json::{Value, json};

use super::store::add_calls;
use crate::testing::{TestHouse, TestOffice, TestReply};

const DAY_MS: i64 = 24 * 3_600_000;

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn raw(office: &TestOffice<'_>, content_type: Option<&str>, body: &[u8]) -> TestReply {
    let mut speaker = office.house.owner();
    if let Some(kind) = content_type {
        speaker = speaker.with_header("content-type", kind);
    }
    speaker.send("POST", &office.path("/tasks"), body.to_vec()).await
}

#[tokio::test]
async fn bodies_are_read_liberally() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.task(json!({"title": "first"})).await;
    let snake = json!({"title": "t", "assigned_agent": "ada", "parent_id": "1", "priority": "7", "colour": {"a": [1]}});
    let camel = json!({"title": "t", "assignedAgent": "ada", "parentId": 1, "priority": 7});
    let facts = |task: Value| {
        let pick = |key: &str| task[key].clone();
        (pick("title"), pick("assigned_agent"), pick("parent_id"), pick("priority"))
    };
    let (one, other) = (office.task(snake).await, office.task(camel).await);
    let expected = (json!("t"), json!("ada"), json!(1), json!(7));
    assert_eq!(facts(office.get_task(one).await), expected);
    assert_eq!(facts(office.get_task(other).await), expected);
    for depends in [json!("2,3"), json!([2, 3]), json!(["2", "3"])] {
        let id = office.task(json!({"title": "after", "depends_on": depends})).await;
        assert_eq!(office.get_task(id).await["depends_on"], json!("2,3"));
    }
    let listed = office.call("GET", "/tasks?assigned_agent=ada&parent_id=1", Value::Null).await.ok();
    assert_eq!(listed, office.call("GET", "/tasks?assignedAgent=ada&parentId=1", Value::Null).await.ok());
    assert_eq!(listed.as_array().unwrap().len(), 2);
    house.close().await;
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_with_a_reason() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let json_type = Some("application/json");
    let deep = format!("{{\"title\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let bad: [(&str, &[u8]); 11] = [
        ("broken off", b"{\"title\": \"x\""),
        ("no JSON", b"title=x"),
        ("not UTF-8", b"{\"title\": \"\xff\xfe\"}"),
        ("half a surrogate", br#"{"title": "\ud800"}"#),
        ("an array", b"[1]"),
        ("a text", b"\"title\""),
        ("null", b"null"),
        ("two values", b"{\"title\": \"x\"} {}"),
        ("a wrong type", b"{\"title\": 7}"),
        ("nothing that must be there", b"{}"),
        ("far too deep", deep.as_bytes()),
    ];
    for (what, body) in bad {
        assert_eq!(raw(&office, json_type, body).await.refused(), code(400, "bad_request"), "{what}");
    }
    assert_eq!(raw(&office, None, b"").await.refused(), code(400, "bad_request"), "an empty body is an empty object");
    assert_eq!(office.call("GET", "/tasks", Value::Null).await.ok(), json!([]), "nothing was written");
    house.close().await;
}

/// PostgreSQL keeps no NUL in a text; so that both engines agree, nobody does.
#[tokio::test]
async fn a_text_with_a_nul_is_refused_everywhere() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.task(json!({"title": "first"})).await;
    let text = "a\0b";
    for (method, path, body) in [
        ("POST", "/tasks", json!({"title": text})),
        ("POST", "/tasks", json!({"title": "t", "description": text})),
        ("POST", "/tasks/1/comments", json!({"message": text})),
        ("POST", "/messages/send", json!({"to": "ada", "content": text})),
        ("PATCH", "/employees/ada", json!({"systemPrompt": text})),
        ("PUT", "/env", json!({"key": "K", "value": text})),
        ("POST", "/employees", json!({"name": "bob", "harness": "command", "command": "true", "role": text})),
        ("POST", "/credits", json!({"amount": 1, "reason": text})),
        ("GET", "/employees/a%00b", Value::Null),
        ("GET", "/files/a%00b", Value::Null),
        ("GET", "/tasks?assignedAgent=a%00b", Value::Null),
        ("GET", "/events?category=a%00b", Value::Null),
        ("GET", "/xmtp/messages/ada/a%00b", Value::Null),
        ("DELETE", "/env/a%00b", Value::Null),
    ] {
        let reply = office.call(method, path, body.clone()).await;
        let status = reply.status;
        assert!((400..500).contains(&status), "{method} {path} {body}: {status} {}", reply.json);
    }
    house.close().await;
}

#[tokio::test]
async fn a_nul_in_what_a_program_wrote_is_replaced() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let mut runner = office.runner("ada").await;
    office.task(json!({"title": "work"})).await;
    let grant = runner.must_take().await;
    runner.log(&grant, 0, &["a\0b"]).await.ok();
    let end = json!({"exit": 1, "cause": "failed", "summary": "c\0d", "last": 1});
    let path = format!("/sessions/{}/end", grant.id);
    office.call_as(&runner.speaker(), "POST", &path, end).await.ok();
    let detail = office.call("GET", "/tasks/1", Value::Null).await.ok();
    assert!(detail["logs"].to_string().contains("a\u{FFFD}b"), "{detail}");
    house.close().await;
}

#[tokio::test]
async fn bodies_of_another_type_or_size_are_refused() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let good = br#"{"title": "x"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"] {
        let reply = raw(&office, Some(kind), good).await;
        assert_eq!(reply.refused(), code(415, "unsupported_media_type"), "{kind}");
    }
    for kind in [None, Some("application/json"), Some("application/json; charset=utf-8"), Some("application/x+json")] {
        assert_eq!(raw(&office, kind, good).await.status, 201, "{kind:?}");
    }
    let reply = office.call("POST", "/files", json!({})).await;
    assert_eq!(reply.refused(), code(415, "unsupported_media_type"));
    let large = format!("{{\"title\": \"{}\"}}", "x".repeat(JSON_BODY_BYTES_MAX)).into_bytes();
    assert_eq!(raw(&office, None, &large).await.refused(), code(413, "body_too_large"));
    let announced = house.owner().with_header("content-length", &(JSON_BODY_BYTES_MAX + 1).to_string());
    let reply = announced.send("POST", &office.path("/tasks"), Vec::new()).await;
    assert_eq!(reply.refused(), code(413, "body_too_large"), "before any of it was read");
    house.close().await;
}

#[tokio::test]
async fn a_request_id_is_kept_or_made() {
    let house = TestHouse::new().await;
    let longest = "a".repeat(128);
    for good in ["x", "A-b_c.9", longest.as_str()] {
        let reply = house.owner().with_header("x-request-id", good).call("GET", "/api/v1/whoami", Value::Null).await;
        assert_eq!(reply.header("x-request-id"), Some(good));
    }
    let too_long = "a".repeat(129);
    for bad in ["", "a b", "a/b", "é", too_long.as_str()] {
        let reply = house.owner().with_header("x-request-id", bad).call("GET", "/api/v1/whoami", Value::Null).await;
        let made = reply.header("x-request-id").unwrap();
        assert!(made.len() == 32 && made.bytes().all(|b| b.is_ascii_hexdigit()), "{bad}: {made}");
    }
    for (method, path) in [("GET", "/nowhere"), ("DELETE", "/healthz"), ("GET", "/api/v1/offices/x"), ("GET", "/docs")]
    {
        let reply = house.owner().with_header("x-request-id", "mine").call(method, path, Value::Null).await;
        assert_eq!(reply.header("x-request-id"), Some("mine"), "{method} {path}");
        assert!(reply.status < 400 || reply.json["request_id"] == "mine", "{method} {path}: {}", reply.json);
    }
    house.close().await;
}

#[tokio::test]
async fn lists_are_pages_with_a_total() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for n in 1..=3 {
        office.task(json!({"title": format!("task {n}")})).await;
    }
    let page = |query: &'static str| async move {
        let reply = office.call("GET", &format!("/tasks{query}"), Value::Null).await;
        assert_eq!(reply.header("x-total-count"), Some("3"), "{query}");
        assert_eq!(reply.header("x-total-count-capped"), None, "{query}");
        let list = reply.ok();
        list.as_array().unwrap().iter().map(|task| task["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(page("").await, [1, 2, 3]);
    assert_eq!(page("?limit=2").await, [1, 2]);
    assert_eq!(page("?limit=2&offset=2").await, [3]);
    assert_eq!(page("?offset=9").await, [0; 0]);
    assert_eq!(page("?limit=0").await, [1], "at least one");
    assert_eq!(page("?limit=-4&offset=-4").await, [1]);
    assert_eq!(page("?limit=1&limit=3").await, [1], "the first of two");
    for query in ["?limit=many", "?offset=1.5", "?limit=99999999999999999999"] {
        let reply = office.call("GET", &format!("/tasks{query}"), Value::Null).await;
        assert_eq!(reply.refused(), code(400, "bad_request"), "{query}");
    }
    house.close().await;
}

#[tokio::test]
async fn long_lists_are_clamped_and_counting_stops() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let id = office.id;
    house.house.db.write(move |tx| Ok(add_calls(tx, id, LIST_COUNT_MAX + 1)?)).await.unwrap();
    let most = LIST_COUNT_MAX.to_string();
    for (query, length) in [("", LIST_LIMIT_DEFAULT), ("?limit=100000", LIST_LIMIT_MAX)] {
        let reply = office.call("GET", &format!("/usage/llm{query}"), Value::Null).await;
        assert_eq!(reply.header("x-total-count"), Some(most.as_str()));
        assert_eq!(reply.header("x-total-count-capped"), Some("true"));
        assert_eq!(reply.ok().as_array().unwrap().len() as i64, length);
    }
    house.close().await;
}

#[tokio::test]
async fn a_repeated_request_is_answered_again_and_does_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let keyed = |key: &str| house.owner().with_header("idempotency-key", key);
    let tasks = || async { office.call("GET", "/tasks", Value::Null).await.ok().as_array().unwrap().len() };
    let first = office.call_as(&keyed("k1"), "POST", "/tasks", json!({"title": "once"})).await;
    let again = office.call_as(&keyed("k1"), "POST", "/tasks", json!({"title": "once"})).await;
    assert_eq!((again.status, &again.json), (first.status, &first.json));
    assert_eq!(tasks().await, 1);

    let other = office.call_as(&keyed("k1"), "POST", "/tasks", json!({"title": "twice"})).await;
    assert_eq!(other.refused(), code(422, "idempotency_key_reused"));
    assert_eq!(tasks().await, 1);
    office.call_as(&keyed("k1"), "POST", "/tasks/1/comments", json!({"message": "another route"})).await.ok();
    let second = house.office().await;
    second.call_as(&keyed("k1"), "POST", "/tasks", json!({"title": "once"})).await.ok();
    assert_eq!(second.call("GET", "/tasks", Value::Null).await.header("x-total-count"), Some("1"));

    let refused = office.call_as(&keyed("k2"), "POST", "/tasks", json!({"title": " "})).await;
    assert_eq!(refused.refused().0, 400);
    office.call_as(&keyed("k2"), "POST", "/tasks", json!({"title": "a refusal isn't remembered"})).await.ok();
    assert_eq!(tasks().await, 2);

    house.advance(DAY_MS + 1).await;
    office.call_as(&keyed("k1"), "POST", "/tasks", json!({"title": "a day later"})).await.ok();
    assert_eq!(tasks().await, 3);
    house.close().await;
}

#[tokio::test]
async fn an_idempotency_key_is_visible_ascii_and_means_nothing_to_reads() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    for bad in ["", "a b", "é", too_long.as_str()] {
        let keyed = house.owner().with_header("idempotency-key", bad);
        let reply = office.call_as(&keyed, "POST", "/tasks", json!({"title": "x"})).await;
        assert_eq!(reply.refused(), code(400, "bad_request"), "{bad}");
        office.call_as(&keyed, "GET", "/tasks", Value::Null).await.ok();
    }
    let keyed = house.owner().with_header("idempotency-key", &longest);
    office.call_as(&keyed, "POST", "/tasks", json!({"title": "x"})).await.ok();
    let both = [house.call("POST", "/api/v1/offices", json!({"name": "one"})).await.ok(), {
        let keyed = house.owner().with_header("idempotency-key", "open");
        let made = keyed.call("POST", "/api/v1/offices", json!({"name": "two"})).await.ok();
        let again = keyed.call("POST", "/api/v1/offices", json!({"name": "two"})).await.ok();
        assert_eq!(made, again);
        made
    }];
    assert_ne!(both[0]["id"], both[1]["id"]);
    house.close().await;
}

#[tokio::test]
async fn the_same_routes_answer_with_and_without_the_version() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let made = house.call("POST", &format!("/api/offices/{}/tasks", office.id), json!({"title": "x"})).await;
    assert_eq!(made.status, 201);
    for rest in ["", "/tasks", "/tasks/1", "/employees", "/settings", "/files"] {
        let short = house.call("GET", &format!("/api/offices/{}{rest}", office.id), Value::Null).await;
        assert_eq!(short.ok(), office.call("GET", rest, Value::Null).await.ok(), "{rest}");
    }
    let listed = house.call("GET", "/api/offices", Value::Null).await.ok();
    assert_eq!(listed, house.call("GET", "/api/v1/offices", Value::Null).await.ok());
    house.close().await;
}

#[tokio::test]
async fn every_refusal_has_the_same_shape() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let known = ["code", "error", "hint", "must_stop", "request_id"];
    let cases = [
        ("GET", "/nowhere".to_owned(), code(404, "no_such_route")),
        ("GET", "/api/v1/offices/x/y/z".to_owned(), code(404, "no_such_route")),
        ("PUT", office.path("/tasks"), code(405, "method_not_allowed")),
        ("DELETE", "/healthz".to_owned(), code(405, "method_not_allowed")),
        ("BREW", "/healthz".to_owned(), code(405, "method_not_allowed")),
        ("GET", "/api/v1/offices/not-an-id".to_owned(), code(404, "no_such_office")),
        ("GET", "/api/v1/offices/00000000-0000-4000-8000-000000000000".to_owned(), code(404, "no_such_office")),
        ("GET", office.path("/tasks/7"), code(404, "no_such_task")),
        ("GET", office.path("/tasks/seven"), code(400, "bad_request")),
        ("GET", office.path("/tasks/99999999999999999999"), code(400, "bad_request")),
        ("GET", office.path("/employees/nobody"), code(404, "no_such_agent")),
        ("GET", office.path("/files/none.md"), code(404, "no_such_file")),
        ("GET", office.path("/files/%ff"), code(400, "bad_request")),
        ("GET", office.path("/files/a/../../b"), code(400, "bad_path")),
        ("DELETE", office.path("/env/NONE"), code(404, "no_such_key")),
    ];
    for (method, path, expected) in cases {
        let reply = house.call(method, &path, Value::Null).await;
        assert_eq!(reply.header("content-type"), Some("application/json"), "{method} {path}");
        let body = reply.json.as_object().unwrap_or_else(|| panic!("{method} {path}: no body"));
        assert!(body.keys().all(|key| known.contains(&key.as_str())), "{method} {path}: {body:?}");
        assert!(body["error"].as_str().is_some_and(|text| text.len() > 10), "{method} {path}: {body:?}");
        assert_eq!(body["request_id"].as_str(), reply.header("x-request-id"), "{method} {path}");
        if reply.status == 405 {
            assert!(
                reply.header("allow").is_some_and(|allow| !allow.is_empty()),
                "{method} {path} says what is allowed"
            );
        }
        assert_eq!(reply.refused(), expected, "{method} {path}");
    }
    house.close().await;
}

#[tokio::test]
async fn who_must_wait_is_told_how_long() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.call("PATCH", "/settings", json!({"hireLimit": {"count": 1, "windowSeconds": 60}})).await.ok();
    office.hire("ada").await;
    let reply =
        office.call("POST", "/employees", json!({"name": "bob", "harness": "command", "command": "true"})).await;
    assert_eq!(reply.header("retry-after"), Some("60"));
    assert_eq!(reply.refused(), code(429, "hire_rate_limited"));
    house.house.drain();
    let reply = office.call("POST", "/tasks/claim", json!({"agent": "ada"})).await;
    assert!(reply.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok_and(|s| s > 0)));
    assert_eq!(reply.refused(), code(503, "draining"));
    house.close().await;
}

#[tokio::test]
async fn the_server_describes_itself_without_a_key() {
    let house = TestHouse::new().await;
    let nobody = house.nobody();
    let health = nobody.call("GET", "/healthz", Value::Null).await.ok();
    assert_eq!(health["ok"], json!(true));
    let ready = nobody.call("GET", "/readyz", Value::Null).await;
    let names: Vec<&str> =
        ready.json["parts"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"store") && names.contains(&"draining"), "{names:?}");
    assert_eq!((ready.status, &ready.json["ready"]), (200, &json!(true)), "{}", ready.json);
    let described = nobody.call("GET", "/openapi.json", Value::Null).await;
    assert_eq!(described.header("content-type"), Some("application/json"));
    assert_eq!(described.ok()["openapi"], json!("3.1.0"));
    let page = nobody.call("GET", "/docs", Value::Null).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let page = String::from_utf8(page.bytes).unwrap();
    for operation in crate::house::operations() {
        assert!(page.contains(&format!("id=\"{}\"", operation.id)), "{} isn't on the page", operation.id);
    }
    house.house.drain();
    let draining = nobody.call("GET", "/readyz", Value::Null).await;
    assert_eq!((&draining.json["ready"], draining.header("retry-after")), (&json!(false), Some("5")));
    assert_eq!(draining.json["error"], "the server is not ready; draining: shutting down");
    assert_eq!(draining.refused(), (503, "not_ready".to_owned()));
    nobody.call("GET", "/healthz", Value::Null).await.ok();
    house.close().await;
}
