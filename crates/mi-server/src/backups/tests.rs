//! Backups, seen through the house: who leaves leaves its workspace behind, and it comes back as it was.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use mi_core::ids::AgentId;
use serde_json::{Value, json};

use super::desk::Work;
use crate::testing::{TestHouse, TestOffice};

mod disk;

const IDLE: i64 = 600_000;
const LEAVINGS: i64 = 5_000;

async fn id_of(office: TestOffice<'_>, name: &str) -> AgentId {
    let card = office.call("GET", &format!("/employees/{name}"), Value::Null).await.ok();
    card["id"].as_str().unwrap().parse().unwrap()
}

/// An agent whose pod has run, with something in its workspace.
async fn hired_with_files(office: TestOffice<'_>, name: &str) -> PathBuf {
    office.hire(name).await;
    office.house.settle().await;
    let workspace = office.house.house.workspace_dir(office.id, id_of(office, name).await);
    std::fs::create_dir_all(workspace.join("deep/er")).unwrap();
    std::fs::write(workspace.join("deep/er/words.md"), "words").unwrap();
    std::fs::write(workspace.join("run.sh"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(workspace.join("run.sh"), Permissions::from_mode(0o755)).unwrap();
    std::fs::write(workspace.join("x".repeat(200)), vec![7; 70_000]).unwrap();
    std::fs::create_dir(workspace.join("empty")).unwrap();
    symlink("/etc/passwd", workspace.join("link")).unwrap();
    workspace
}

fn assert_whole(workspace: &std::path::Path) {
    assert_eq!(std::fs::read_to_string(workspace.join("deep/er/words.md")).unwrap(), "words");
    assert_eq!(std::fs::metadata(workspace.join("run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read(workspace.join("x".repeat(200))).unwrap().len(), 70_000);
    assert!(workspace.join("empty").is_dir());
    assert_eq!(std::fs::read_link(workspace.join("link")).unwrap(), PathBuf::from("/etc/passwd"));
}

async fn backups(office: TestOffice<'_>) -> Vec<Value> {
    office.call("GET", "/backups", Value::Null).await.ok().as_array().unwrap().clone()
}

async fn stop(office: TestOffice<'_>, name: &str) {
    office.call("POST", &format!("/employees/{name}/lifecycle"), json!({"action": "stop"})).await.ok();
    office.house.settle().await;
}

#[tokio::test]
async fn a_fired_agents_workspace_is_kept_and_comes_back_with_it() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    let kept = backups(office).await;
    let facts = (&kept[0]["agentName"], &kept[0]["cause"], &kept[0]["files"], &kept[0]["bytes"], &kept[0]["skipped"]);
    assert_eq!(facts, (&json!("ada"), &json!("fired"), &json!(3), &json!(70_015), &json!(0)));
    // When its pod is gone, so is the workspace; a newcomer of the name has an empty one.
    house.advance(LEAVINGS).await;
    assert!(!workspace.exists());
    office.hire("ada").await;
    let taken = office.call("POST", "/employees/ada/restore", json!({})).await.refused();
    assert_eq!(taken, (409, "agent_exists".to_owned()));
    office.call("DELETE", "/employees/ada?noBackup=true", Value::Null).await.ok();
    house.settle().await;
    // Of two who had the name, the one that left last had nothing.
    office.call("POST", "/employees/ada/restore", json!({})).await.ok();
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    house.advance(LEAVINGS).await;
    assert_eq!(backups(office).await.len(), 1);
    house.close().await;
}

#[tokio::test]
async fn restore_brings_back_who_was_fired_with_name_and_workspace() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    let id = id_of(office, "ada").await;
    let task = office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    house.advance(LEAVINGS).await;
    assert!(!workspace.exists());
    let back = office.call("POST", "/employees/ada/restore", json!({})).await.ok();
    assert_eq!((&back["id"], &back["status"]["phase"]), (&json!(id.to_string()), &json!("Pending")));
    assert_whole(&workspace);
    house.advance(LEAVINGS).await;
    assert!(workspace.exists(), "what came back is not cleared away");
    assert_eq!(office.runner("ada").await.must_take().await.task.unwrap().0, task);
    house.close().await;
}

#[tokio::test]
async fn an_archived_agent_keeps_its_name_and_is_not_started_before_it_is_restored() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    let task = office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    office.runner("ada").await.must_take().await;
    let card = office.call("POST", "/employees/ada/archive", Value::Null).await.ok();
    assert_eq!(card["status"]["phase"], "Archived");
    house.settle().await;
    assert_eq!(house.driver.running(), 0);
    let found = office.get_task(task).await;
    assert_eq!((&found["status"], &found["attempts"]), (&json!("queued"), &json!(0)));
    assert_eq!(backups(office).await[0]["cause"], "archived");
    let refused = office.call("POST", "/employees/ada/lifecycle", json!({"action": "start"})).await.refused();
    assert_eq!(refused, (409, "agent_archived".to_owned()));
    // Once more is the same, and no second backup.
    office.call("POST", "/employees/ada/archive", Value::Null).await.ok();
    assert_eq!(backups(office).await.len(), 1);
    house.advance(LEAVINGS).await;
    assert_whole(&workspace);
    office.call("POST", "/employees/ada/restore", json!({})).await.ok();
    house.settle().await;
    assert_eq!(office.runner("ada").await.must_take().await.task.unwrap().0, task);
    house.close().await;
}

#[tokio::test]
async fn a_backup_is_put_into_a_stopped_agents_workspace_only() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    hired_with_files(office, "ada").await;
    office.hire("bob").await;
    house.settle().await;
    let made = office.call("POST", "/employees/ada/backups", Value::Null).await.ok();
    let path = format!("/backups/{}/restore", made["id"].as_str().unwrap());
    let refused = office.call("POST", &path, json!({"agent": "bob"})).await.refused();
    assert_eq!(refused, (409, "agent_not_stopped".to_owned()));
    stop(office, "bob").await;
    office.call("POST", &path, json!({"agent": "bob"})).await.ok();
    assert_whole(&house.house.workspace_dir(office.id, id_of(office, "bob").await));
    house.close().await;
}

#[tokio::test]
async fn a_damaged_archive_is_told_and_changes_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    let made = office.call("POST", "/employees/ada/backups", Value::Null).await.ok();
    let id = made["id"].as_str().unwrap();
    let file = house.house.office_dir(office.id).join("backups").join(format!("{id}.tar.zst"));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    stop(office, "ada").await;
    let restore = format!("/backups/{id}/restore");
    let refused = office.call("POST", &restore, json!({})).await.refused();
    assert_eq!(refused, (409, "backup_damaged".to_owned()));
    std::fs::remove_file(&file).unwrap();
    let refused = office.call("POST", &restore, json!({})).await.refused();
    assert_eq!(refused, (409, "backup_damaged".to_owned()));
    assert_whole(&workspace);
    let folder = workspace.parent().unwrap();
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1, "nothing is left beside it");
    house.close().await;
}

#[tokio::test]
async fn what_can_t_be_backed_up_stays_unless_without_is_asked_for() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    let large = std::fs::File::create(workspace.join("large")).unwrap();
    large.set_len(mi_core::limits::BACKUP_BYTES_MAX + 1).unwrap();
    let refused = office.call("DELETE", "/employees/ada", Value::Null).await.refused();
    assert_eq!(refused, (409, "backup_too_large".to_owned()));
    std::fs::remove_file(workspace.join("large")).unwrap();
    let mut deep = workspace.join("deep");
    for _ in 0..130 {
        deep.push("d");
    }
    std::fs::create_dir_all(&deep).unwrap();
    let refused = office.call("POST", "/employees/ada/archive", Value::Null).await.refused();
    assert_eq!(refused, (409, "backup_failed".to_owned()));
    assert_eq!(backups(office).await.len(), 0);
    assert_eq!(std::fs::read_dir(house.house.office_dir(office.id).join("backups")).unwrap().count(), 0);
    office.call("DELETE", "/employees/ada?noBackup=true", Value::Null).await.ok();
    house.close().await;
}

/// A folder in folders with long names, far enough down that each name in it counts by kilobytes.
fn far_below(workspace: &std::path::Path, levels: usize) -> PathBuf {
    let far = (0..levels).fold(workspace.to_owned(), |path, _| path.join("n".repeat(250)));
    std::fs::create_dir_all(&far).unwrap();
    far
}

#[tokio::test]
async fn names_that_no_restore_could_hold_are_told_before_anybody_is_fired() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    std::fs::write(far_below(&workspace, 12).join("x".repeat(100)), "").unwrap();
    let refused = office.call("DELETE", "/employees/ada", Value::Null).await.refused();
    assert_eq!(refused, (409, "backup_failed".to_owned()));
    std::fs::remove_dir_all(workspace.join("n".repeat(250))).unwrap();
    let far = far_below(&workspace, 11);
    for number in 0..17_500 {
        std::fs::hard_link(workspace.join("run.sh"), far.join(format!("{number:0>200}"))).unwrap();
    }
    let refused = office.call("DELETE", "/employees/ada", Value::Null).await.refused();
    assert_eq!(refused, (409, "backup_too_large".to_owned()));
    office.call("DELETE", "/employees/ada?noBackup=true", Value::Null).await.ok();
    house.close().await;
}

#[tokio::test]
async fn backups_are_listed_deleted_and_limited_in_number() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    hired_with_files(office, "ada").await;
    for _ in 0..12 {
        office.call("POST", "/employees/ada/backups", Value::Null).await.ok();
        house.advance(1).await;
    }
    let kept = backups(office).await;
    let folder = house.house.office_dir(office.id).join("backups");
    assert_eq!((kept.len(), std::fs::read_dir(&folder).unwrap().count()), (10, 10));
    let path = format!("/backups/{}", kept[0]["id"].as_str().unwrap());
    office.call("DELETE", &path, Value::Null).await.ok();
    assert_eq!(office.call("DELETE", &path, Value::Null).await.refused(), (404, "no_such_backup".to_owned()));
    let odd = office.call("DELETE", "/backups/..%2f..%2fx", Value::Null).await.refused();
    assert_eq!(odd, (404, "no_such_backup".to_owned()));
    assert_eq!((backups(office).await.len(), std::fs::read_dir(&folder).unwrap().count()), (9, 9));
    let none = office.call("GET", "/backups?agent=nobody", Value::Null).await.ok();
    assert_eq!(none, json!([]));
    house.close().await;
}

#[tokio::test]
async fn a_specialist_without_work_ends_itself_and_leaves_its_workspace() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let task = office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    let mut ada = office.runner("ada").await;
    let grant = ada.must_take().await;
    let hire = json!({"name": "helper", "harness": "command", "command": "true"});
    office.call_as(&ada.harness(&grant), "POST", "/employees", hire).await.ok();
    let mut helper = office.runner("helper").await;
    let workspace = house.house.workspace_dir(office.id, id_of(office, "helper").await);
    std::fs::write(workspace.join("notes"), "mine").unwrap();
    let waits = office.task(json!({"title": "t", "assignedAgent": "helper", "dependsOn": [task]})).await;
    assert_eq!(helper.next(0).await.status, 204);
    house.house.clock.advance(mi_core::time::Millis(IDLE));
    assert_eq!(helper.next(0).await.json["control"], "hibernate");
    helper.exit(0).await;
    // Something waits for it, so it only rests.
    let phase = office.call("GET", "/employees/helper", Value::Null).await.ok()["status"]["phase"].clone();
    assert_eq!(phase, "Hibernated");
    office.call("POST", &format!("/tasks/{waits}/cancel"), json!({})).await.ok();
    house.settle().await;
    assert_eq!(office.call("GET", "/employees/helper", Value::Null).await.refused().0, 404);
    let kept = backups(office).await;
    assert_eq!((&kept[0]["agentName"], &kept[0]["cause"]), (&json!("helper"), &json!("ended")));
    // Its name is free.
    office.hire("helper").await;
    house.close().await;
}

#[tokio::test]
async fn a_specialist_that_can_t_be_backed_up_rests_on_and_stands_in_nobody_s_way() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    office.hire("ada").await;
    office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    let mut ada = office.runner("ada").await;
    let grant = ada.must_take().await;
    for name in ["first", "second"] {
        let hire = json!({"name": name, "harness": "command", "command": "true"});
        office.call_as(&ada.harness(&grant), "POST", "/employees", hire).await.ok();
        let mut runner = office.runner(name).await;
        assert_eq!(runner.next(0).await.status, 204);
        let workspace = house.house.workspace_dir(office.id, id_of(office, name).await);
        if name == "first" {
            let large = std::fs::File::create(workspace.join("large")).unwrap();
            large.set_len(mi_core::limits::BACKUP_BYTES_MAX + 1).unwrap();
        }
        house.house.clock.advance(mi_core::time::Millis(IDLE));
        assert_eq!(runner.next(0).await.json["control"], "hibernate");
        runner.pod.exit(0);
    }
    house.settle().await;
    assert_eq!(office.call("GET", "/employees/second", Value::Null).await.refused().0, 404);
    let told = office.call("GET", "/employees/first/last-error", Value::Null).await.ok();
    assert!(told["error"].as_str().unwrap().contains("a backup holds 4 GiB"), "{told}");
    // Nobody touches it again before another term is over.
    let workspace = house.house.workspace_dir(office.id, id_of(office, "first").await);
    std::fs::remove_file(workspace.join("large")).unwrap();
    house.advance(IDLE - 1).await;
    assert_eq!(office.call("GET", "/employees/first", Value::Null).await.status, 200);
    house.advance(1).await;
    assert_eq!(office.call("GET", "/employees/first", Value::Null).await.refused().0, 404);
    house.close().await;
}

#[tokio::test]
async fn a_specialist_that_can_t_start_ends_when_its_term_is_over() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let task = office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    let mut ada = office.runner("ada").await;
    let grant = ada.must_take().await;
    let hire = json!({"name": "helper", "harness": "command", "command": "true"});
    office.call_as(&ada.harness(&grant), "POST", "/employees", hire).await.ok();
    let waits = office.task(json!({"title": "t", "assignedAgent": "helper", "dependsOn": [task]})).await;
    for wait in [1_000, 5_000, 1] {
        office.runner("helper").await.exit(1).await;
        house.advance(wait).await;
    }
    let phase = async || office.call("GET", "/employees/helper", Value::Null).await.json["status"]["phase"].clone();
    assert_eq!(phase().await, "Failed");
    house.advance(IDLE).await;
    assert_eq!(phase().await, "Failed", "something waits for it");
    office.call("POST", &format!("/tasks/{waits}/cancel"), json!({})).await.ok();
    house.settle().await;
    assert_eq!(office.call("GET", "/employees/helper", Value::Null).await.refused().0, 404);
    house.close().await;
}

/// More of them than one round looks at, and all are needed but the last.
#[tokio::test]
async fn specialists_that_are_needed_keep_nobody_else_from_ending() {
    const CROWD: usize = 101;
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    office.hire("ada").await;
    let task = office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    let mut ada = office.runner("ada").await;
    let grant = ada.must_take().await;
    for n in 0..CROWD {
        let name = format!("helper-{n}");
        let hire = json!({"name": name, "harness": "command", "command": "true"});
        office.call_as(&ada.harness(&grant), "POST", "/employees", hire).await.ok();
        office.task(json!({"title": "t", "assignedAgent": name, "dependsOn": [task]})).await;
    }
    let mut runners = Vec::new();
    for n in 0..CROWD {
        runners.push(office.runner(&format!("helper-{n}")).await);
    }
    for runner in &mut runners {
        assert_eq!(runner.next(0).await.status, 204);
    }
    house.house.clock.advance(mi_core::time::Millis(IDLE));
    for runner in &mut runners {
        assert_eq!(runner.next(0).await.json["control"], "hibernate");
        runner.pod.exit(0);
    }
    house.settle().await;
    let ids = office.call("GET", "/employees?limit=500", Value::Null).await.ok();
    let mut helpers: Vec<(String, String)> = ids
        .as_array()
        .unwrap()
        .iter()
        .filter(|agent| agent["spawnedBy"] == "ada")
        .map(|agent| (agent["id"].as_str().unwrap().replace('-', ""), agent["name"].as_str().unwrap().to_owned()))
        .collect();
    helpers.sort();
    assert_eq!(helpers.len(), CROWD);
    let last = &helpers[CROWD - 1].1;
    let tasks = office.call("GET", &format!("/tasks?assignedAgent={last}"), Value::Null).await.ok();
    office.call("POST", &format!("/tasks/{}/cancel", tasks[0]["id"]), json!({})).await.ok();
    for _ in 0..3 {
        house.advance(1).await;
    }
    assert_eq!(office.call("GET", &format!("/employees/{last}"), Value::Null).await.refused().0, 404);
    house.close().await;
}

#[tokio::test]
async fn specialists_fill_no_disk() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    office.hire("ada").await;
    office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    let mut ada = office.runner("ada").await;
    let grant = ada.must_take().await;
    for number in 0..52 {
        let name = format!("helper-{number}");
        let hire = json!({"name": name, "harness": "command", "command": "true"});
        office.call_as(&ada.harness(&grant), "POST", "/employees", hire).await.ok();
        let workspace = house.house.workspace_dir(office.id, id_of(office, &name).await);
        std::fs::create_dir_all(&workspace).unwrap();
        std::fs::write(workspace.join("much"), "much").unwrap();
        let path = format!("/employees/{name}");
        office.call_as(&ada.harness(&grant), "DELETE", &path, Value::Null).await.ok();
        house.advance(1).await;
    }
    let kept = office.call("GET", "/backups?limit=500", Value::Null).await.ok();
    assert_eq!(kept.as_array().unwrap().len(), 50);
    assert_eq!(kept[49]["agentName"], "helper-2");
    house.close().await;
}

#[tokio::test]
async fn operators_look_into_workspaces_and_follow_no_link() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    symlink("deep", workspace.join("to-deep")).unwrap();
    let listed = office.call("GET", "/employees/ada/files", Value::Null).await.ok();
    let kinds: Vec<(&str, &str)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["name"].as_str().unwrap(), entry["kind"].as_str().unwrap()))
        .collect();
    let long = "x".repeat(200);
    let expected = [
        ("deep", "folder"),
        ("empty", "folder"),
        ("link", "other"),
        ("run.sh", "file"),
        ("to-deep", "other"),
        (long.as_str(), "file"),
    ];
    assert_eq!(kinds, expected);
    let inner = office.call("GET", "/employees/ada/files?path=deep%2Fer", Value::Null).await.ok();
    assert_eq!((&inner[0]["name"], &inner[0]["size"]), (&json!("words.md"), &json!(5)));
    for (path, status, code) in [
        ("/employees/ada/files/link", 409, "not_a_file"),
        ("/employees/ada/files/to-deep/er/words.md", 409, "not_a_file"),
        ("/employees/ada/files?path=to-deep", 409, "not_a_file"),
        ("/employees/ada/files/nothing", 404, "no_such_file"),
        ("/employees/ada/files/deep/..%2f..%2f..%2fmi.db", 400, "bad_path"),
        ("/employees/ada/files?path=..", 400, "bad_path"),
        ("/employees/nobody/files", 404, "no_such_agent"),
    ] {
        assert_eq!(office.call("GET", path, Value::Null).await.refused(), (status, code.to_owned()), "{path}");
    }
    let mut runner = office.runner("ada").await;
    let task = office.task(json!({"title": "t"})).await;
    let grant = runner.must_take().await;
    assert_eq!(grant.task.unwrap().0, task);
    let refused = office.call_as(&runner.harness(&grant), "GET", "/employees/ada/files", Value::Null).await.refused();
    assert_eq!(refused, (403, "operator_only".to_owned()));
    house.close().await;
}

/// Polls the request as a connection does, until its backup is being made; then its client is gone.
async fn leave_while_packing(office: TestOffice<'_>, method: &str, path: &str) {
    let folder = office.house.house.office_dir(office.id).join("backups");
    tokio::select! {
        biased;
        reply = office.call(method, path, Value::Null) => { reply.ok(); }
        () = until_there(&folder) => {}
    }
}

async fn until_there(path: &std::path::Path) {
    for _ in 0..10_000_000 {
        if path.exists() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} doesn't come", path.display());
}

async fn until_backed_up(office: TestOffice<'_>) -> Value {
    for _ in 0..100_000 {
        if let Some(made) = backups(office).await.first() {
            return made.clone();
        }
        tokio::task::yield_now().await;
    }
    panic!("no backup is recorded");
}

#[tokio::test]
async fn a_client_that_goes_away_takes_no_backup_along() {
    for (method, path, cause) in [
        ("DELETE", "/employees/ada", "fired"),
        ("POST", "/employees/ada/archive", "archived"),
        ("POST", "/employees/ada/backups", "manual"),
    ] {
        let house = TestHouse::new().await;
        let office = house.office().await;
        let workspace = hired_with_files(office, "ada").await;
        // Something to pack for a while, of no bytes on the disk.
        std::fs::File::create(workspace.join("large")).unwrap().set_len(8 * 1024 * 1024).unwrap();
        leave_while_packing(office, method, path).await;
        let made = until_backed_up(office).await;
        assert_eq!(made["cause"], cause);
        if cause == "manual" {
            stop(office, "ada").await;
            std::fs::remove_dir_all(&workspace).unwrap();
            let restore = format!("/backups/{}/restore", made["id"].as_str().unwrap());
            office.call("POST", &restore, json!({})).await.ok();
        } else {
            house.settle().await;
            house.advance(LEAVINGS).await;
            office.call("POST", "/employees/ada/restore", json!({"backup": made["id"]})).await.ok();
        }
        assert_whole(&workspace);
        house.close().await;
    }
}

#[tokio::test]
async fn a_refused_restore_leaves_the_workspace_as_it_was() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    let made = office.call("POST", "/employees/ada/backups", Value::Null).await.ok();
    let path = format!("/backups/{}/restore", made["id"].as_str().unwrap());
    stop(office, "ada").await;
    std::fs::write(workspace.join("later"), "later").unwrap();
    // All places are taken, so that the restore waits for one while its agent is started.
    let desk = &house.house.backups;
    let mut turns = Vec::new();
    for _ in 0..2 {
        turns.push(desk.turn(AgentId(uuid::Uuid::new_v4()), Work::Read).await.unwrap());
    }
    let starting = async {
        // The restore has looked by then; had it not, it would be refused all the same.
        for _ in 0..20 {
            office.call("GET", "/employees/ada", Value::Null).await.ok();
        }
        office.call("POST", "/employees/ada/lifecycle", json!({"action": "start"})).await.ok();
        turns.clear();
    };
    let (reply, ()) = tokio::join!(office.call("POST", &path, json!({})), starting);
    assert_eq!(reply.refused(), (409, "agent_not_stopped".to_owned()));
    assert_eq!(std::fs::read_to_string(workspace.join("later")).unwrap(), "later");
    assert_whole(&workspace);
    assert_eq!(std::fs::read_dir(workspace.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    house.settle().await;
    stop(office, "ada").await;
    office.call("POST", &path, json!({})).await.ok();
    assert!(!workspace.join("later").exists());
    assert_eq!(std::fs::read_dir(workspace.parent().unwrap()).unwrap().count(), 1, "the old one is gone");
    house.close().await;
}

#[tokio::test]
async fn what_a_dying_server_left_of_a_restore_is_put_right_at_the_next_start() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let workspace = hired_with_files(office, "ada").await;
    let folder = workspace.parent().unwrap().to_owned();
    let id = workspace.file_name().unwrap().to_str().unwrap().to_owned();
    std::fs::rename(&workspace, folder.join(format!(".before-{id}"))).unwrap();
    std::fs::create_dir_all(folder.join(format!(".restoring-{id}/half"))).unwrap();
    super::tidy_up(&house.house).await.unwrap();
    assert_whole(&workspace);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    std::fs::create_dir(folder.join(format!(".before-{id}"))).unwrap();
    super::tidy_up(&house.house).await.unwrap();
    assert_whole(&workspace);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    house.close().await;
}
