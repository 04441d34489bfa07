//! One life of `mi up`.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::house::House;
use crate::http::{self, Answer};
use crate::processes::{self, Process};
use crate::said::Said;
use crate::waiting::{LONG, SHORT, until};

const READY: &str = "ready ";

/// How a server is started, beyond its data directory and a free port.
#[derive(Debug, Clone, Default)]
pub struct Start {
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Words in front of the program, which end in running it.
    pub wrapping: Vec<String>,
}

impl Start {
    pub fn with_env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub fn with_arguments(mut self, words: &[&str]) -> Self {
        self.arguments.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    pub fn wrapped_in(mut self, words: &[&str]) -> Self {
        self.wrapping.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }
}

#[derive(Debug)]
pub struct Server<'h> {
    pub house: &'h House,
    child: Child,
    pub endpoint: String,
    key: String,
}

impl<'h> Server<'h> {
    pub fn start(house: &'h House) -> Self {
        Self::start_with(house, &Start::default())
    }

    pub fn start_with(house: &'h House, start: &Start) -> Self {
        let out = house.path("up.out");
        let err = File::options().create(true).append(true).open(house.path("up.err")).unwrap();
        let mut command = command(house, start);
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(err);
        let mut child = command.spawn().unwrap();
        let endpoint = until(SHORT, "the server's ready line", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended with {status}: {}", logs(house));
            }
            let said = fs::read_to_string(&out).unwrap();
            said.lines().find_map(|line| line.strip_prefix(READY)).map(|url| url.trim().to_owned())
        });
        let config: Value = serde_json::from_slice(&fs::read(house.home().join("config.json")).unwrap()).unwrap();
        let key = config["key"].as_str().expect("a key in config.json").to_owned();
        Self { house, child, endpoint, key }
    }

    /// A start that must come to nothing; what it said.
    pub fn refused(house: &House, start: &Start) -> Said {
        let mut child =
            command(house, start).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until(SHORT, "the end of a server that can't start", || child.try_wait().unwrap());
        Said::of("mi up".to_owned(), child.wait_with_output().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        self.endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its log so far, of all lives in this house.
    pub fn log(&self) -> String {
        logs(self.house)
    }

    /// `mi` with these words, pointed at this server.
    pub fn mi(&self, words: &[&str]) -> Said {
        self.mi_with(words, &[])
    }

    pub fn mi_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = self.house.command(self.house.path("bin/mi"));
        command.args(words).env("MI_ENDPOINT", &self.endpoint).envs(variables.iter().copied());
        Said::of(format!("mi {}", words.join(" ")), command.output().unwrap())
    }

    /// What the API answers to a call of the owner's.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.send(method, path, &[("Content-Type", "application/json")], &bytes)
    }

    /// A call with any bytes and headers; a header given here replaces ours.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let own = [
            ("Host", self.address()),
            ("Connection", "close".to_owned()),
            ("Authorization", format!("Bearer {}", self.key)),
            ("Content-Length", body.len().to_string()),
        ];
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in own.iter().filter(|(name, _)| !headers.iter().any(|(given, _)| given == name)) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        http::exchange(&self.address(), &[request.as_bytes(), body].concat())
    }

    /// Every process that it started, and theirs.
    pub fn family(&self) -> Vec<Process> {
        processes::descendants(self.pid())
    }

    /// The power fails for the server alone. Nothing that it started may outlive it for long.
    pub fn shoot(mut self) {
        let family = self.family();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        until(SHORT, "the end of all pods", || family.iter().all(|process| !process.lives()).then_some(()));
    }

    /// SIGTERM, as a supervisor of services stops it. Nothing that it started may be left when it has ended.
    pub fn stop(mut self) -> ExitStatus {
        let family = self.family();
        kill(Pid::from_raw(i32::try_from(self.pid()).unwrap()), Signal::SIGTERM).unwrap();
        let status = until(LONG, "the server's end", || self.child.try_wait().unwrap());
        let left: Vec<&Process> = family.iter().filter(|process| process.lives()).collect();
        assert!(left.is_empty(), "still there after the server's end: {left:?}");
        status
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- the server's log\n{}", self.log());
        }
        // An error means that it has ended already.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

fn command(house: &House, start: &Start) -> Command {
    let program = house.path("bin/mi");
    let mut command = match start.wrapping.split_first() {
        None => house.command(program),
        Some((first, rest)) => {
            let mut command = house.command(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.arg("up").arg("--data-dir").arg(house.data_dir());
    if !start.arguments.iter().any(|word| word == "--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(&start.arguments).envs(start.environment.iter().map(|(name, value)| (name, value)));
    command
}

fn logs(house: &House) -> String {
    fs::read_to_string(house.path("up.err")).unwrap_or_default()
}
