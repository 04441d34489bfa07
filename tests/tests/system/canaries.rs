//! Keys of models never leave the server: not into pods, files, logs, events, transcripts or answers, in whatever dress.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testkit::model::ScriptedModel;
use testkit::model::scenario::Scenario;
use tests::{House, LONG, Office, Server, Start, example};

/// In all canaries, so that one search finds any of them; nothing else has it.
const CORE: &str = "Tw33tyB1rdN0b0dyS41d";
/// In the server's own environment. Some are used by it, and none is a pod's.
const OF_THE_SERVER: [&str; 18] = [
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "VENICE_API_KEY",
    "OPENROUTER_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CODEX_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "MISTRAL_API_KEY",
    "DEEPSEEK_API_KEY",
    "GROQ_API_KEY",
    "XAI_API_KEY",
    "TOGETHER_API_KEY",
    "FIREWORKS_API_KEY",
    "COHERE_API_KEY",
    "HF_TOKEN",
];
/// Set by the office's owner.
const OF_THE_OFFICE: [&str; 6] = ["claude-code", "openai-codex", "google", "openai", "venice", "elevenlabs"];

/// Like the key of a provider, with characters that are written otherwise in addresses.
fn canary(n: usize) -> String {
    format!("sk-{n:02}-{CORE}/+={n:02}")
}

/// The core in every dress that keeps its bytes together.
fn dresses() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = vec![
        ("plain", CORE.as_bytes().to_vec()),
        ("hexadecimal", hex::encode(CORE).into_bytes()),
        ("HEXADECIMAL", hex::encode_upper(CORE).into_bytes()),
        ("backwards", CORE.bytes().rev().collect()),
        ("UTF-16", CORE.bytes().flat_map(|byte| [byte, 0]).collect()),
    ];
    // Base64 depends on where a text begins; what its neighbours decide is left out.
    for before in 0..3 {
        let text = format!("{}{CORE}", "x".repeat(before));
        let whole = CORE.len() - (3 - before) % 3;
        let inner = |encoded: String| {
            let start = if before == 0 { 0 } else { 4 };
            let end = start + whole / 3 * 4;
            encoded.as_bytes()[start..end].to_vec()
        };
        all.push(("base64", inner(STANDARD_NO_PAD.encode(&text))));
        all.push(("base64 of addresses", inner(URL_SAFE_NO_PAD.encode(&text))));
    }
    all
}

struct Watch {
    dresses: Vec<(&'static str, Vec<u8>)>,
    found: Mutex<Vec<String>>,
    looked: Mutex<usize>,
}

impl Watch {
    fn new() -> Self {
        Self { dresses: dresses(), found: Mutex::default(), looked: Mutex::default() }
    }

    fn look(&self, place: &str, bytes: &[u8]) {
        *self.looked.lock().unwrap() += 1;
        let text = String::from_utf8_lossy(bytes);
        for (dress, needle) in &self.dresses {
            if text.contains(std::str::from_utf8(needle).unwrap_or(CORE)) {
                self.found.lock().unwrap().push(format!("{place} ({dress})"));
            }
        }
        if bytes.starts_with(&[0x1f, 0x8b]) {
            self.look(&format!("{place}, unpacked"), &unpacked(bytes));
        }
    }

    fn look_at_folder(&self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                self.look_at_folder(&path);
            } else if kind.is_file()
                && let Ok(bytes) = fs::read(&path)
            {
                self.look(&path.display().to_string(), &bytes);
            }
        }
    }

    /// Whatever the server started, as the kernel shows it. What has not become another program yet is the server still.
    fn look_at_processes(&self, server: &Server<'_>) {
        let cmdline = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let own = cmdline(server.pid());
        for process in server.family().into_iter().filter(|process| cmdline(process.pid) != own) {
            for file in ["environ", "cmdline", "comm"] {
                if let Ok(bytes) = fs::read(format!("/proc/{}/{file}", process.pid)) {
                    self.look(&format!("{process:?} {file}"), &bytes);
                }
            }
        }
    }

    /// Every answer that the owner can get by asking, and what is said to whoever asks wrongly.
    fn look_at_answers(&self, office: Office<'_>, agents: &[&str], sessions: &[i64]) -> usize {
        let description = office.server.call("GET", "/openapi.json", None).json();
        let mut good = 0;
        for (path, methods) in description["paths"].as_object().unwrap() {
            let never_ends = ["stream", "terminal", "follow"].iter().any(|word| path.contains(word));
            if methods.get("get").is_none() || never_ends {
                continue;
            }
            for (n, agent) in agents.iter().enumerate() {
                let session = sessions.get(n).copied().unwrap_or(1).to_string();
                let asked = path.replace("{office}", office.id()).replace("{session}", &session);
                let asked = asked.replace("{integration}", OF_THE_OFFICE[n]).replace("{name}", agent);
                let asked = asked.replace("{agent}", agent).replace("{id}", &(n + 1).to_string());
                let answer = office.server.call("GET", &asked, None);
                self.look(&format!("GET {asked}"), &answer.body);
                good += usize::from(answer.status == 200);
            }
        }
        good
    }
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut gunzip = std::process::Command::new("gzip");
    gunzip.arg("-dc").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = gunzip.stderr(std::process::Stdio::null()).spawn().unwrap();
    let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
    let feeding = thread::spawn(move || stdin.write_all(&bytes).ok());
    let out = child.wait_with_output().unwrap().stdout;
    feeding.join().unwrap();
    out
}

/// A provider that refuses every call, and repeats in its refusal all that it was sent as a key.
fn gossip() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 8 * 1024];
            let Ok(length) = stream.read(&mut head) else { continue };
            let text = String::from_utf8_lossy(&head[..length]);
            let sent: Vec<&str> = text.lines().filter(|line| line.contains(CORE)).collect();
            let body = json!({"error": {"message": format!("no such key: {}", sent.join(", "))}}).to_string();
            let answer = format!(
                "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\
                 \r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    address
}

fn start(model: &ScriptedModel, gossip: &str) -> Start {
    let names = OF_THE_SERVER.iter().enumerate();
    let keyed = names.fold(Start::default(), |start, (n, name)| start.with_env(name, canary(n)));
    keyed
        .with_env("OPENAI_BASE_URL", format!("{}/openai/v1", model.url()))
        .with_env("GEMINI_BASE_URL", format!("{}/gemini", model.url()))
        .with_env("ANTHROPIC_BASE_URL", gossip)
}

/// What a curious program looks at: its environment, everybody's, every file that it can read.
const CURIOUS: &str = "{ env; cat /proc/*/environ /proc/*/cmdline; find / -xdev -type f -size -64k \
    -not -path '/proc/*' -not -path '/sys/*' -not -path '/usr/*' -exec cat {} + ; } 2>&1 | tr '\\0' '\\n' \
    > /shared/files/seen.txt; tq log 'I looked'; tq update --status done --result looked";

#[test]
fn keys_of_models_are_seen_nowhere() {
    let model = ScriptedModel::start(Scenario::shipped("code-review").unwrap()).unwrap();
    let house = House::new();
    let server = Server::start_with(&house, &start(&model, &gossip()));
    let office = Office::create(&server, "canaries");
    let watch = Arc::new(Watch::new());
    for (n, integration) in OF_THE_OFFICE.iter().enumerate() {
        // Unasked: the provider would refuse it, and then there were nothing to find.
        let secret = json!({"key": canary(OF_THE_SERVER.len() + n), "check": false});
        let answer = office.call("POST", &format!("/integrations/{integration}/secret"), Some(&secret));
        watch.look("the answer to a secret", &answer.body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
    office.set(&json!({"taskMaxAttempts": 1}));
    office.push("queue.go", &fs::read(example("queue.go")).unwrap());
    office.hire("curious", CURIOUS);
    for (name, provider) in [("oda", "openai-codex"), ("gus", "google"), ("eve", "claude-code")] {
        office.mi(&["agents", "hire", "--name", name, "--provider", provider, "--harness", "native"]).ok();
    }

    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                watch.look_at_processes(&server);
            }
        });
        let done =
            ["curious", "oda", "gus"].map(|name| office.task("Find bugs and edge cases", &["--assignedAgent", name]));
        for task in done {
            office.await_status(task, "done", LONG);
        }
        let refused = office.task("Find nothing", &["--assignedAgent", "eve"]);
        let is_tried = |task: &Value| ["failed", "blocked"].iter().any(|status| task["status"] == *status);
        let tried = office.await_task(refused, "tried", LONG, |task| is_tried(task) || task["why"].is_object());
        watch.look("the refused task", tried.to_string().as_bytes());
        is_over.store(true, Ordering::Relaxed);
    });
    watch.look_at_processes(&server);
    assert!(office.file("seen.txt").len() > 1_000, "the curious one saw something");
    let sessions: Vec<i64> = (1..=4).collect();
    let good = watch.look_at_answers(office, &["curious", "oda", "gus", "eve"], &sessions);
    assert!(good > 60, "only {good} answers were looked at");
    for words in [&["doctor"][..], &["integrations", "list"], &["agents", "list"], &["events"], &["logs", "eve"]] {
        let said = office.mi(words);
        watch.look(&words.join(" "), format!("{}{}", said.stdout, said.stderr).as_bytes());
    }
    watch.look("the server's log", server.log().as_bytes());
    watch.look_at_folder(&house.path(""));
    assert!(server.stop().success());
    watch.look_at_folder(&house.path("data"));
    let found = watch.found.lock().unwrap();
    assert!(found.is_empty(), "keys of models were seen:\n{}", found.join("\n"));
    assert!(*watch.looked.lock().unwrap() > 500);
}

#[test]
fn a_canary_in_any_dress_is_recognised() {
    let watch = Watch::new();
    let secret = canary(7);
    for n in 0..4 {
        let text = format!("{}{secret}{}", "y".repeat(n), "z".repeat(n));
        for dressed in [text.clone(), hex::encode(&text), STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)]
        {
            let before = watch.found.lock().unwrap().len();
            watch.look("a text", dressed.as_bytes());
            assert!(watch.found.lock().unwrap().len() > before, "{dressed}");
        }
    }
    let before = watch.found.lock().unwrap().len();
    watch.look("another", Value::Null.to_string().as_bytes());
    assert_eq!(watch.found.lock().unwrap().len(), before);
}
