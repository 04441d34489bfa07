//! Places where a server can't run, or not for long: each is said, with the way out, and nothing is lost.

use std::net::TcpListener;
use std::process::Command;

use nix::unistd::geteuid;
use serde_json::json;
use tests::{Answer, House, LONG, NOBODY, Office, SHORT, Server, Start, User, until};

const DISK_MIB: usize = 24;
const PIECE_BYTES: usize = 200 * 1024;
const SMALL_PIECE_BYTES: usize = 4096;
/// Far more than the disk holds.
const PIECES_MAX: usize = 1_000;

#[test]
fn a_second_server_and_a_port_in_use_are_refused() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "first");
    let second = Server::refused(&house, &Start::default()).fails(1, &["another mi", "--data-dir"]);
    assert!(second.stderr.contains(&server.pid().to_string()), "{second:#?}");
    assert!(second.stdout.is_empty(), "{second:#?}");
    office.task("The first server goes on", &[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let other = House::new();
    let start = Start::default().with_arguments(&["--listen", &address]);
    Server::refused(&other, &start).fails(1, &[&address, "in use", "--listen"]);
    let nonsense = Start::default().with_arguments(&["--listen", "nonsense"]);
    Server::refused(&other, &nonsense).fails(1, &["nonsense", "--listen"]);
    std::fs::write(other.path("data-file"), "in the way").unwrap();
    let in_the_way = other.path("data-file").display().to_string();
    let file = Start::default().with_arguments(&["--data-dir", &in_the_way]);
    assert_ne!(Server::refused(&other, &file).code, Some(0));
    drop(Server::start(&other));
    assert!(server.stop().success());
}

/// Where namespaces are forbidden, agents can't be closed in: the server says so and how to go on.
#[test]
fn without_a_sandbox_the_server_says_what_to_do() {
    let user = if geteuid().is_root() { User::Nobody } else { User::Same };
    let house = House::of(user);
    let id = NOBODY.to_string();
    let forbid = ["unshare", "--user", "--keep-caps", "--map-user", &id, "--map-group", &id, "sh", "-c"];
    let run = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let here = Start::default().wrapped_in(&forbid).wrapped_in(&[run, "sh"]);
    let trial = house.command("unshare").args(&forbid[1..]).args([run, "sh", "true"]).output().unwrap();
    if !trial.status.success() {
        println!("skipped: {}", String::from_utf8_lossy(&trial.stderr));
        return;
    }
    let said = Server::refused(&house, &here).fails(1, &["sandbox", "--pods process"]);
    assert!(!said.stdout.contains("ready"), "{said:#?}");
    let server = Server::start_with(&house, &here.with_arguments(&["--pods", "process"]));
    let office = Office::create(&server, "open");
    office.hire("ada", "tq update --status done --result 'without walls'");
    let task = office.task("Work all the same", &[]);
    office.await_status(task, "done", SHORT);
    assert!(server.log().contains("this pod has no sandbox"), "{}", server.log());
    assert!(server.stop().success());
}

/// Without walls agents can do what the server's user can; whoever starts it so is told at once.
#[test]
fn a_server_without_walls_says_so_at_its_start() {
    let house = House::new();
    let server = Server::start_with(&house, &Start::default().with_arguments(&["--pods", "process"]));
    until(SHORT, "a word about the missing walls", || server.log().contains("no walls").then_some(()));
    assert!(server.stop().success());
}

/// A server with a data directory on a disk of a few MiB of its own; `None` where that can't be had.
fn on_a_small_disk(house: &House) -> Option<Server<'_>> {
    let may_mount = Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success());
    if !geteuid().is_root() || !may_mount {
        println!("skipped: only root can give the server a small disk");
        return None;
    }
    let data_dir = house.data_dir();
    std::fs::create_dir(&data_dir).unwrap();
    let mount = format!("mount -t tmpfs -o size={DISK_MIB}m,mode=0711 tmpfs '{}' && exec \"$@\"", data_dir.display());
    let start = Start::default().wrapped_in(&["unshare", "-m", "sh", "-c", &mount, "sh"]);
    Some(Server::start_with(house, &start))
}

/// What was filled in, and what was refused.
struct Filled {
    stored: Vec<String>,
    refused: Vec<String>,
}

/// Uploads until the disk is full, then tasks until the store is.
fn fill(office: Office<'_>) -> Filled {
    let mut filled = Filled { stored: Vec::new(), refused: Vec::new() };
    for (first, size) in [(0, PIECE_BYTES), (PIECES_MAX, SMALL_PIECE_BYTES)] {
        for number in first..first + PIECES_MAX {
            let name = format!("piece-{number}");
            let answer = upload(office, &name, size);
            if answer.status >= 300 {
                assert_eq!((answer.status, answer.code().as_str()), (507, "drive_full"), "{answer:?}");
                filled.refused.push(name);
                break;
            }
            filled.stored.push(name);
        }
    }
    let refused = (0..PIECES_MAX).find_map(|_| {
        let body = json!({"title": "Too much", "description": "y".repeat(PIECE_BYTES)});
        let answer = office.call("POST", "/tasks", Some(&body));
        (answer.status >= 300).then_some(answer)
    });
    let refused = refused.expect("the store is full at some time");
    assert_eq!((refused.status, refused.code().as_str()), (507, "drive_full"), "{refused:?}");
    assert!(filled.stored.len() > 10, "{:?}", filled.stored);
    filled
}

fn upload(office: Office<'_>, name: &str, size: usize) -> Answer {
    let head = format!("--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    let body = [head.into_bytes(), vec![b'x'; size], b"\r\n--cut--\r\n".to_vec()].concat();
    let headers = [("Content-Type", "multipart/form-data; boundary=cut")];
    office.server.send("POST", &office.at("/files"), &headers, &body)
}

#[test]
fn a_full_disk_refuses_and_keeps() {
    let house = House::new();
    let Some(server) = on_a_small_disk(&house) else { return };
    let office = Office::create(&server, "small");
    office.push("kept.txt", b"kept");
    let first = office.task("Before", &[]);
    let big = house.put("big", &vec![7; (DISK_MIB + 1) * 1024 * 1024]);
    office.mi(&["files", "push", big.to_str().unwrap()]).fails(1, &["disk"]);
    assert_eq!(office.file_names(), ["kept.txt"], "nothing half-written is left");
    let filled = fill(office);
    assert_eq!(office.file("kept.txt"), b"kept");
    assert_eq!(office.detail(first)["task"]["title"], "Before");
    let half = filled.stored.len() / 2;
    for name in &filled.stored[..half] {
        office.mi(&["files", "rm", name]).ok();
    }
    for name in &filled.stored[half..] {
        let bytes = office.file(name);
        assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == b'x'), "{name} was acknowledged");
    }
    let after = office.task("After", &[]);
    assert_eq!(office.detail(after)["task"]["status"], "queued");
    assert!(server.stop().success());
}

/// Whoever has to make room must see what is there.
#[test]
fn a_full_disk_still_shows_what_it_holds() {
    let house = House::new();
    let Some(server) = on_a_small_disk(&house) else { return };
    let office = Office::create(&server, "full");
    let filled = fill(office);
    let (list, file) = (office.call("GET", "/files?limit=500", None), &filled.stored[0]);
    assert_eq!(list.status, 200, "{list:?}");
    assert!(list.json().as_array().unwrap().len() >= filled.stored.len());
    for name in [file, filled.stored.last().unwrap()] {
        let answer = office.call("GET", &format!("/files/{name}"), None);
        assert_eq!(answer.status, 200, "{name}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert!(server.stop().success());
}

/// "Nothing was stored" is true: also when there is room for the file, but none for its record.
#[test]
fn an_upload_refused_for_want_of_room_leaves_nothing() {
    let house = House::new();
    let Some(server) = on_a_small_disk(&house) else { return };
    let office = Office::create(&server, "room");
    let filled = fill(office);
    for name in &filled.stored {
        office.mi(&["files", "rm", name]).ok();
    }
    let names = office.file_names();
    let wrongly: Vec<&String> = filled.refused.iter().filter(|name| names.contains(name)).collect();
    assert!(wrongly.is_empty(), "refused, and there all the same: {wrongly:?}");
    assert!(server.stop().success());
}

/// Pods are given whole paths, whatever the server was told.
#[test]
fn a_data_directory_may_be_named_from_where_one_stands() {
    const FROM_ITS_PARENT: &str =
        r#"p=$1 d=$4; cd "$(dirname "$d")" && shift 4 && exec "$p" up --data-dir "$(basename "$d")" "$@""#;
    let house = House::new();
    let server = Server::start_with(&house, &Start::default().wrapped_in(&["sh", "-c", FROM_ITS_PARENT, "sh"]));
    let office = Office::create(&server, "near");
    office.hire("ada", "tq done \"$(pwd)\"");
    let task = office.task("Where are you?", &[]);
    let done = office.await_status(task, "done", LONG);
    assert_eq!(done["task"]["result_summary"], "/workspace");
}
