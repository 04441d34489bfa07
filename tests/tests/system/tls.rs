//! A server that speaks TLS by itself, with a certificate of one's own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::{House, LONG, Server, Start, until};

/// Made for another name: whoever is given the certificate itself needs no name in it.
fn certificate(house: &House) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["mi.example.org".to_owned()]).unwrap();
    let (certificate, key) = (house.path("cert.pem"), house.path("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate.display().to_string(), key.display().to_string())
}

#[test]
fn the_command_line_and_pods_work_with_a_server_that_speaks_tls() {
    let house = House::new();
    let (certificate, key) = certificate(&house);
    let start = Start::default().with_arguments(&["--tls-cert", &certificate, "--tls-key", &key, "--pods", "process"]);
    let server = Server::start_with(&house, &start);
    assert!(server.endpoint.starts_with("https://127.0.0.1:"), "{}", server.endpoint);
    // The server left its certificate in the configuration of this machine's command line.
    server.mi(&["colonies", "create", "--name", "tls"]).ok();
    server.mi(&["agents", "hire", "--name", "ada", "--command", "tq done \"through the plain door of pods\""]).ok();
    server.mi(&["tasks", "create", "--title", "t", "--assigned-agent", "ada"]).ok();
    server.mi(&["tasks", "watch", "1", "--timeout", "60"]).ok();
    let elsewhere = house.path("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    server.mi_with(&["whoami"], &[("MI_HOME", elsewhere), ("MI_API_KEY", server.key())]).fails(7, &["--ca-cert"]);
    // Whoever answers there may be anybody: no key is kept on its word.
    server.mi_with(&["login", "--key", server.key()], &[("MI_HOME", elsewhere)]).fails(7, &["--ca-cert"]);
    assert!(!Path::new(elsewhere).join("config.json").exists());
    server
        .mi_with(&["whoami"], &[("MI_HOME", elsewhere), ("MI_API_KEY", server.key()), ("MI_CA_CERT", &certificate)])
        .ok();
    server.stop();
}

#[test]
fn a_server_without_its_key_doesnt_start_and_says_what_is_missing() {
    let house = House::new();
    let (certificate, _) = certificate(&house);
    Server::refused(&house, &Start::default().with_arguments(&["--tls-cert", &certificate])).fails(2, &["private key"]);
    let wrong = Start::default().with_arguments(&["--tls-cert", &certificate, "--tls-key", &certificate]);
    Server::refused(&house, &wrong).fails(1, &["holds no private key in PEM"]);
}

#[test]
fn a_machine_elsewhere_keeps_trusting_the_certificate_that_it_joined_with() {
    let house = House::new();
    let (certificate, key) = certificate(&house);
    let start = Start::default().with_arguments(&["--tls-cert", &certificate, "--tls-key", &key]);
    let server = Server::start_with(&house, &start);
    server.mi(&["colonies", "create", "--name", "tls"]).ok();
    let code = server.mi(&["invite", "--json"]).ok().json()["code"].as_str().unwrap().to_owned();
    let away = house.path("away").display().to_string();
    let home = [("MI_HOME", away.as_str())];
    server.mi_with(&["agent", "join", &code, "-n", "scout", "--ca-cert", &certificate], &home).ok();
    let mut run = house.command(house.path("bin/mi"));
    run.args(["agent", "run", "--command", "echo words > report.md; mi files push report.md && tq done seen"]);
    let mut run = run.env("MI_HOME", &away).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.mi(&["tasks", "create", "--title", "t", "--assigned-agent", "scout"]).ok();
    server.mi(&["tasks", "watch", "1", "--timeout", "60"]).ok();
    kill(Pid::from_raw(run.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert!(run.wait().unwrap().success());
    server.stop();
}

#[test]
fn a_hangup_shows_the_new_certificate_and_ends_nothing() {
    let house = House::new();
    let (certificate, key) = certificate(&house);
    let start = Start::default().with_arguments(&["--tls-cert", &certificate, "--tls-key", &key]);
    let server = Server::start_with(&house, &start);
    server.mi(&["colonies", "create", "--name", "tls"]).ok();
    let mut events = house.command(house.path("bin/mi"));
    events.args(["events", "-f"]).env("MI_ENDPOINT", &server.endpoint);
    let mut watcher = events.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    let first = thread::spawn(move || (lines.next().unwrap().unwrap(), lines));
    until(LONG, "a watcher that is connected", || {
        server.mi(&["tasks", "create", "--title", "seen"]).ok();
        first.is_finished().then_some(())
    });
    let old = house.put("old.pem", &fs::read(&certificate).unwrap()).display().to_string();
    self::certificate(&house);
    kill(Pid::from_raw(i32::try_from(server.pid()).unwrap()), Signal::SIGHUP).unwrap();
    let trusting = |file: &str| server.mi_with(&["whoami"], &[("MI_CA_CERT", file)]).code;
    until(LONG, "the new certificate", || (trusting(&certificate) == Some(0)).then_some(()));
    assert_eq!(trusting(&old), Some(7));
    assert_eq!(watcher.try_wait().unwrap(), None, "whoever was connected stays so");
    watcher.kill().unwrap();
    watcher.wait().unwrap();
    server.stop();
}
