//! Webhooks through their routes, with a receiver of the test's own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use mi_core::time::Millis;
use serde_json::{Value, json};

use super::secret::signature;
use crate::infra::outbound::OWN_IN_TESTS;
use crate::testing::{TestHouse, TestOffice};

const SECRET: &str = "a-secret-of-the-test";

/// A request as the receiver saw it.
#[derive(Debug, Clone)]
struct Seen {
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The event's number and type.
    fn event(&self) -> (i64, String) {
        let body = self.json();
        (body["event"]["seq"].as_i64().unwrap_or(0), body["type"].as_str().unwrap().to_owned())
    }
}

/// Answers what it was told to, then 200, and keeps what it was sent.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<VecDeque<u16>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    /// Where it listens.
    async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let own = self.clone();
        let router = Router::new().fallback(move |request: Request<Body>| {
            let own = own.clone();
            async move { own.answer(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        place
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        self.seen.lock().unwrap().push(Seen { headers: parts.headers, body });
        let status = self.answers.lock().unwrap().pop_front().unwrap_or(200);
        // An answer that never comes.
        if status == 0 {
            std::future::pending::<()>().await;
        }
        Response::builder().status(status).body(Body::empty()).unwrap()
    }

    fn will_answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn types(&self) -> Vec<String> {
        self.seen().iter().map(|seen| seen.event().1).collect()
    }
}

struct Bench {
    house: TestHouse,
    receiver: Receiver,
    url: String,
}

impl Bench {
    async fn new() -> Self {
        let receiver = Receiver::default();
        let place = receiver.listen().await;
        let house = TestHouse::reaching(std::slice::from_ref(&place)).await;
        Self { house, receiver, url: format!("http://{place}/hook") }
    }

    /// A webhook for these events; gives its number.
    async fn webhook(&self, office: &TestOffice<'_>, events: Value) -> i64 {
        let wish = json!({"url": self.url, "events": events, "secret": SECRET});
        office.call("POST", "/webhooks", wish).await.ok()["id"].as_i64().unwrap()
    }
}

async fn webhook(office: &TestOffice<'_>, id: i64) -> Value {
    let all = office.call("GET", "/webhooks", Value::Null).await.ok();
    all.as_array().unwrap().iter().find(|one| one["id"] == json!(id)).unwrap().clone()
}

async fn deliveries(office: &TestOffice<'_>, id: i64) -> Vec<Value> {
    let reply = office.call("GET", &format!("/webhooks/{id}/deliveries"), Value::Null).await;
    reply.ok().as_array().unwrap().clone()
}

#[tokio::test]
async fn a_receiver_is_told_of_what_it_asked_for_in_order_and_signed() {
    let bench = Bench::new().await;
    let office = bench.house.office().await;
    office.task(json!({"title": "before"})).await;
    let id = bench.webhook(&office, json!(["tasks.create", "credits.*"])).await;
    for n in 0..3 {
        office.task(json!({"title": format!("task {n}")})).await;
        office.call("POST", "/credits", json!({"amount": 1})).await.ok();
        office.call("POST", "/suspend", Value::Null).await.ok();
        office.call("POST", "/resume", Value::Null).await.ok();
    }
    bench.house.settle().await;
    assert_eq!(bench.receiver.types(), ["tasks.create", "credits.add"].repeat(3));
    let seen = bench.receiver.seen();
    assert!(seen.is_sorted_by_key(|one| one.event().0));
    for one in &seen {
        let (body, event) = (one.json(), office.call("GET", "/events?limit=500", Value::Null).await.ok());
        let seq = one.event().0;
        assert_eq!(&body["event"], event.as_array().unwrap().iter().find(|e| e["seq"] == json!(seq)).unwrap());
        assert_eq!(body["office"], json!(office.id));
        assert_eq!(one.header("x-mi-event"), body["type"]);
        assert_eq!(one.header("x-mi-delivery"), body["delivery"]);
        assert_eq!(one.header("x-mi-signature"), signature(SECRET, bench.house.now(), &one.body));
        assert_eq!((one.header("content-type"), one.header("x-mi-attempt")), ("application/json", "1"));
    }
    let listed = deliveries(&office, id).await;
    assert_eq!(listed.len(), 6);
    assert_eq!(
        (&listed[0]["n"], &listed[0]["state"], &listed[0]["status"]),
        (&json!(6), &json!("delivered"), &json!(200))
    );
    bench.house.close().await;
}

#[tokio::test]
async fn what_fails_is_repeated_under_the_same_name_and_holds_up_what_follows() {
    let bench = Bench::new().await;
    let office = bench.house.office().await;
    let id = bench.webhook(&office, json!("tasks.create")).await;
    bench.receiver.will_answer(&[500, 302]);
    office.task(json!({"title": "one"})).await;
    office.task(json!({"title": "two"})).await;
    bench.house.settle().await;
    assert_eq!(bench.receiver.seen().len(), 1);
    let waiting = deliveries(&office, id).await;
    assert_eq!(waiting.len(), 1, "the second event waits for the first");
    let waits = json!({"state": "pending", "attempts": 1, "status": 500, "error": "the receiver answered 500"});
    for (field, value) in waits.as_object().unwrap() {
        assert_eq!(&waiting[0][field], value, "{field}");
    }
    bench.house.advance(9_999).await;
    assert_eq!(bench.receiver.seen().len(), 1, "not before its time");
    bench.house.advance(1).await;
    assert_eq!(bench.receiver.seen().len(), 2);
    bench.house.advance(60_000).await;
    let seen = bench.receiver.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen[..3].iter().all(|one| one.header("x-mi-delivery") == seen[0].header("x-mi-delivery")));
    assert!(seen[..3].iter().all(|one| one.body == seen[0].body));
    assert_ne!(seen[3].header("x-mi-delivery"), seen[0].header("x-mi-delivery"));
    assert_eq!(seen[2].header("x-mi-attempt"), "3");
    assert!(deliveries(&office, id).await.iter().all(|one| one["state"] == json!("delivered")));
    bench.house.close().await;
}

#[tokio::test]
async fn a_receiver_that_never_answers_well_is_left_alone_and_can_come_back() {
    const DAY_MS: i64 = 24 * 3_600 * 1_000;
    let bench = Bench::new().await;
    let office = bench.house.office().await;
    let id = bench.webhook(&office, json!(["tasks.create"])).await;
    bench.receiver.will_answer(&[503; 30]);
    for n in 0..6 {
        office.task(json!({"title": format!("task {n}")})).await;
    }
    // Each delivery is tried six times, over less than three hours.
    for _ in 0..6 * 5 {
        bench.house.advance(DAY_MS / 12).await;
    }
    assert_eq!(bench.receiver.seen().len(), 30);
    let shown = webhook(&office, id).await;
    assert_eq!(shown["status"], json!("disabled"));
    let reason = shown["reason"].as_str().unwrap();
    assert_eq!(reason, "5 deliveries in a row were given up, the last one because the receiver answered 503");
    let told = office.call("GET", "/events?category=office&limit=500", Value::Null).await.ok();
    assert_eq!(told.as_array().unwrap().last().unwrap()["type"], json!("webhooks.disable"));

    let shown = office.call("POST", &format!("/webhooks/{id}/enable"), Value::Null).await.ok();
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("active"), &Value::Null));
    bench.house.settle().await;
    let seen = bench.receiver.seen();
    assert_eq!(seen.len(), 31, "the sixth event was kept for it");
    assert_eq!(deliveries(&office, id).await[0]["state"], json!("delivered"));
    bench.house.close().await;
}

#[tokio::test]
async fn tests_and_redeliveries_are_tried_once_even_where_the_webhook_is_disabled() {
    let bench = Bench::new().await;
    let office = bench.house.office().await;
    let id = bench.webhook(&office, json!(["tasks.create"])).await;
    let at = |rest: &str| format!("/webhooks/{id}{rest}");
    bench.receiver.will_answer(&[404]);
    let begun = office.call("POST", &at("/test"), Value::Null).await;
    assert_eq!((begun.status, begun.ok()["state"].clone()), (201, json!("pending")));
    let early = office.call("POST", &at("/deliveries/1/redeliver"), Value::Null).await;
    assert_eq!(early.refused(), (400, "bad_request".to_owned()));
    bench.house.settle().await;
    assert_eq!(bench.receiver.seen()[0].json()["event"], Value::Null);
    assert_eq!(bench.receiver.types(), ["webhooks.test"]);
    let ended = deliveries(&office, id).await;
    assert_eq!((&ended[0]["state"], &ended[0]["attempts"]), (&json!("given_up"), &json!(1)));

    office.task(json!({"title": "one"})).await;
    bench.house.settle().await;
    let again = office.call("POST", &at("/deliveries/2/redeliver"), Value::Null).await.ok();
    assert_eq!((&again["cause"], &again["state"]), (&json!("redelivery"), &json!("pending")));
    bench.house.settle().await;
    let seen = bench.receiver.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[1].body, seen[2].body);
    assert_eq!(webhook(&office, id).await["status"], json!("active"));

    for (path, code) in [
        ("/webhooks/999/test".to_owned(), "no_such_webhook"),
        ("/webhooks/x/enable".to_owned(), "no_such_webhook"),
        (at("/deliveries/99/redeliver"), "no_such_delivery"),
    ] {
        assert_eq!(office.call("POST", &path, Value::Null).await.refused(), (404, code.to_owned()), "{path}");
    }
    bench.house.close().await;
}

#[tokio::test]
async fn a_silent_receiver_is_given_its_time_and_no_more() {
    let bench = Bench::new().await;
    let office = bench.house.office().await;
    let id = bench.webhook(&office, json!(["tasks.create"])).await;
    bench.receiver.will_answer(&[0]);
    office.task(json!({"title": "one"})).await;
    crate::webhooks::sweep::round(&bench.house.house).await.unwrap();
    // Whoever looks at the store meanwhile sees the delivery begin.
    while bench.receiver.seen().is_empty() {
        deliveries(&office, id).await;
    }
    bench.house.house.clock.advance(Millis::seconds(10));
    bench.house.house.webhooks.settled().await;
    let waiting = deliveries(&office, id).await;
    assert_eq!(waiting[0]["error"], json!("there was no whole answer within 10 s"));
    assert_eq!((&waiting[0]["duration_ms"], &waiting[0]["durationMs"]), (&Value::Null, &json!(10_000)));
    bench.house.close().await;
}

#[tokio::test]
async fn what_was_under_way_at_the_end_is_repeated_after_the_next_start() {
    let bench = Bench::new().await;
    let office = bench.house.office().await;
    let id = bench.webhook(&office, json!(["tasks.create"])).await;
    bench.receiver.will_answer(&[0]);
    office.task(json!({"title": "one"})).await;
    crate::webhooks::sweep::round(&bench.house.house).await.unwrap();
    while bench.receiver.seen().is_empty() {
        deliveries(&office, id).await;
    }
    bench.house.house.webhooks.stop().await;
    assert_eq!(deliveries(&office, id).await[0]["state"], json!("pending"));
    bench.house.settle().await;
    let seen = bench.receiver.seen();
    assert_eq!((seen.len(), seen[0].body == seen[1].body), (2, true));
    assert_eq!(deliveries(&office, id).await[0]["state"], json!("delivered"));
    bench.house.close().await;
}

#[tokio::test]
async fn a_webhook_is_judged_when_it_is_made() {
    let bench = Bench::new().await;
    let office = bench.house.office().await;
    for wish in [
        json!({}),
        json!({"url": "example.com"}),
        json!({"url": "ftp://example.com/"}),
        json!({"url": "https://me:secret@example.com/"}),
        json!({"url": "http://127.0.0.1:1/"}),
        json!({"url": format!("http://{OWN_IN_TESTS}/")}),
        json!({"url": "http://169.254.169.254/latest/meta-data"}),
        json!({"url": bench.url, "events": ["nonsense"]}),
        json!({"url": bench.url, "secret": "short"}),
    ] {
        let refused = office.call("POST", "/webhooks", wish.clone()).await.refused();
        assert_eq!(refused, (400, "bad_request".to_owned()), "{wish}");
    }
    for _ in 0..20 {
        bench.webhook(&office, Value::Null).await;
    }
    let one_more = office.call("POST", "/webhooks", json!({"url": bench.url})).await.refused();
    assert_eq!(one_more, (409, "too_many_webhooks".to_owned()));
    bench.house.close().await;
}

#[tokio::test]
async fn a_secret_is_shown_once_and_lies_sealed() {
    let bench = Bench::new().await;
    let office = bench.house.office().await;
    let owner = bench.house.owner().with_header("idempotency-key", "same");
    let wish = json!({"url": bench.url});
    let made = office.call_as(&owner, "POST", "/webhooks", wish.clone()).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let again = office.call_as(&owner, "POST", "/webhooks", wish).await.ok();
    assert_eq!((&again["id"], &again["secret"], &again["shown_once"]), (&made["id"], &Value::Null, &json!(true)));
    let listed = office.call("GET", "/webhooks", Value::Null).await;
    assert!(!String::from_utf8(listed.bytes).unwrap().contains(&secret));
    let (office_id, id) = (office.id, made["id"].as_i64().unwrap());
    let row = bench.house.house.db.read(move |tx| Ok(super::store::get(tx, office_id, id)?)).await.unwrap().unwrap();
    assert!(!row.sealed.contains(&secret) && !row.sealed.contains(&hex::encode(&secret)));

    let removed = office.call("DELETE", &format!("/webhooks/{id}"), Value::Null).await;
    assert_eq!(removed.status, 200);
    assert_eq!(office.call("GET", "/webhooks", Value::Null).await.ok(), json!([]));
    bench.house.close().await;
}

#[tokio::test]
async fn old_deliveries_are_pruned_and_events_that_concern_nobody_are_passed() {
    let bench = Bench::new().await;
    let office = bench.house.office().await;
    let id = bench.webhook(&office, json!(["tasks.create"])).await;
    office.task(json!({"title": "one"})).await;
    bench.house.settle().await;
    for _ in 0..120 {
        office.call("POST", "/credits", json!({"amount": 1})).await.ok();
    }
    office.task(json!({"title": "two"})).await;
    bench.house.settle().await;
    assert_eq!(bench.receiver.seen().len(), 2);
    bench.house.advance(Millis::days(31).0).await;
    assert_eq!(deliveries(&office, id).await, Vec::<Value>::new());
    bench.house.close().await;
}
