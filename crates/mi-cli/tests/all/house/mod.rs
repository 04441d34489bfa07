//! A command line against a fake server: what it says, what it asks, how it ends.

#[path = "../../../../mi-client/tests/fake/mod.rs"]
pub mod fake;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake::{Asked, FakeServer, Reply};
use mi_cli::World;
use mi_cli::programs::{AgentRunArgs, DemoArgs, DoctorArgs, ExampleArgs, PassedOn, Programs, UpArgs};

pub const OFFICE: &str = "5b7e3c1a-0000-4000-8000-000000000001";

/// What a command did.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub code: u8,
    pub out: String,
    pub err: String,
}

#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The binary's own programs, which only say that they were called.
pub struct Echo;

const ECHO_UP: u8 = 101;
const ECHO_DEMO: u8 = 102;
const ECHO_CONFIG: u8 = 103;
const ECHO_RUNNER: u8 = 104;
const ECHO_POD: u8 = 105;
const ECHO_EXAMPLE: u8 = 106;
const ECHO_AGENT_RUN: u8 = 107;
const ECHO_DOCTOR: u8 = 108;

impl Programs for Echo {
    fn up(&self, args: UpArgs, _: &mi_cli::Global) -> u8 {
        assert_eq!(args.allow_upstream, ["127.0.0.1:1", "10.0.0.1:2"]);
        ECHO_UP
    }
    fn demo(&self, args: DemoArgs, _: &mi_cli::Global) -> u8 {
        assert!(args.keep);
        ECHO_DEMO
    }
    fn config_show(&self, _: UpArgs, global: &mi_cli::Global) -> u8 {
        assert_eq!(global.format(), mi_cli::Format::Json);
        ECHO_CONFIG
    }
    fn doctor(&self, args: DoctorArgs, _: &mi_cli::Global) -> u8 {
        assert_eq!(args.up.listen.as_deref(), Some("127.0.0.1:0"));
        ECHO_DOCTOR
    }
    fn runner(&self, args: PassedOn) -> u8 {
        assert_eq!(args.arguments, ["--slots", "2"]);
        ECHO_RUNNER
    }
    fn pod_enter(&self, _: PassedOn) -> u8 {
        ECHO_POD
    }
    fn agent_run(&self, args: AgentRunArgs, _: &mi_cli::Global) -> u8 {
        assert_eq!((args.name.as_deref(), args.command.as_deref()), (Some("scout"), Some("true")));
        ECHO_AGENT_RUN
    }
    fn example(&self, args: ExampleArgs) -> u8 {
        assert_eq!((args.name.as_str(), args.arguments.len()), ("code-review", 2));
        ECHO_EXAMPLE
    }
}

/// A person at a machine with a home and a server.
pub struct House {
    pub server: FakeServer,
    pub home: tempfile::TempDir,
    pub variables: BTreeMap<String, String>,
    pub stdin: String,
    /// What becomes of programs that a command starts.
    pub start: mi_cli::Start,
}

impl House {
    /// Logged in by variable, with an office to work in.
    pub fn new(answer: impl Fn(&Asked, usize) -> Reply + Send + 'static) -> Self {
        let mut house = Self::stranger(answer);
        house.set("MI_API_KEY", "mi_key");
        house.set("MI_COLONY", OFFICE);
        house
    }

    /// Knows where the server is, nothing else.
    pub fn stranger(answer: impl Fn(&Asked, usize) -> Reply + Send + 'static) -> Self {
        let server = FakeServer::start(answer);
        let home = tempfile::tempdir().unwrap();
        let mut house =
            Self { server, home, variables: BTreeMap::new(), stdin: String::new(), start: |_, _| Ok(false) };
        let (url, place) = (house.server.url(), house.home.path().join(".mi"));
        house.set("MI_ENDPOINT", &url);
        house.set("MI_HOME", place.to_str().unwrap());
        house
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub fn config(&self) -> PathBuf {
        self.home.path().join(".mi/config.json")
    }

    /// Runs a command line, its words parted by spaces; quotes keep words together.
    pub fn run(&self, line: &str) -> Said {
        let (out, err) = (Captured::default(), Captured::default());
        let world = World { stdout: Box::new(out.clone()), stderr: Box::new(err.clone()), ..self.world() };
        let code = mi_cli::run(words(line), world, &Echo);
        Said { code, out: out.text(), err: err.text() }
    }

    pub fn world(&self) -> World {
        World {
            variables: self.variables.clone(),
            stdin: Box::new(io::Cursor::new(self.stdin.clone().into_bytes())),
            stdout: Box::new(io::sink()),
            stderr: Box::new(io::sink()),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            pace: Duration::from_millis(1),
            window: mi_cli::Window::NONE,
            open_page: |_| false,
            now: || mi_core::time::Time::parse("2026-04-27T09:31:05Z").unwrap(),
            machine: mi_cli::Machine { start: self.start, program: "/opt/mi".into(), keeper: mi_cli::Keeper::Systemd },
        }
    }

    /// What the server was asked, with the office's id shortened.
    pub fn asked(&self) -> String {
        self.server.lines().replace(OFFICE, "OFFICE")
    }
}

pub fn words(line: &str) -> Vec<OsString> {
    let mut words = Vec::new();
    for (n, part) in line.split('"').enumerate() {
        if n % 2 == 1 {
            words.push(part.into());
        } else {
            words.extend(part.split_whitespace().map(OsString::from));
        }
    }
    words
}

pub fn task(id: i64, status: &str) -> String {
    format!(
        r#"{{"id":{id},"parent_id":null,"title":"Find bugs","description":null,"kind":"review","priority":50,
"status":"{status}","assigned_agent":"reviewer","claimed_by":null,"created_by":"owner","depends_on":null,
"required_tools":[],"result_summary":null,"error":null,"attempts":0,"max_attempts":3,"verification":"none",
"subtask_count":0,"lease_expires_at":null,"why":null,"created_at":"2026-04-27T09:30:00.000Z",
"updated_at":"2026-04-27T09:30:00.000Z","started_at":null,"completed_at":null}}"#
    )
    .replace('\n', "")
}

pub fn office(name: &str) -> String {
    format!(
        r#"{{"id":"{OFFICE}","name":"{name}","owner_id":"5b7e3c1a-0000-4000-8000-0000000000ff","status":"active",
"created_at":"2026-04-27T09:30:00.000Z","settings":{{}}}}"#
    )
    .replace('\n', "")
}

pub fn agent(name: &str) -> String {
    format!(
        r#"{{"id":"5b7e3c1a-0000-4000-8000-0000000000aa","name":"{name}","role":"reviews","modelTier":"sonnet",
"modelProvider":null,"harness":"native","skills":["go"],"systemPrompt":null,"kind":"hosted","spawnedBy":null,
"publicKey":null,"xmtpAddress":null,"createdAt":"2026-04-27T09:30:00.000Z",
"status":{{"phase":"Idle","ready":true,"message":"waits for work","lastSeen":null,"currentTask":null}}}}"#
    )
    .replace('\n', "")
}
