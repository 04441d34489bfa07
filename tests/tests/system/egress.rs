//! The world outside from a real pod: nowhere by default, and with ordinary programs where the colony allows it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::{House, Office, SHORT, Server, Start, until};

/// Not one of the addresses that programs reach without a proxy. In the pod it is the pod's own loopback.
const WORLD: &str = "127.0.0.2";
/// Says what each program got; `@WORLD@` is filled in.
const CURIOUS: &str = r#"
cd /tmp
exec >/shared/files/said.txt 2>&1
echo "plain: $(curl -sS -m 20 http://@WORLD@/hello.txt)"
echo "tunnel: $(curl -sS -m 20 --proxytunnel http://@WORLD@/hello.txt)"
echo "straight: $(curl -sS -m 20 --noproxy '*' http://@WORLD@/hello.txt || echo failed)"
echo "redirect: $(curl -sS -m 20 -L -o /dev/null -w '%{http_code}' http://@WORLD@/away)"
echo "other: $(curl -sS -m 20 https://example.com/ || echo failed)"
echo "server: $(curl -sS -m 20 --noproxy '' -o /dev/null -w '%{http_code}' http://@SERVER@/healthz)"
echo "api: $(curl -sS -m 20 -o /dev/null -w '%{http_code}' "$MI_ENDPOINT/healthz")"
git clone -q http://@WORLD@/repo.git && echo "git: $(cat repo/read.me)"
tq update --status done --result ok
"#;

#[test]
fn ordinary_programs_reach_what_the_colony_allows_and_nothing_else() {
    if !has_programs() {
        println!("skipped: curl and git aren't both installed where pods see them");
        return;
    }
    let house = House::new();
    let world = world(&served(&house));
    let start = Start::default().with_arguments(&["--egress-private", WORLD]);
    let server = Server::start_with(&house, &start);
    let office = Office::create(&server, "egress");
    let line = CURIOUS.replace("@WORLD@", &world).replace("@SERVER@", &server.address());
    office.hire("ada", &line);

    let shut = said(office);
    assert!(shut.contains("plain: {\"error\":\"the office's egress doesn't allow GET to 127.0.0.2:"), "{shut}");
    assert!(shut.contains("CONNECT tunnel failed, response 403"), "{shut}");
    assert!(!shut.contains("hello, world") && !shut.contains("git:"), "{shut}");

    office.mi(&["colonies", "update", "--allow", &world]).ok();
    let open = said(office);
    for line in
        ["plain: hello, world", "tunnel: hello, world", "redirect: 403", "server: 403", "api: 200", "git: read me"]
    {
        assert!(open.contains(line), "{line}: {open}");
    }
    for line in ["straight: failed", "other: failed"] {
        assert!(open.contains(line), "{line}: {open}");
    }
    let port: i64 = world.rsplit_once(':').unwrap().1.parse().unwrap();
    until(SHORT, "both ways are recorded", || {
        let events = office.read("/events?category=session&limit=500");
        let has = |method: &str| events.as_array().unwrap().iter().any(|event| is_passage(event, method, port));
        (has("GET") && has("CONNECT")).then_some(())
    });
    assert!(server.stop().success());
}

fn is_passage(event: &Value, method: &str, port: i64) -> bool {
    let data = &event["data"];
    event["type"] == "egress.allowed"
        && (&data["method"], &data["host"], &data["port"]) == (&json!(method), &json!(WORLD), &json!(port))
        && data["bytesDown"].as_i64().is_some_and(|bytes| bytes > 0)
}

/// What ada's programs said, as they find the world now.
fn said(office: Office<'_>) -> String {
    let task = office.task("Look around", &["--assignedAgent", "ada"]);
    office.await_status(task, "done", SHORT);
    String::from_utf8(office.file("said.txt")).unwrap()
}

fn has_programs() -> bool {
    ["curl", "git"]
        .iter()
        .all(|name| ["/usr/bin", "/usr/local/bin"].iter().any(|dir| Path::new(dir).join(name).exists()))
}

/// A text, and a repository as a plain web server serves it.
fn served(house: &House) -> PathBuf {
    let folder = house.path("world");
    let line = format!(
        "set -e; mkdir -p {0}; cd {0}; printf 'hello, world' >hello.txt; git init -q -b main work; cd work
         echo 'read me' >read.me; git add read.me; git -c user.name=a -c user.email=a@b commit -q -m first; cd ..
         git clone -q --bare work repo.git; git -C repo.git update-server-info",
        folder.display()
    );
    house.shell(&line).ok();
    folder
}

/// A web server of few words on an address of this machine; where it is.
fn world(folder: &Path) -> String {
    let listener = TcpListener::bind((WORLD, 0)).unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            answer(stream, &folder);
        }
    });
    place
}

/// Who hangs up in the middle is not missed.
fn answer(mut stream: TcpStream, folder: &Path) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let _headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let path = first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    let path = path.split('?').next().unwrap_or_default();
    let (head, body) = match (path, std::fs::read(folder.join(path))) {
        ("away", _) => ("302 Found\r\nlocation: http://169.254.169.254/latest".to_owned(), Vec::new()),
        (_, Ok(body)) => ("200 OK".to_owned(), body),
        (_, Err(_)) => ("404 Not Found".to_owned(), Vec::new()),
    };
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    if let Err(error) = sent {
        println!("an answer didn't arrive: {error}");
    }
}
