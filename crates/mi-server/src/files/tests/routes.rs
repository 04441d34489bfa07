//! Files through the front door, with agents writing to the folder behind it.

use mi_core::ids::ClaimToken;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::service;
use crate::testing::{Speaker, TestHouse, TestOffice, TestReply};

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

async fn upload_as(speaker: Speaker<'_>, office: TestOffice<'_>, name: &str, text: &str) -> TestReply {
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{text}\r\n--b--\r\n"
    );
    let speaker = speaker.with_header("content-type", "multipart/form-data; boundary=b");
    speaker.send("POST", &office.path("/files"), body.into_bytes()).await
}

async fn upload(office: TestOffice<'_>, name: &str, text: &str) -> TestReply {
    upload_as(office.house.owner(), office, name, text).await
}

async fn get(office: TestOffice<'_>, rest: &str) -> TestReply {
    office.call("GET", rest, Value::Null).await
}

/// `name sha256` of everything on the list.
async fn listed(office: TestOffice<'_>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = get(office, "/files").await.ok();
    list.as_array().unwrap().iter().map(|file| (text(&file["name"]), text(&file["sha256"]))).collect()
}

/// `type name` of everything that changed, and the time to ask with next.
async fn changed(office: TestOffice<'_>, since: i64) -> (Vec<String>, i64) {
    let answer = get(office, &format!("/files/_changes?since={since}")).await.ok();
    assert_eq!(answer["full_refresh"], Value::Null);
    let line = |event: &Value| format!("{} {}", event["type"].as_str().unwrap(), event["name"].as_str().unwrap());
    let events = answer["events"].as_array().unwrap().iter().map(line).collect();
    (events, answer["serverTime"].as_i64().unwrap())
}

/// As an agent does it in its pod.
fn write_in_pod(office: TestOffice<'_>, name: &str, text: &str) {
    let path = office.house.house.drive_dir(office.id).join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn read_in_pod(office: TestOffice<'_>, name: &str) -> Option<String> {
    std::fs::read_to_string(office.house.house.drive_dir(office.id).join(name)).ok()
}

fn unfinished(office: TestOffice<'_>) -> usize {
    std::fs::read_dir(office.house.house.incoming_dir(office.id)).unwrap().count()
}

#[tokio::test]
async fn what_is_uploaded_is_on_the_drive_the_list_and_the_way_back() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let reply = upload(office, "reports/2-bugs.md", "# Bugs").await;
    assert_eq!(reply.status, 201);
    let made = reply.ok();
    assert_eq!((&made["name"], &made["size"]), (&json!("reports/2-bugs.md"), &json!(6)));
    assert_eq!(made["sha256"], json!(sha256("# Bugs")));
    assert!(made["modifiedAt"].is_string());
    assert_eq!(read_in_pod(office, "reports/2-bugs.md").as_deref(), Some("# Bugs"));
    assert_eq!(unfinished(office), 0);
    assert_eq!(listed(office).await, [("reports/2-bugs.md".to_owned(), sha256("# Bugs"))]);

    let reply = get(office, "/files/reports/2-bugs.md").await;
    assert_eq!(reply.bytes, b"# Bugs");
    assert_eq!(reply.header("etag"), Some(format!("\"{}\"", sha256("# Bugs")).as_str()));
    assert_eq!(reply.header("content-type"), Some("text/markdown; charset=utf-8"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("content-length"), Some("6"));
    assert!(reply.header("content-disposition").unwrap().starts_with("attachment; filename=\"2-bugs.md\""));

    upload(office, "reports/2-bugs.md", "# None").await.ok();
    assert_eq!(get(office, "/files/reports%2F2-bugs.md").await.bytes, b"# None");
    office.call("DELETE", "/files/reports/2-bugs.md", Value::Null).await.ok();
    assert_eq!(read_in_pod(office, "reports/2-bugs.md"), None);
    assert_eq!(listed(office).await, []);
    for method in ["DELETE", "GET"] {
        let reply = office.call(method, "/files/reports/2-bugs.md", Value::Null).await;
        assert_eq!(reply.refused(), (404, "no_such_file".to_owned()));
    }
    house.close().await;
}

#[tokio::test]
async fn lists_are_filtered_paged_and_counted() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for name in ["a.md", "reports/1.md", "reports/2.md", "reports/ü.md", "reportsx"] {
        write_in_pod(office, name, name);
    }
    let names = |reply: TestReply| {
        let list = reply.ok();
        list.as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let page = get(office, "/files?limit=2&offset=1").await;
    assert_eq!(page.header("x-total-count"), Some("5"));
    assert_eq!(names(page), ["reports/1.md", "reports/2.md"]);
    let filtered = get(office, "/files?prefix=reports/").await;
    assert_eq!(filtered.header("x-total-count"), Some("3"));
    assert_eq!(names(filtered), ["reports/1.md", "reports/2.md", "reports/ü.md"]);
    assert_eq!(names(get(office, "/files?prefix=reports/%C3%BC").await), ["reports/ü.md"]);
    assert_eq!(names(get(office, "/files?prefix=%25").await), [""; 0]);
    assert_eq!(get(office, "/files?prefix=a%00").await.refused(), (400, "bad_path".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn what_agents_do_in_their_folder_is_listed_and_told() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (events, time) = changed(office, 0).await;
    assert_eq!(events, [""; 0]);

    write_in_pod(office, "notes/a.txt", "one");
    upload(office, "b.txt", "two").await.ok();
    let (events, time) = changed(office, time).await;
    assert_eq!(events, ["created b.txt", "created notes/a.txt"]);
    assert_eq!(changed(office, time).await, (vec![], time), "nothing is told twice");

    write_in_pod(office, "b.txt", "2");
    upload(office, "notes/a.txt", "1").await.ok();
    let (mut events, time) = changed(office, time).await;
    events.sort();
    assert_eq!(events, ["modified b.txt", "modified notes/a.txt"]);
    let mut known = listed(office).await;
    known.sort();
    assert_eq!(known, [("b.txt".to_owned(), sha256("2")), ("notes/a.txt".to_owned(), sha256("1"))]);

    std::fs::remove_file(house.house.drive_dir(office.id).join("b.txt")).unwrap();
    office.call("DELETE", "/files/notes/a.txt", Value::Null).await.ok();
    let (mut events, time) = changed(office, time).await;
    events.sort();
    assert_eq!(events, ["deleted b.txt", "deleted notes/a.txt"]);
    assert_eq!(changed(office, time).await.0, [""; 0]);
    assert_eq!(listed(office).await, []);
    assert_eq!(get(office, "/files/_changes?since=soon").await.refused(), (400, "bad_request".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_change_of_the_same_length_in_the_same_moment_is_noticed() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for n in 0..50 {
        let text = format!("{n:02}");
        write_in_pod(office, "counter", &text);
        assert_eq!(listed(office).await, [("counter".to_owned(), sha256(&text))]);
        assert_eq!(get(office, "/files/counter").await.bytes, text.as_bytes());
    }
    house.close().await;
}

#[tokio::test]
async fn ranges_and_known_versions_save_bytes() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    upload(office, "a.txt", "0123456789").await.ok();
    let with = |name: &'static str, value: String| {
        let speaker = house.owner().with_header(name, &value);
        async move { office.call_as(&speaker, "GET", "/files/a.txt", Value::Null).await }
    };
    let part = with("range", "bytes=2-4".to_owned()).await;
    assert_eq!((part.status, part.bytes.as_slice()), (206, b"234".as_slice()));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    let tail = with("range", "bytes=-3".to_owned()).await;
    assert_eq!((tail.status, tail.bytes.as_slice()), (206, b"789".as_slice()));
    let outside = with("range", "bytes=10-".to_owned()).await;
    assert_eq!(outside.header("content-range"), Some("bytes */10"));
    assert_eq!(outside.refused(), (416, "range_not_satisfiable".to_owned()));

    let etag = format!("\"{}\"", sha256("0123456789"));
    let known = with("if-none-match", etag.clone()).await;
    assert_eq!((known.status, known.bytes.len(), known.header("etag")), (304, 0, Some(etag.as_str())));
    write_in_pod(office, "a.txt", "9876543210");
    assert_eq!(with("if-none-match", etag).await.bytes, b"9876543210");
    house.close().await;
}

#[tokio::test]
async fn every_trick_with_a_name_is_refused() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    write_in_pod(office, "a.txt", "x");
    for name in
        ["../a", "/etc/passwd", "a/../../b", "a//b", "a/", ".", "..", "_changes", "_permissions", "a\\b", "a\tb"]
    {
        let reply = upload(office, name, "evil").await;
        assert_eq!(reply.refused(), (400, "bad_path".to_owned()), "{name}");
    }
    for path in ["..%2Fmi.db", "%2Fetc%2Fpasswd", "/etc/passwd", "a%2F..%2F..%2Fb", "x%00y", "a.txt%0A", "_permissions"]
    {
        for method in ["GET", "DELETE"] {
            let reply = office.call(method, &format!("/files/{path}"), Value::Null).await;
            assert_eq!(reply.refused(), (400, "bad_path".to_owned()), "{method} {path}");
        }
    }
    assert_eq!(get(office, "/files/%FF").await.refused().0, 400);
    assert_eq!((listed(office).await.len(), unfinished(office)), (1, 0));
    house.close().await;
}

#[tokio::test]
async fn what_agents_plant_is_neither_followed_nor_replaced() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let drive = house.house.drive_dir(office.id);
    std::os::unix::fs::symlink("/etc/passwd", drive.join("out")).unwrap();
    std::os::unix::fs::symlink("..", drive.join("up")).unwrap();
    nix::unistd::mkfifo(&drive.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::fs::create_dir(drive.join("folder")).unwrap();
    assert_eq!(listed(office).await, []);
    for (name, status, code) in [
        ("out", 400, "bad_path"),
        ("up/incoming/x", 400, "bad_path"),
        ("pipe", 409, "not_a_file"),
        ("folder", 409, "not_a_file"),
    ] {
        assert_eq!(upload(office, name, "evil").await.refused(), (status, code.to_owned()), "upload {name}");
        for method in ["GET", "DELETE"] {
            let reply = office.call(method, &format!("/files/{name}"), Value::Null).await;
            assert_eq!(reply.refused(), (status, code.to_owned()), "{method} {name}");
        }
    }
    assert_eq!(unfinished(office), 0);
    house.close().await;
}

#[tokio::test]
async fn wrong_uploads_store_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let lying = house.owner().with_header("x-content-sha256", &sha256("something else"));
    let reply = upload_as(lying, office, "a.txt", "abc").await;
    assert_eq!(reply.refused(), (400, "digest_mismatch".to_owned()));
    let reply = office.call("POST", "/files", json!({"name": "a.txt"})).await;
    assert_eq!(reply.refused(), (415, "unsupported_media_type".to_owned()));
    let reply = upload_as(house.nobody(), office, "a.txt", "abc").await;
    assert_eq!(reply.refused(), (401, "unauthenticated".to_owned()));
    let nowhere = format!("/api/v1/offices/{}/files", uuid::Uuid::new_v4());
    assert_eq!(house.call("GET", &nowhere, Value::Null).await.refused(), (404, "no_such_office".to_owned()));
    assert_eq!((listed(office).await.len(), unfinished(office)), (0, 0));

    std::fs::write(house.house.incoming_dir(office.id).join("left-over"), "x").unwrap();
    service::clean_incoming(&house.house).unwrap();
    assert_eq!(unfinished(office), 0);
    house.close().await;
}

#[tokio::test]
async fn a_repeated_upload_does_nothing_and_answers_the_same() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let again = || house.owner().with_header("idempotency-key", "k-1");
    let first = upload_as(again(), office, "a.txt", "one").await.ok();
    write_in_pod(office, "a.txt", "changed since");
    assert_eq!(upload_as(again(), office, "a.txt", "one").await.ok(), first);
    assert_eq!(read_in_pod(office, "a.txt").as_deref(), Some("changed since"));
    for (name, text) in [("a.txt", "two"), ("b.txt", "one")] {
        let reply = upload_as(again(), office, name, text).await;
        assert_eq!(reply.refused(), (422, "idempotency_key_reused".to_owned()));
    }
    house.close().await;
}

#[tokio::test]
async fn a_stale_claim_writes_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.task(json!({"title": "write", "assignedAgent": "ada"})).await;
    let mut runner = office.runner("ada").await;
    let grant = runner.must_take().await;
    let harness = || runner.harness(&grant);

    upload_as(harness(), office, "result.md", "first").await.ok();
    let reply = upload_as(runner.speaker(), office, "runner.md", "x").await;
    assert_eq!(reply.refused(), (428, "claim_required".to_owned()));
    let wrong = ClaimToken(grant.id.0 + 1);
    let reply = upload_as(house.with_claim(wrong), office, "result.md", "second").await;
    assert_eq!(reply.json["must_stop"], json!(true));
    assert_eq!(reply.refused(), (409, "stale_claim".to_owned()));

    runner.done(&grant, "written").await.ok();
    runner.end(&grant, "finished").await.ok();
    let reply = upload_as(harness(), office, "result.md", "late").await;
    assert_eq!(reply.refused(), (409, "stale_claim".to_owned()));
    let reply = office.call_as(&harness(), "DELETE", "/files/result.md", Value::Null).await;
    assert_eq!(reply.refused(), (409, "stale_claim".to_owned()));
    assert_eq!(read_in_pod(office, "result.md").as_deref(), Some("first"));
    assert_eq!(unfinished(office), 0);
    house.close().await;
}

#[tokio::test]
async fn the_same_on_postgres() {
    let Some(house) = TestHouse::on_postgres().await else { return };
    let office = house.office().await;
    write_in_pod(office, "reports/ü.md", "one");
    upload(office, "reports/a.md", "two").await.ok();
    let list = get(office, "/files?prefix=reports/").await;
    assert_eq!(list.header("x-total-count"), Some("2"));
    let (events, time) = changed(office, 0).await;
    assert_eq!(events.len(), 2);
    write_in_pod(office, "reports/ü.md", "uno");
    assert_eq!(changed(office, time).await.0, ["modified reports/ü.md"]);
    house.close().await;
}
