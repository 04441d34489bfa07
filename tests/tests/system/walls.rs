//! What an agent can reach from its pod, tried by an agent, under a server of root's and of an ordinary user's.

use std::net::TcpListener;

use serde_json::Value;
use tests::{House, Office, SHORT, Server, Start, User};

/// Says each wall that is open; says nothing if all stand. `@NAME@` is filled in.
const BURGLAR: &str = r#"
read_it() { if cat "$1" >/dev/null 2>&1 || ls "$1"/ >/dev/null 2>&1; then echo "read $1"; fi; }
write_it() { if (echo x >"$1") 2>/dev/null; then echo "wrote $1"; fi; }
look() {
  # Controls: these are open, and it must say so.
  read_it /shared/files/bob.txt; write_it /workspace/control; (exec 3<>/dev/tcp/127.0.0.1/${MI_ENDPOINT##*:}) && echo "reached the way in"
  for path in @HOME@ @DATA@ @DATA@/keys/master.key @DATA@/store/mi.db @HOUSE@ @HOUSE@/home/.mi/config.json /root /home \
      /etc/shadow /proc/1/root/root /proc/1/environ @BOBS@ @BOBS@/diary /sys/kernel /boot; do read_it "$path"; done
  for path in /proc/sys/kernel/hostname /proc/sys/kernel/core_pattern /proc/sysrq-trigger /etc/passwd /usr/x /x /opt/mi/bin/x \
      /run/mi/x @HOUSE@/x; do write_it "$path"; done
  awk 'NR > 2 && $1 != "lo:" { print "interface", $1 }' /proc/net/dev
  for port in @SERVER@ @OTHER@; do
    # By chance the pod's own way in may have the same number.
    [ "$port" != "${MI_ENDPOINT##*:}" ] || continue
    if (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; then echo "reached port $port"; fi
  done
  for there in 1.1.1.1/53 10.0.0.1/80 169.254.169.254/80; do
    if (exec 3<>/dev/tcp/$there) 2>/dev/null; then echo "reached $there"; fi
  done
  [ "$(id -u)" != 0 ] || echo "root"
  grep -q '^CapEff:.*[1-9a-f]' /proc/self/status && echo "capabilities"
  grep -q '^NoNewPrivs:.*1' /proc/self/status || echo "new privileges"
  ls -d /proc/[0-9]* | wc -l | { read count; [ "$count" -le 20 ] || echo "sees $count processes"; }
  if kill -0 @SERVERPID@ 2>/dev/null; then echo "sees the server's process"; fi
  touch /workspace/mine && [ -e /workspace/mine ] || echo "no workspace"
  echo from-ada >/shared/files/ada.txt || echo "no drive"
  [ "$(cat /shared/files/bob.txt)" = from-bob ] || echo "no shared drive"
  echo x >/tmp/x || echo "no tmp"
}
open=$(look 2>&1)
tq update --status done --result "tried everything: [$open]"
"#;

/// What every agent may do, and nothing else.
const OPEN_DOORS: &str = "tried everything: [read /shared/files/bob.txt\nwrote /workspace/control\nreached the way in]";

const BOB: &str = "echo dear-diary >/workspace/diary; chmod -R a+rwX /workspace
    echo from-bob >/shared/files/bob.txt; tq update --status done --result ok";

#[test]
fn every_wall_stands() {
    for (house, backend) in User::each().into_iter().flat_map(tried) {
        println!("the server runs as {:?}, its walls are raised by {backend}", house.user());
        let server = Server::start_with(&house, &Start::default().with_env("MI_POD_BACKEND", backend));
        let office = Office::create(&server, "walls");
        office.hire("bob", BOB);
        let bob = office.task("Leave a diary", &["--assignedAgent", "bob"]);
        office.await_status(bob, "done", SHORT);
        burgle(office);
        the_drive_is_one(office);
        other_offices_are_apart(&server);
        assert!(server.stop().success());
    }
}

/// A house for each way to raise walls; says which can't be tried.
fn tried(user: User) -> Vec<(House, &'static str)> {
    let mut ways = vec!["namespaces"];
    if std::path::Path::new("/usr/bin/bwrap").exists() {
        ways.push("bwrap");
    } else {
        println!("skipped: bubblewrap isn't installed, so only our own namespaces are tried");
    }
    ways.into_iter().map(|way| (House::of(user), way)).collect()
}

fn burgle(office: Office<'_>) {
    let server = office.server;
    let house = server.house;
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let id = office.read("/employees/bob")["id"].as_str().unwrap().replace('-', "");
    let bobs = walk(&house.data_dir(), &id).expect("bob's workspace on the host");
    let own_home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let port = server.address().rsplit_once(':').unwrap().1.to_owned();
    let script = [
        ("@HOME@", own_home),
        ("@DATA@", house.data_dir().display().to_string()),
        ("@HOUSE@", house.path("").display().to_string()),
        ("@BOBS@", bobs),
        ("@SERVER@", port),
        ("@OTHER@", somebody.local_addr().unwrap().port().to_string()),
        ("@SERVERPID@", server.pid().to_string()),
    ]
    .into_iter()
    .fold(BURGLAR.to_owned(), |script, (name, value)| script.replace(name, &value));
    office.push("burglar.sh", script.as_bytes());
    office.hire("ada", "bash /shared/files/burglar.sh");
    let task = office.task("Try every door", &["--assignedAgent", "ada"]);
    let detail = office.await_status(task, "done", SHORT);
    assert_eq!(detail["task"]["result_summary"], OPEN_DOORS, "{:?}", house.user());
    somebody.set_nonblocking(true).unwrap();
    assert!(somebody.accept().is_err(), "somebody called from inside");
}

/// The folder of that name, wherever it is below.
fn walk(folder: &std::path::Path, name: &str) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let folders: Vec<_> = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).collect();
    let here = folders.iter().find(|entry| {
        let found = entry.file_name().to_string_lossy().replace('-', "");
        found == name && entry.path().join("diary").exists()
    });
    here.map(|entry| entry.path().display().to_string())
        .or_else(|| folders.iter().find_map(|entry| walk(&entry.path(), name)))
}

/// What agents write with plain file operations is in the list and among the changes, and the other way round.
fn the_drive_is_one(office: Office<'_>) {
    for (name, text) in [("ada.txt", "from-ada\n"), ("bob.txt", "from-bob\n")] {
        assert_eq!(office.file(name), text.as_bytes());
    }
    let names = office.file_names();
    assert!(names.contains(&"ada.txt".to_owned()) && names.contains(&"burglar.sh".to_owned()), "{names:?}");
    let changes = office.read("/files/_changes?since=0");
    let created = |name: &str| {
        let events = changes["events"].as_array().unwrap();
        events.iter().any(|event| event["name"] == name && event["type"] == "created")
    };
    assert!(created("ada.txt") && created("bob.txt") && created("burglar.sh"), "{changes:#}");
}

/// Nothing of an office is on another one's drive, and a session's credential is good for its own office only.
fn other_offices_are_apart(server: &Server<'_>) {
    let (one, two) = (Office::create(server, "one"), Office::create(server, "two"));
    one.push("secret.txt", b"of office one");
    let secret = one.task("Not for office two", &[]);
    let line = format!(
        "ls /shared/files >/shared/files/seen.txt; for path in tasks/{secret} files/secret.txt files employees; do
           mi api GET /api/v1/offices/{}/$path >>/shared/files/answers.txt 2>&1 && echo OPEN >>/shared/files/answers.txt
         done; tq update --status done --result ok",
        one.id()
    );
    two.hire("spy", &line);
    let task = two.task("Look across", &[]);
    two.await_status(task, "done", SHORT);
    let text = |name: &str| String::from_utf8(two.file(name)).unwrap();
    assert!(!text("seen.txt").contains("secret"), "{}", text("seen.txt"));
    let answers = text("answers.txt");
    assert!(!answers.contains("OPEN") && answers.matches("error:").count() == 4, "{answers}");
    let list: Value = two.read("/files");
    assert!(!list.to_string().contains("secret.txt"), "{list:#}");
}
