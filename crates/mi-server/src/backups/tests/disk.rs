//! What backups take from the disk, and give back to it.

use std::fs::{File, FileTimes};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::UNIX_EPOCH;

use mi_core::time::Millis;
use serde_json::{Value, json};

use super::super::desk::Work;
use super::super::strays::{STRAYS_KEPT_DAYS, collect};
use super::{backups, hired_with_files, id_of, stop};
use crate::testing::TestHouse;

/// The unit of `st_blocks` (stat(2)).
const BLOCK_BYTES: u64 = 512;
const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn holes_come_back_as_holes() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    let sparse = File::create(workspace.join("sparse")).unwrap();
    sparse.set_len(64 * MIB).unwrap();
    sparse.write_all_at(b"in the middle", 32 * MIB + 77).unwrap();
    let made = office.call("POST", "/employees/ada/backups", Value::Null).await.ok();
    stop(office, "ada").await;
    std::fs::remove_dir_all(&workspace).unwrap();
    office.call("POST", &format!("/backups/{}/restore", made["id"].as_str().unwrap()), json!({})).await.ok();
    let back = File::open(workspace.join("sparse")).unwrap();
    let facts = back.metadata().unwrap();
    assert_eq!(facts.len(), 64 * MIB);
    assert!(facts.blocks() * BLOCK_BYTES <= MIB, "{} blocks", facts.blocks());
    let mut words = [0; 14];
    back.read_exact_at(&mut words, 32 * MIB + 76).unwrap();
    assert_eq!(&words, b"\0in the middle");
    super::assert_whole(&workspace);
    house.close().await;
}

#[tokio::test]
async fn a_file_that_is_mostly_hole_and_too_long_is_named() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    File::create(workspace.join("deep/huge")).unwrap().set_len(1024 * 1024 * MIB).unwrap();
    let reply = office.call("POST", "/employees/ada/backups", Value::Null).await;
    let said = "deep/huge in the workspace of ada is 1024 GiB long, its holes included; a backup holds 4 GiB";
    assert_eq!(reply.json["error"], said);
    assert_eq!(reply.refused(), (409, "backup_too_large".to_owned()));
    std::fs::remove_file(workspace.join("deep/huge")).unwrap();
    house.close().await;
}

#[tokio::test]
async fn no_pod_starts_in_a_workspace_that_is_being_replaced() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    hired_with_files(office, "ada").await;
    let ada = id_of(office, "ada").await;
    for (work, starts) in [(Work::Replaced, 0), (Work::Read, 1)] {
        stop(office, "ada").await;
        let turn = house.house.backups.turn(ada, work).await.unwrap();
        office.call("POST", "/employees/ada/lifecycle", json!({"action": "start"})).await.ok();
        house.settle().await;
        assert_eq!(house.driver.running(), starts, "{work:?}");
        drop(turn);
        house.settle().await;
        assert_eq!(house.driver.running(), 1);
    }
    house.close().await;
}

#[tokio::test]
async fn archives_without_a_row_are_removed_when_nobody_can_miss_them() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    hired_with_files(office, "ada").await;
    let made = office.call("POST", "/employees/ada/backups", Value::Null).await.ok();
    let folder = house.house.office_dir(office.id).join("backups");
    // However old it is: of what an unknown store or an older one doesn't know, somebody may.
    let place = |folder: &std::path::Path, name: &str| {
        std::fs::create_dir_all(folder).unwrap();
        let file = File::options().create(true).append(true).open(folder.join(name)).unwrap();
        file.set_times(FileTimes::new().set_modified(UNIX_EPOCH)).unwrap();
    };
    let known = format!("{}.tar.zst", made["id"].as_str().unwrap());
    let foreign = house.house.data_dir().join("offices/7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5c/backups");
    place(&folder, &known);
    place(&folder, "0123456789abcdef.tar.zst");
    place(&folder, "what-somebody-put-there");
    place(&foreign, "0123456789abcdef.tar.zst");
    let names = |folder: &std::path::Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let mut both = ["0123456789abcdef.stray", "0123456789abcdef.tar.zst", known.as_str(), "what-somebody-put-there"];
    both.sort_unstable();
    collect(&house.house).await.unwrap();
    house.house.clock.advance(Millis(Millis::days(STRAYS_KEPT_DAYS).0 - 1));
    collect(&house.house).await.unwrap();
    assert_eq!(names(&folder), both);
    house.house.clock.advance(Millis(1));
    collect(&house.house).await.unwrap();
    let mut left = [known.as_str(), "what-somebody-put-there"];
    left.sort_unstable();
    assert_eq!(names(&folder), left);
    assert_eq!(names(&foreign), ["0123456789abcdef.tar.zst"]);
    // What is known again is marked no more.
    let mark = folder.join(known.replace("tar.zst", "stray"));
    std::fs::write(&mark, "0").unwrap();
    collect(&house.house).await.unwrap();
    assert!(!mark.exists() && folder.join(&known).exists());
    assert_eq!(backups(office).await.len(), 1);
    house.close().await;
}
