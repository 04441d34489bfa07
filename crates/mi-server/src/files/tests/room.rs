//! A store without room: everything can still be read, and what is refused leaves nothing.

use std::fs;

use mi_core::problem::Code;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::args;
use crate::infra::fault::Fault;
use crate::testing::{DRIVE_BYTES, TestHouse, TestOffice, TestReply};

/// Far more uploads than fit into what the store's pages have left.
const UPLOADS_MAX: usize = 2_000;
const PAGES_OF_PLENTY: &str = "pragma max_page_count = 1000000";
/// The store takes it for as many as it has now.
const NO_MORE_PAGES: &str = "pragma max_page_count = 1";

async fn pages(house: &TestHouse, pragma: &'static str) {
    let set: Result<(), Fault> = house.house.db.write(move |tx| Ok(tx.query(pragma, args![]).map(drop)?)).await;
    set.unwrap();
}

async fn upload(office: TestOffice<'_>, name: &str, text: &str) -> TestReply {
    let body =
        format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{text}\r\n--b--\r\n");
    let speaker = office.house.owner().with_header("content-type", "multipart/form-data; boundary=b");
    speaker.send("POST", &office.path("/files"), body.into_bytes()).await
}

/// Uploads one after the other until one is refused: its name, and the text it would have had.
async fn refused(office: TestOffice<'_>, name: impl Fn(usize) -> String) -> (String, usize) {
    for number in 0..UPLOADS_MAX {
        let name = name(number);
        let reply = upload(office, &name, &number.to_string()).await;
        if reply.status != 201 {
            assert_eq!(reply.refused(), (507, Code::DriveFull.as_str().to_owned()));
            return (name, number);
        }
    }
    panic!("the store is never full");
}

fn on_drive(office: TestOffice<'_>, name: &str) -> Option<String> {
    fs::read_to_string(office.house.house.drive_dir(office.id).join(name)).ok()
}

async fn get(office: TestOffice<'_>, rest: &str) -> TestReply {
    office.call("GET", rest, Value::Null).await
}

#[tokio::test]
async fn an_upload_without_room_for_its_record_leaves_what_was_there() {
    let house = TestHouse::on_sqlite().await;
    let office = house.office().await;
    pages(&house, NO_MORE_PAGES).await;
    let long = "x".repeat(150);
    let (new, _) = refused(office, |number| format!("{number}-{long}")).await;
    assert_eq!(on_drive(office, &new), None);

    pages(&house, PAGES_OF_PLENTY).await;
    upload(office, "a.txt", "before").await.ok();
    pages(&house, NO_MORE_PAGES).await;
    let (_, number) = refused(office, |_| "a.txt".to_owned()).await;
    let before = number.checked_sub(1).map_or("before".to_owned(), |last| last.to_string());
    assert_eq!(on_drive(office, "a.txt"), Some(before.clone()));
    assert_eq!(get(office, "/files/a.txt").await.bytes, before.as_bytes());
    assert_eq!(fs::read_dir(house.house.incoming_dir(office.id)).unwrap().count(), 0);

    pages(&house, PAGES_OF_PLENTY).await;
    upload(office, "a.txt", "after").await.ok();
    assert_eq!(on_drive(office, "a.txt").as_deref(), Some("after"));
    house.close().await;
}

#[tokio::test]
async fn without_room_the_drive_is_shown_as_it_is() {
    let house = TestHouse::on_sqlite().await;
    let office = house.office().await;
    upload(office, "fresh/gone.txt", "x").await.ok();
    pages(&house, NO_MORE_PAGES).await;
    refused(office, |number| format!("piece-{number}")).await;
    let since = get(office, "/files/_changes?since=0").await.ok()["serverTime"].clone();
    // More rows than the last pages have room for.
    let drive = house.house.drive_dir(office.id);
    for number in 0..150 {
        fs::write(drive.join(format!("fresh/{number:03}")), format!("text {number}")).unwrap();
    }
    fs::remove_file(drive.join("fresh/gone.txt")).unwrap();

    for _ in 0..2 {
        let page = get(office, "/files?prefix=fresh/&limit=2&offset=3").await;
        assert_eq!(page.header("x-total-count"), Some("150"));
        let page = page.ok();
        let names: Vec<&Value> = page.as_array().unwrap().iter().map(|file| &file["name"]).collect();
        assert_eq!(names, ["fresh/003", "fresh/004"]);
        assert_eq!(page[0]["sha256"], hex::encode(Sha256::digest("text 3")));
    }
    assert_eq!(get(office, "/files/fresh/149").await.bytes, b"text 149");
    let digest = super::super::service::digest(&house.house, office.id, &"fresh/148".parse().unwrap()).await.unwrap();
    assert_eq!(digest.sha256, hex::encode(Sha256::digest("text 148")));
    assert_eq!(get(office, &format!("/files/_changes?since={since}")).await.status, 200);

    pages(&house, PAGES_OF_PLENTY).await;
    let changes = get(office, &format!("/files/_changes?since={since}")).await.ok();
    assert_eq!(changes["events"].as_array().unwrap().len(), 151, "what had no room is told later");
    assert_eq!(get(office, "/files?prefix=fresh/").await.header("x-total-count"), Some("150"));
    house.close().await;
}

#[tokio::test]
async fn a_drive_holds_what_the_server_s_setting_says() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    // What agents write counts as well, once it is known.
    let drive = office.house.house.drive_dir(office.id);
    fs::create_dir_all(&drive).unwrap();
    fs::write(drive.join("large"), vec![1; usize::try_from(DRIVE_BYTES - 1).unwrap()]).unwrap();
    office.call("GET", "/files", Value::Null).await.ok();
    assert_eq!(upload(office, "one", "x").await.status, 201);
    assert_eq!(upload(office, "one", "y").await.status, 201, "it takes the place of the other");
    let reply = upload(office, "two", "x").await;
    assert_eq!(reply.json["error"], "with these 1 MiB the drive would hold more than its 8 MiB");
    assert_eq!(reply.refused(), (507, Code::DriveFull.as_str().to_owned()));
    assert_eq!(on_drive(office, "two"), None);
    // Another office has its own.
    assert_eq!(upload(house.office().await, "one", "x").await.status, 201);
    office.call("DELETE", "/files/large", Value::Null).await.ok();
    assert_eq!(upload(office, "two", "x").await.status, 201);
    house.close().await;
}
