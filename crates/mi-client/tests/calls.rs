//! Every call as it goes over the wire, and what happens when the wire breaks.

#![allow(clippy::unwrap_used, reason = "what surrounds a test may fail it, too")]

mod fake;

use std::time::Duration;

use expect_test::{Expect, expect};
use fake::{Asked, FakeServer, Reply};
use mi_client::{Client, ClientError, Credential, Method, Paging, Patience, Progress, TaskFilter, WriteKeys};
use mi_core::ids::{AgentName, ClaimToken, OfficeId, TaskId};
use mi_core::tasks::status::Status;
use mi_core::wire::agents::LifecycleAction;
use mi_core::wire::integrations::{AskIntegration, SetSecret};
use mi_core::wire::tasks::{ClaimTask, CreateTask, UpdateTask};

const OFFICE: &str = "5b7e3c1a-0000-4000-8000-000000000001";
const QUICK: Patience =
    Patience { repeats_max: 2, first_wait: Duration::from_millis(1), wait_max: Duration::from_millis(1) };

fn office() -> OfficeId {
    OFFICE.parse().unwrap()
}

fn ada() -> AgentName {
    "ada".parse().unwrap()
}

fn client_of(server: &FakeServer) -> Client {
    Client::new(server.url().parse().unwrap(), Credential::Bearer("mi_secret".to_owned())).with_patience(QUICK)
}

/// Requests with the office's id shortened.
fn check(server: &FakeServer, expect: Expect) {
    expect.assert_eq(&server.lines().replace(OFFICE, "OFFICE"));
}

#[tokio::test]
async fn acts_go_to_the_routes_of_the_contract() {
    let server = FakeServer::start(|_, _| Reply::json("{}"));
    let client = client_of(&server);
    let tasks = client.tasks(office());
    let create = CreateTask { title: "t".to_owned(), parent_id: Some(TaskId(1)), ..CreateTask::default() };
    let filter = TaskFilter { status: vec![Status::Queued, Status::Blocked], ..TaskFilter::default() };
    let claim = ClaimTask { agent: Some("ada".to_owned()), wait: Some(20), ..ClaimTask::default() };
    tasks.create(&create).answer().await.unwrap();
    tasks.list(&filter).answer().await.unwrap();
    tasks.claim(&claim).answer().await.unwrap();
    tasks.renew(TaskId(7)).answer().await.unwrap();
    client.agents(office()).lifecycle(&ada(), LifecycleAction::Stop).await.unwrap();
    client.offices().list(Paging { limit: Some(500), offset: None }).answer().await.unwrap();
    client.files(office()).delete(&"reports/ä b?.md".parse().unwrap()).await.unwrap();
    client.env(office()).set_for_agent(&ada(), "A_B", "c").await.unwrap();
    client.runner(office()).env(ClaimToken(9)).await.unwrap();
    client.server().raw(Method::GET, "/healthz?x=1", None).await.unwrap();
    check(
        &server,
        expect![[r#"
            POST /api/v1/offices/OFFICE/tasks {"title":"t","parentId":1}
            GET /api/v1/offices/OFFICE/tasks?status=queued%2Cblocked
            POST /api/v1/offices/OFFICE/tasks/claim {"agent":"ada","wait":20}
            POST /api/v1/offices/OFFICE/tasks/7/renew
            POST /api/v1/offices/OFFICE/employees/ada/lifecycle {"action":"stop"}
            GET /api/v1/offices?limit=500
            DELETE /api/v1/offices/OFFICE/files/reports/%C3%A4%20b%3F.md
            PUT /api/v1/offices/OFFICE/employees/ada/env/A_B {"value":"c"}
            GET /api/v1/offices/OFFICE/sessions/9/env
            GET /healthz?x=1
        "#]],
    );
}

#[tokio::test]
async fn integrations_go_to_the_routes_of_the_contract() {
    let server = FakeServer::start(|_, _| Reply::json("{}"));
    let all = client_of(&server).integrations(office());
    let secret = SetSecret { key: Some("s3cret".to_owned()), raw_keys: Some(true), ..SetSecret::default() };
    assert!(!format!("{secret:?}").contains("s3cret"), "{secret:?}");
    let ask = AskIntegration { integration_id: "github".to_owned(), reason: Some("PRs".to_owned()), agent_name: None };
    all.list().answer().await.unwrap();
    all.get("gh").answer().await.unwrap();
    all.set_secret("github", &secret).answer().await.unwrap();
    all.delete_secret("github").await.unwrap();
    all.set_raw_keys("github", false).answer().await.unwrap();
    all.toggle_agent("github", &ada(), true).answer().await.unwrap();
    all.of_agent(&ada()).answer().await.unwrap();
    all.credentials_of_agent(&ada()).answer().await.unwrap();
    all.credentials("github", &ada()).answer().await.unwrap();
    all.request(&ask).answer().await.unwrap();
    all.requests(Some("pending")).answer().await.unwrap();
    all.models(Some("google")).answer().await.unwrap();
    check(
        &server,
        expect![[r#"
            GET /api/v1/offices/OFFICE/integrations
            GET /api/v1/offices/OFFICE/integrations/gh
            POST /api/v1/offices/OFFICE/integrations/github/secret {"key":"s3cret","rawKeys":true}
            DELETE /api/v1/offices/OFFICE/integrations/github/secret
            PATCH /api/v1/offices/OFFICE/integrations/github {"rawKeys":false}
            POST /api/v1/offices/OFFICE/integrations/github/agents/ada {"enabled":true}
            GET /api/v1/offices/OFFICE/employees/ada/integrations
            GET /api/v1/offices/OFFICE/employees/ada/integration-credentials
            GET /api/v1/offices/OFFICE/integrations/github/agents/ada/credentials
            POST /api/v1/offices/OFFICE/integration-requests {"integrationId":"github","reason":"PRs"}
            GET /api/v1/offices/OFFICE/integration-requests?status=pending
            GET /api/v1/offices/OFFICE/provider-models?provider=google
        "#]],
    );
}

#[tokio::test]
async fn writes_carry_a_key_and_the_claim() {
    let server = FakeServer::start(|_, _| Reply::json("{}"));
    let client = client_of(&server).with_claim(Some(ClaimToken(42)));
    client.tasks(office()).renew(TaskId(1)).answer().await.unwrap();
    client.tasks(office()).stats().answer().await.unwrap();
    client.tasks(office()).renew(TaskId(1)).idempotency_key("mine").answer().await.unwrap();
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.header("authorization") == Some("Bearer mi_secret")));
    assert!(asked.iter().all(|asked| asked.header("x-mi-claim") == Some("42")));
    assert_eq!(asked[0].header("idempotency-key").map(str::len), Some(36));
    assert_eq!(asked[1].header("idempotency-key"), None);
    assert_eq!(asked[2].header("idempotency-key"), Some("mine"));
}

#[tokio::test]
async fn a_lost_reply_is_asked_for_again_with_the_same_key() {
    let server =
        FakeServer::start(
            |_, before| if before == 0 { Reply::hang_up() } else { Reply::json(r#"{"lease_expires_at":0}"#) },
        );
    client_of(&server).tasks(office()).renew(TaskId(1)).await.unwrap();
    let keys: Vec<Option<String>> =
        server.asked().iter().map(|asked| asked.header("idempotency-key").map(str::to_owned)).collect();
    assert_eq!(keys.len(), 2);
    assert!(keys[0].is_some() && keys[0] == keys[1]);
}

#[tokio::test]
async fn a_given_key_is_numbered_from_the_second_write_on_and_kept_over_repetitions() {
    let server =
        FakeServer::start(
            |_, before| if before == 1 { Reply::hang_up() } else { Reply::json(r#"{"lease_expires_at":0}"#) },
        );
    let client = client_of(&server).with_write_keys(Some(WriteKeys::new("deploy-7")));
    for id in [1, 2] {
        client.clone().tasks(office()).renew(TaskId(id)).await.unwrap();
    }
    let keys: Vec<Option<String>> =
        server.asked().iter().map(|asked| asked.header("idempotency-key").map(str::to_owned)).collect();
    let key = |text: &str| Some(text.to_owned());
    assert_eq!(keys, [key("deploy-7"), key("deploy-7.2"), key("deploy-7.2")]);
}

/// How often a server that always answers so is asked.
async fn tries(reply: Reply) -> usize {
    let server = FakeServer::start(move |_, _| reply.clone());
    let answer = client_of(&server).tasks(office()).stats().await;
    assert!(answer.is_err());
    server.asked().len()
}

#[tokio::test]
async fn only_a_moments_refusal_is_repeated() {
    assert_eq!(tries(Reply::problem(503, "busy", "x").with("retry-after", "0")).await, 3);
    assert_eq!(tries(Reply::problem(503, "busy", "x").with("retry-after", "60")).await, 1);
    assert_eq!(tries(Reply::problem(503, "no_model_key", "x")).await, 1);
    assert_eq!(tries(Reply::problem(429, "rate_limited", "x").with("retry-after", "0")).await, 1);
    assert_eq!(tries(Reply::problem(500, "internal", "x")).await, 1);
    assert_eq!(tries(Reply::json("not json")).await, 1);
}

#[tokio::test]
async fn refusals_keep_the_words_of_the_server() {
    let server = FakeServer::start(|_, _| Reply {
        status: 409,
        ..Reply::json(r#"{"error":"gone","code":"stale_claim","must_stop":true,"request_id":"r"}"#)
    });
    let fault = client_of(&server).tasks(office()).renew(TaskId(1)).await.unwrap_err();
    assert_eq!((fault.status(), fault.code(), fault.must_stop()), (Some(409), Some("stale_claim"), true));
    assert_eq!(fault.to_string(), "gone");
}

#[tokio::test]
async fn a_page_of_somebody_else_is_still_an_error() {
    let server = FakeServer::start(|_, _| Reply { status: 502, ..Reply::json("<html>") });
    let fault = client_of(&server).server().whoami().await.unwrap_err();
    assert_eq!(fault.to_string(), "the server answered with status 502");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = FakeServer::start(|_, _| Reply::empty(302).with("location", "http://127.0.0.1:1/"));
    let fault = client_of(&server).server().whoami().await.unwrap_err();
    assert_eq!((fault.status(), server.asked().len()), (Some(302), 1));
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let address = FakeServer::start(|_, _| Reply::empty(204)).url();
    let client = Client::new(address.parse().unwrap(), Credential::Nobody).with_patience(QUICK);
    let fault = client.server().healthz().await.unwrap_err();
    assert!(fault.is_unreachable());
    assert_eq!(fault.to_string(), format!("the server at {address} can't be reached"));
}

#[tokio::test]
async fn nothing_to_do_is_no_error() {
    let server = FakeServer::start(|_, _| Reply::empty(204));
    let task = client_of(&server).tasks(office()).claim(&ClaimTask::default()).await.unwrap();
    assert!(task.is_none());
}

#[tokio::test]
async fn lists_come_with_their_total() {
    let server = FakeServer::start(|asked: &Asked, _| {
        let reply = Reply::json(r#"[{"key":"A","scope":"office"}]"#);
        if asked.path.contains("values") { reply } else { reply.with("x-total-count", "70") }
    });
    let (items, total) = client_of(&server).env(office()).list().await.unwrap();
    assert_eq!((items[0].key.as_str(), total), ("A", 70));
    assert_eq!(client_of(&server).env(office()).values().await.unwrap().1, 1);
}

#[tokio::test]
async fn an_upload_streams_and_starts_again_after_a_lost_reply() {
    let stored = r#"{"name":"dir/x.go","size":5,"modifiedAt":"2026-04-27T09:30:00.000Z","sha256":"ab"}"#;
    let server = FakeServer::start(move |_, before| if before == 0 { Reply::hang_up() } else { Reply::json(stored) });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.go");
    std::fs::write(&path, "hello").unwrap();
    let file = client_of(&server)
        .files(office())
        .upload(&path, &"dir/x.go".parse().unwrap(), Progress::default())
        .await
        .unwrap();
    assert_eq!(file.size, 5);
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    for asked in asked {
        let text = asked.text();
        assert!(text.contains(r#"name="file"; filename="dir/x.go""#), "{text}");
        assert!(text.contains("\r\n\r\nhello\r\n--"), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_file_is_not_uploaded() {
    let server = FakeServer::start(|_, _| Reply::json("{}"));
    let folder = tempfile::tempdir().unwrap();
    let name = "x".parse().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("missing")] {
        let fault = client_of(&server).files(office()).upload(&path, &name, Progress::default()).await.unwrap_err();
        assert!(matches!(fault, ClientError::Io { .. }), "{fault}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn a_download_streams_and_a_cut_one_is_an_error() {
    let server = FakeServer::start(|asked, _| {
        let missing = if asked.path.ends_with("cut") { 4 } else { 0 };
        Reply { missing, ..Reply::json("hello") }
    });
    let files = client_of(&server).files(office());
    let mut bytes = Vec::new();
    let download = files.download(&"a/b".parse().unwrap(), &mut bytes, Progress::default()).await.unwrap();
    assert_eq!((download.bytes, bytes.as_slice()), (5, &b"hello"[..]));
    let cut = files.download(&"a/cut".parse().unwrap(), &mut bytes, Progress::default()).await;
    assert!(cut.unwrap_err().is_unreachable());
}

#[tokio::test]
async fn names_and_fields_without_a_type_go_along() {
    let server = FakeServer::start(|_, _| Reply::json("{}"));
    let tasks = client_of(&server).tasks(office());
    let create = CreateTask { title: "t".to_owned(), name: Some("wave/1".to_owned()), ..CreateTask::default() };
    let more = serde_json::json!({"deadline": "2030-01-01T00:00:00Z"}).as_object().unwrap().clone();
    let filter = TaskFilter { names: vec!["a".parse().unwrap(), "b".parse().unwrap()], ..TaskFilter::default() };
    tasks.create_with(&create, &more).answer().await.unwrap();
    tasks.update_with(TaskId(7), &UpdateTask::default(), &more).answer().await.unwrap();
    tasks.list(&filter).answer().await.unwrap();
    check(
        &server,
        expect![[r#"
            POST /api/v1/offices/OFFICE/tasks {"title":"t","name":"wave/1","deadline":"2030-01-01T00:00:00Z"}
            PATCH /api/v1/offices/OFFICE/tasks/7 {"deadline":"2030-01-01T00:00:00Z"}
            GET /api/v1/offices/OFFICE/tasks?name=a%2Cb
        "#]],
    );
}

/// No event: the server says that some are gone.
const RESET: &str = "event: reset\nid: 1\ndata: {\"reason\":\"pruned\",\"after\":1}\n\n";

#[tokio::test]
async fn events_are_read_as_they_come_and_followed_from_where_they_were() {
    let event = |seq: i64| {
        serde_json::json!({"seq": seq, "category": "task", "type": "tasks.create", "actor": "owner", "summary": "ü",
            "data": {}, "created_at": "2026-04-27T09:30:00.000Z"})
    };
    let body =
        format!("retry: 1000\n\nid: 1\ndata: {}\n\n: still here\n\n{RESET}id: 2\ndata:{}\n\n", event(1), event(2));
    let server = FakeServer::start(move |_, _| Reply::json(body.clone()));
    let events = client_of(&server).events(office());
    let mut stream = events.follow(None).await.unwrap();
    let mut seen = Vec::new();
    while let Some(told) = stream.next().await.unwrap() {
        seen.push((told.event.seq, told.event.summary));
    }
    assert_eq!(seen, [(1, "ü".to_owned()), (2, "ü".to_owned())]);
    events.follow(stream.last()).await.unwrap();
    check(
        &server,
        expect![[r#"
            GET /api/v1/offices/OFFICE/events/stream
            GET /api/v1/offices/OFFICE/events/stream?since=2
        "#]],
    );
}

#[tokio::test]
async fn a_line_of_a_stream_that_is_no_event_is_an_error() {
    let server = FakeServer::start(|_, _| Reply::json("data: {\"seq\": \"x\"}\n\n"));
    let mut stream = client_of(&server).events(office()).follow(None).await.unwrap();
    assert!(matches!(stream.next().await, Err(ClientError::Decode { .. })));
}
