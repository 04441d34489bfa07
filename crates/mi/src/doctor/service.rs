//! The server's address, and the server that the command line talks to.

use std::io;
use std::net::{TcpListener, ToSocketAddrs};

use mi_cli::config::Config as CliConfig;
use mi_cli::{Global, Settings, World};
use mi_client::{Client, ClientError, Credential, Endpoint, Patience, Trust};
use mi_core::time::Time;
use mi_server::infra::config::Config;
use mi_server::server::examine::Look;
use serde::Deserialize;

use super::finding::{Finding, Section};
use super::machine::wall_clock;
use crate::failure::Failure;

const SECTION: Section = Section::Server;
/// Beyond this a person wonders about times; beyond a minute every signature is refused.
const SKEW_MS_GOOD: i64 = 5_000;
const SKEW_MS_MAX: i64 = 60_000;

#[derive(Deserialize)]
struct Health {
    version: String,
    #[serde(default)]
    server_time: Option<Time>,
}

#[derive(Deserialize)]
struct Readiness {
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    name: String,
    ok: bool,
    detail: String,
}

pub fn look(config: &Config, global: &Global, world: &World) -> Result<Vec<Finding>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::io("start"))?;
    runtime.block_on(Box::pin(async {
        let mut out = vec![address(config).await];
        out.extend(process(&Look::at(&config.data_dir())));
        out.extend(answering(global, world).await);
        Ok(out)
    }))
}

/// Bound for a moment and let go.
async fn address(config: &Config) -> Finding {
    let listen = config.listen();
    let Ok(Some(address)) = listen.to_socket_addrs().map(|mut found| found.next()) else {
        let fix = "--listen takes ADDRESS:PORT, such as 127.0.0.1:7700";
        return Finding::wrong(SECTION, "address", format!("{listen} is no address of a port"), fix);
    };
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(SECTION, "address", format!("{listen} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let scheme = if config.tls().is_ok_and(|tls| tls.is_some()) { "https" } else { "http" };
            if is_ours(&format!("{scheme}://{listen}")).await {
                return Finding::ok(SECTION, "address", format!("{listen} is a running mi"));
            }
            let fix = "stop that program, or choose another port with --listen";
            Finding::wrong(SECTION, "address", format!("{listen} is in use by another program"), fix)
        }
        Err(error) => {
            let fix = "choose another one with --listen ADDRESS:PORT";
            Finding::wrong(SECTION, "address", format!("{listen} can't be listened on: {error}"), fix)
        }
    }
}

/// A certificate that isn't trusted here still is somebody who speaks TLS where ours is configured.
async fn is_ours(endpoint: &str) -> bool {
    let Ok(endpoint) = endpoint.parse::<Endpoint>() else { return false };
    let client = Client::new(endpoint, Credential::Nobody).with_patience(Patience::NONE);
    match client.server().healthz().await {
        Ok(answer) => answer.json::<Health>().is_ok(),
        Err(error) => error.is_untrusted(),
    }
}

fn process(look: &Look) -> Option<Finding> {
    match look.server() {
        Ok(None) => None,
        Ok(Some(pid)) => {
            Some(Finding::ok(SECTION, "process", format!("a server runs on this data directory (pid {pid})")))
        }
        Err(error) => {
            let fix = "run mi doctor as the user that owns the data directory";
            Some(Finding::less(SECTION, "process", format!("whether a server runs can't be seen: {error}"), fix))
        }
    }
}

/// How the server is that other commands would talk to.
async fn answering(global: &Global, world: &World) -> Vec<Finding> {
    let client = match client(global, world) {
        Ok(client) => client,
        Err((detail, fix)) => return vec![Finding::wrong(SECTION, "endpoint", detail, fix)],
    };
    let asked = wall_clock();
    let health: Health = match client.server().healthz().await.and_then(|answer| answer.json()) {
        Ok(health) => health,
        Err(error) => return vec![silent(&client, &error)],
    };
    let endpoint = client.endpoint();
    let mut out = vec![Finding::ok(SECTION, "endpoint", format!("{endpoint} answers, mi {}", health.version))];
    out.extend(health.server_time.map(|server| skew(asked, server, wall_clock())));
    out.extend(ready(&client).await);
    out
}

fn client(global: &Global, world: &World) -> Result<Client, (String, String)> {
    let said = |fault: mi_cli::Fault| (fault.to_string(), fault.hint().unwrap_or_default());
    let config = match world.home() {
        Some(home) => CliConfig::load(&home).map_err(|fault| said(fault.into()))?,
        None => CliConfig::default(),
    };
    let settings = Settings::find(global, world, &config).map_err(said)?;
    let fix = || "--ca-cert FILE or MI_CA_CERT names the file of the certificate to trust".to_owned();
    let trust = match settings.ca_cert.as_ref().filter(|_| !settings.endpoint.is_plain()) {
        None => None,
        Some(path) => {
            let text =
                std::fs::read(path).map_err(|error| (format!("{} can't be read: {error}", path.display()), fix()))?;
            Some(Trust::from_pem(&text).map_err(|error| (error.to_string(), fix()))?)
        }
    };
    Ok(Client::new(settings.endpoint, Credential::Nobody).with_patience(Patience::NONE).with_trust(trust))
}

fn silent(client: &Client, error: &ClientError) -> Finding {
    let endpoint = client.endpoint();
    if error.is_untrusted() {
        let fix = "--ca-cert FILE trusts it, or the authority that made it";
        return Finding::wrong(SECTION, "endpoint", format!("the certificate of {endpoint} is not trusted here"), fix);
    }
    if error.is_unreachable() {
        let fix = "mi up starts one here; --endpoint or MI_ENDPOINT names another";
        return Finding::less(SECTION, "endpoint", format!("no server answers at {endpoint}"), fix);
    }
    let fix = "is this the address of a Mitosis server, of about this version?";
    Finding::wrong(SECTION, "endpoint", format!("{endpoint} answers like no mi does"), fix)
}

/// Between the question and the answer the server looked at its clock.
fn skew(asked: Time, server: Time, answered: Time) -> Finding {
    let off = if server < asked { server.0 - asked.0 } else { (server.0 - answered.0).max(0) };
    let fix = "set both clocks: timedatectl set-ntp true";
    let ahead = if off < 0 { "behind" } else { "ahead of" };
    let detail = format!("the server's clock is {}.{} s {ahead} this one", off.abs() / 1_000, off.abs() % 1_000 / 100);
    if off.abs() > SKEW_MS_MAX {
        return Finding::wrong(SECTION, "clock", format!("{detail}; signed requests are refused"), fix);
    }
    if off.abs() > SKEW_MS_GOOD {
        return Finding::less(SECTION, "clock", detail, fix);
    }
    Finding::ok(SECTION, "clock", "the same here and at the server")
}

async fn ready(client: &Client) -> Vec<Finding> {
    let parts = match client.server().readyz().await.and_then(|answer| answer.json::<Readiness>()) {
        Ok(readiness) => readiness.parts,
        Err(ClientError::Problem { status: 503, problem, .. }) => {
            return vec![Finding::wrong(SECTION, "readiness", problem.error, "the log of the server says more")];
        }
        Err(error) => {
            let fix = "the log of the server says more";
            return vec![Finding::less(SECTION, "readiness", format!("it can't be asked: {error}"), fix)];
        }
    };
    let bad = parts.iter().filter(|part| !part.ok);
    let mut out: Vec<Finding> = bad
        .map(|part| Finding::wrong(SECTION, part.name.clone(), part.detail.clone(), "the log of the server says more"))
        .collect();
    if out.is_empty() {
        // Each wall and limit has a part of its own, named by two words; they are told one by one below.
        let summary = parts.iter().filter(|part| !part.name.contains(' '));
        let told: Vec<String> = summary.map(|part| format!("{}: {}", part.name, part.detail)).collect();
        out.push(Finding::ok(SECTION, "readiness", told.join(" · ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_server_that_is_not_ready_says_which_part() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let endpoint: Endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let said = r#"{"error": "the server is not ready; store: full", "code": "not_ready"}"#;
        let answer = format!("HTTP/1.1 503 x\r\ncontent-length: {}\r\n\r\n{said}", said.len());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 4_096]).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let client = Client::new(endpoint, Credential::Nobody).with_patience(Patience::NONE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(ready(&client));
        server.join().unwrap();
        assert_eq!((found[0].state, found[0].detail.as_str()), (State::Wrong, "the server is not ready; store: full"));
    }

    #[test]
    fn a_clock_is_judged_by_what_lies_between_question_and_answer() {
        let (asked, answered) = (Time(100_000), Time(101_000));
        for (server, state) in [
            (100_500, State::Ok),
            (95_000, State::Ok),
            (94_999, State::Less),
            (106_001, State::Less),
            (39_999, State::Wrong),
            (161_001, State::Wrong),
        ] {
            assert_eq!(skew(asked, Time(server), answered).state, state, "{server}");
        }
    }
}
