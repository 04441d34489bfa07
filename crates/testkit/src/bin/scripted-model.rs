//! The scripted model as a program, for trying things by hand and for tests that need it outside their process.

use anyhow::{Context, bail};
use std::io::Write;
use std::net::SocketAddr;
use testkit::model::ScriptedModel;
use testkit::model::scenario::Scenario;

const USAGE: &str = "usage: scripted-model --scenario FILE [--listen 127.0.0.1:PORT]";

/// A free port, unless the caller wants one.
const LISTEN_DEFAULT: &str = "127.0.0.1:0";

fn main() -> anyhow::Result<()> {
    let (scenario, listen) = arguments(std::env::args().skip(1))?;
    let model = ScriptedModel::start_at(Scenario::load(&scenario)?, listen)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {}", model.url())?;
    out.flush()?;
    // The server works on its own thread until the process is ended from outside.
    loop {
        std::thread::park();
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> anyhow::Result<(String, SocketAddr)> {
    let mut scenario = None;
    let mut listen = LISTEN_DEFAULT.to_owned();
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value\n{USAGE}"))?;
        match word.as_str() {
            "--scenario" => scenario = Some(value),
            "--listen" => listen = value,
            _ => bail!("{word} is not known\n{USAGE}"),
        }
    }
    let listen = listen.parse().with_context(|| format!("{listen} is not an address with a port"))?;
    Ok((scenario.context(USAGE)?, listen))
}
