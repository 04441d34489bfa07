//! What callers do wrong: each gets the contract's answer and exit code, and nothing is changed.

use serde_json::{Value, json};
use tests::{Answer, House, Office, SHORT, Server, until};

const NOBODYS_OFFICE: &str = "0b8f2b8e-3c55-4d0c-9d53-5f2d0c1a7e11";

#[test]
fn at_the_command_line() {
    let house = House::new();
    house.mi(&["colonies", "list"]).fails(4, &["logged in"]);
    let server = Server::start(&house);
    let office = Office::create(&server, "lines");
    usage(&server, office);
    missing_things(&server, office);
    refusals(&server, office);
    let nowhere = [("MI_ENDPOINT", "http://127.0.0.1:1")];
    server.mi_with(&["colonies", "list"], &nowhere).fails(7, &["127.0.0.1:1"]);
    let wrong_key = [("MI_API_KEY", "mi_0000000000000000000000000000000000000000")];
    server.mi_with(&["colonies", "list"], &wrong_key).fails(4, &[]);
    server.mi_with(&["colonies", "list"], &[("MI_API_KEY", "")]).ok();
    assert_eq!(office.read("/tasks/stats")["total"], 1, "only the one task that was meant");
    assert!(server.stop().success());
}

fn usage(server: &Server<'_>, office: Office<'_>) {
    for words in [
        vec!["tasks", "create", "--colony", office.id()],
        vec!["tasks", "create", "--colony", office.id(), "--title", "x", "--kind", "poem"],
        vec!["tasks", "create", "--colony", office.id(), "--title", "x", "--priority", "high"],
        vec!["tasks", "get", "--colony", office.id(), "seven"],
        vec!["tasks", "update", "--colony", office.id(), "1"],
        vec!["tasks", "update", "--colony", office.id(), "1", "--status", "finished"],
        vec!["agents", "hire", "--colony", office.id()],
        vec!["frobnicate"],
    ] {
        let said = server.mi(&words);
        assert_eq!(said.code, Some(2), "{said:#?}");
        assert!(said.stdout.is_empty() && !said.stderr.is_empty(), "{said:#?}");
    }
    // Found by the server.
    office.mi(&["tasks", "create", "--title", "   "]).fails(2, &["title"]);
    office.mi(&["tasks", "create", "--title", "x", "--dependsOn", "77"]).fails(2, &["77"]);
    office.mi(&["tasks", "create", "--title", "x", "--parentId", "77"]).fails(2, &["77"]);
    office.mi(&["tasks", "create", "--title", "x", "--assignedAgent", "nobody"]).fails(2, &["nobody"]);
    office.mi(&["agents", "hire", "--name", "Not A Name"]).fails(2, &[]);
    office.mi(&["agents", "hire", "--name", "owner"]).fails(2, &["owner"]);
    office.mi(&["agents", "hire", "--name", "ada", "--provider", "nobodys-models"]).fails(2, &["nobodys-models"]);
    office.mi(&["agents", "hire", "--name", "ada", "--harness", "command"]).fails(2, &["command"]);
}

fn missing_things(server: &Server<'_>, office: Office<'_>) {
    server.mi(&["tasks", "list", "--colony", NOBODYS_OFFICE]).fails(3, &[]);
    server.mi(&["tasks", "list", "--colony", "no-such-name"]).fails(3, &["no-such-name"]);
    server.mi(&["agents", "get", office.id(), "nobody"]).fails(3, &["nobody"]);
    server.mi(&["agents", "logs", office.id(), "nobody"]).fails(3, &["nobody"]);
    server.mi(&["agents", "fire", office.id(), "nobody"]).fails(3, &["nobody"]);
    office.mi(&["tasks", "get", "77"]).fails(3, &["77"]);
    office.mi(&["tasks", "cancel", "77"]).fails(3, &["77"]);
    office.mi(&["files", "pull", "nothing.md"]).fails(3, &["nothing.md"]);
    office.mi(&["files", "rm", "nothing.md"]).fails(3, &["nothing.md"]);
    assert!(!server.house.path("here/nothing.md").exists(), "a pull that failed leaves no file");
    let unreadable = office.mi(&["files", "push", "./nothing-here.go"]);
    assert_eq!(unreadable.code, Some(1), "{unreadable:#?}");
}

fn refusals(server: &Server<'_>, office: Office<'_>) {
    let twice = Office::create(server, "hires");
    twice.set(&json!({"hireLimit": {"count": 1, "windowSeconds": 600}}));
    twice.hire("ada", "true");
    twice.mi(&["agents", "hire", "--name", "ada", "--command", "true"]).fails(5, &["ada"]);
    twice.mi(&["agents", "hire", "--name", "bob", "--command", "true"]).fails(6, &[]);
    let task = office.task("Only one", &[]).to_string();
    office.mi(&["tasks", "verify", &task, "--accept"]).fails(5, &["queued"]);
    office.mi(&["tasks", "retry", &task]).fails(5, &["queued"]);
    office.mi(&["tasks", "update", &task, "--status", "done", "--result", "   "]).fails(2, &["result"]);
    office.mi(&["tasks", "update", &task, "--dependsOn", &task]).fails(2, &[]);
}

#[test]
fn over_http() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "wire");
    let first = office.task("First", &[]);
    let second = office.task("Second", &["--dependsOn", &first.to_string()]);
    let before = office.read("/tasks");
    bodies(office, first, second);
    credentials(office);
    paths(office);
    limits(office);
    assert_eq!(office.read("/tasks"), before, "nothing was changed");
    assert_eq!(office.file_names(), Vec::<String>::new());
    double_claims(office, first);
    assert!(server.stop().success());
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}");
    let problem = answer.json();
    assert!(!problem["error"].as_str().unwrap_or_default().is_empty(), "{body}");
    assert_eq!(problem["request_id"].as_str(), answer.headers.get("x-request-id").map(String::as_str), "{body}");
    for word in ["/tmp", "sqlite", "SELECT", "panicked"] {
        assert!(!body.contains(word), "{word:?} is nobody's business: {body}");
    }
    if matches!(status, 429 | 503) {
        assert!(answer.headers.contains_key("retry-after"), "{body}");
    }
}

fn bodies(office: Office<'_>, first: i64, second: i64) {
    let tasks = |body: Value| office.call("POST", "/tasks", Some(&body));
    refused(&tasks(json!({})), 400, "bad_request");
    refused(&tasks(json!({"title": 7})), 400, "bad_request");
    refused(&tasks(json!({"title": ""})), 400, "bad_request");
    refused(&tasks(json!({"title": "x", "kind": "poem"})), 400, "bad_request");
    refused(&tasks(json!({"title": "x", "priority": "high"})), 400, "bad_request");
    refused(&tasks(json!({"title": "x", "priority": 101})), 400, "bad_request");
    refused(&tasks(json!({"title": "x", "dependsOn": "99"})), 400, "unknown_dependency");
    refused(&tasks(json!({"title": "x", "parentId": 99})), 400, "unknown_parent");
    refused(&tasks(json!({"title": "x", "assignedAgent": "nobody"})), 400, "unknown_agent");
    refused(&tasks(json!({"title": "x".repeat(501)})), 400, "too_long");
    refused(&tasks(json!({"title": "x", "description": "y".repeat(256 * 1024 + 1)})), 400, "too_long");
    let change = |id: i64, body: Value| office.call("PATCH", &format!("/tasks/{id}"), Some(&body));
    refused(&change(first, json!({"dependsOn": second.to_string()})), 400, "dependency_cycle");
    refused(&change(first, json!({"dependsOn": [first]})), 400, "dependency_cycle");
    refused(&change(first, json!({"status": "done", "result": " \n "})), 400, "result_required");
    refused(&change(first, json!({"status": "done"})), 400, "result_required");
    refused(&change(999, json!({"title": "x"})), 404, "no_such_task");
    let json_type = [("Content-Type", "application/json")];
    let raw = |body: &[u8]| office.server.send("POST", &office.at("/tasks"), &json_type, body);
    refused(&raw(b"{\"title\": \"x\""), 400, "bad_request");
    refused(&raw(b"{\"title\": \"\xff\xfe\"}"), 400, "bad_request");
    refused(&raw(b""), 400, "bad_request");
    refused(&raw(b"[1, 2]"), 400, "bad_request");
    refused(
        &office.server.send("POST", &office.at("/tasks"), &[("Content-Type", "text/csv")], b"title\nx"),
        415,
        "unsupported_media_type",
    );
    refused(&office.call("POST", "/nothing/here", Some(&json!({}))), 404, "no_such_route");
    refused(&office.call("PUT", "/tasks", Some(&json!({}))), 405, "method_not_allowed");
    refused(&office.call("GET", "/tasks/seven", None), 400, "bad_request");
    refused(&office.call("GET", "/employees/nobody", None), 404, "no_such_agent");
    refused(&office.server.call("GET", &format!("/api/v1/offices/{NOBODYS_OFFICE}"), None), 404, "no_such_office");
}

fn credentials(office: Office<'_>) {
    let get = |value: &str| office.server.send("GET", &office.at("/tasks"), &[("Authorization", value)], b"");
    for value in ["", "Bearer", "Bearer mi_wrong", "Basic YTpi", "Bearer mis_wrong", "Bearer mir_wrong"] {
        refused(&get(value), 401, "unauthenticated");
    }
}

fn paths(office: Office<'_>) {
    let upload = |name: &str| {
        let body = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\nx\r\n--cut--\r\n"
        );
        let headers = [("Content-Type", "multipart/form-data; boundary=cut")];
        office.server.send("POST", &office.at("/files"), &headers, body.as_bytes())
    };
    for name in ["../out", "a/../../out", "/etc/passwd", "a//b", "a/./b", "_changes", "_permissions/x", ".."] {
        refused(&upload(name), 400, "bad_path");
    }
    refused(&upload(&"x".repeat(1025)), 400, "bad_path");
    for path in [
        "/files/..%2f..%2fetc%2fpasswd",
        "/files/%2fetc%2fpasswd",
        "/files/a%00b",
        "/files/a%01b",
        "/files/%2e%2e/x",
        "/files/%ff",
    ] {
        let answer = office.call("GET", path, None);
        let is_refused = matches!(
            (answer.status, answer.code().as_str()),
            (400, "bad_path" | "bad_request") | (404, "no_such_file" | "no_such_route")
        );
        assert!(is_refused, "{path}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
}

fn limits(office: Office<'_>) {
    let json_type = [("Content-Type", "application/json")];
    let big = format!("{{\"title\": \"x\", \"description\": \"{}\"}}", "y".repeat(2 * 1024 * 1024));
    refused(&office.server.send("POST", &office.at("/tasks"), &json_type, big.as_bytes()), 413, "body_too_large");
    let mut chunked = Vec::new();
    for piece in big.as_bytes().chunks(60_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let headers = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"), ("Content-Length", "")];
    refused(&office.server.send("POST", &office.at("/tasks"), &headers, &chunked), 413, "body_too_large");
}

/// One task, two claimers at once, by way of the owner's key.
fn double_claims(office: Office<'_>, task: i64) {
    for name in ["ada", "bob"] {
        office.hire(name, "cat >/dev/null");
        office.mi(&["agents", "stop", name]).ok();
    }
    let claim = |agent: &str| office.call("POST", "/tasks/claim", Some(&json!({"agent": agent, "taskId": task})));
    let (one, two) = std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(|| claim("ada")), scope.spawn(|| claim("bob")));
        (one.join().unwrap(), two.join().unwrap())
    });
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{one:?} {two:?}");
    let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
    refused(&lost, 409, "illegal_transition");
    let token = won.json()["claim"]["token"].to_string();
    let log = |token: &str| {
        let headers = [("Content-Type", "application/json"), ("X-Mi-Claim", token)];
        office.server.send("POST", &office.at(&format!("/tasks/{task}/log")), &headers, b"{\"message\": \"mine\"}")
    };
    assert!(log(&token).status < 300);
    let stale = log(&(token.parse::<i64>().unwrap() + 1000).to_string());
    refused(&stale, 409, "stale_claim");
    assert_eq!(stale.json()["must_stop"], true);
}

/// An agent speaks and claims as itself only, and does nothing that is the owner's.
#[test]
fn by_an_agent() {
    let house = House::new();
    let server = Server::start(&house);
    let office = Office::create(&server, "agents");
    office.hire("bob", "tq update --status done --result ok");
    office.mi(&["agents", "stop", "bob"]).ok();
    let bobs = office.task("For bob", &["--assignedAgent", "bob"]);
    let script = format!(
        r#"exec >/shared/files/said.txt 2>&1
        base=/api/v1/offices/$MI_OFFICE
        try() {{ echo "== $1"; shift; "$@"; echo "exit $?"; }}
        try claim mi api POST $base/tasks/claim -d '{{"agent":"bob"}}'
        try speak mi api POST $base/tasks/{bobs}/comments -d '{{"agent":"bob","message":"x"}}'
        try move mi api PATCH $base/tasks/{bobs} -d '{{"status":"done","result":"x"}}'
        try edit mi api PATCH $base/tasks/{bobs} -d '{{"title":"x"}}'
        try settings mi api PATCH $base/settings -d '{{"maxAgents":1}}'
        try fire mi agents fire $MI_OFFICE bob
        try delete mi colonies delete $MI_OFFICE
        try offices mi colonies create --name mine
        mkfifo /shared/files/pipe; ln -s /etc/passwd /shared/files/link; ln -s / /shared/files/way; ln -s . /shared/files/loop
        try pipe tq artifact /shared/files/pipe
        try link tq artifact /shared/files/link
        printf %s "$MI_API_KEY" >/shared/files/credential
        try none tq artifact /shared/files/none
        try out tq artifact /etc/passwd
        tq update --status done --result tried"#
    );
    office.push("try.sh", script.as_bytes());
    office.hire("ada", "sh /shared/files/try.sh");
    let task = office.task("Try things", &["--assignedAgent", "ada"]);
    office.await_status(task, "done", SHORT);
    let said = String::from_utf8(office.file("said.txt")).unwrap();
    let expected = [
        ("claim", 4),
        ("speak", 4),
        ("move", 5),
        ("edit", 4),
        ("settings", 4),
        ("fire", 4),
        ("delete", 4),
        ("offices", 4),
        ("pipe", 5),
        ("link", 2),
        ("none", 3),
        ("out", 2),
    ];
    let exits: Vec<(String, i32)> = said
        .split("== ")
        .skip(1)
        .filter_map(|part| {
            Some((
                part.lines().next()?.to_owned(),
                part.lines().find_map(|line| line.strip_prefix("exit "))?.parse().ok()?,
            ))
        })
        .collect();
    let expected: Vec<(String, i32)> = expected.iter().map(|(name, exit)| ((*name).to_owned(), *exit)).collect();
    assert_eq!(exits, expected, "{said}");
    assert_eq!(office.detail(bobs)["task"]["status"], "queued");
    planted(office);
    ended(office);
    assert!(server.stop().success());
}

/// The credential of a session is good for nothing when the session is over.
fn ended(office: Office<'_>) {
    let credential = format!("Bearer {}", String::from_utf8(office.file("credential")).unwrap());
    assert!(credential.starts_with("Bearer mis_"), "{credential}");
    until(SHORT, "the end of the session's credential", || {
        let answer = office.server.send("GET", &office.at("/tasks"), &[("Authorization", &credential)], b"");
        (answer.code() == "stale_claim").then_some(())
    });
}

/// What an agent planted on the drive is never followed, opened or waited for.
fn planted(office: Office<'_>) {
    let names = office.file_names();
    assert_eq!(names, ["credential", "said.txt", "try.sh"], "only regular files are listed");
    for name in ["pipe", "link", "loop/said.txt", "way/etc/passwd"] {
        let answer = office.call("GET", &format!("/files/{name}"), None);
        let is_refused = matches!(
            (answer.status, answer.code().as_str()),
            (409, "not_a_file") | (400, "bad_path") | (404, "no_such_file")
        );
        assert!(is_refused, "{name}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        let text = office.server.house.put("planted", b"mine");
        let pushed = office.mi(&["files", "push", "--as", name, text.to_str().unwrap()]);
        assert_ne!(pushed.code, Some(0), "nothing is written through {name}: {pushed:#?}");
    }
    assert!(std::fs::read_to_string("/etc/passwd").unwrap().contains("root"), "the link's target is as it was");
}
