//! The scripted model: a server that speaks four providers' wires and answers from a scenario file.
//!
//! It listens on loopback, answers only what its scenario says, and refuses, as the providers do, what no provider
//! would take. It runs on its own thread and stops when dropped, whatever its callers' runtime is doing.
//!
//! Acts: `start`, `requests`, `wait_for_requests`, `open_gate`.
//! Elsewhere: what it answers is in `scenario` and `matching`; the providers' shapes are in `wires`.

mod answer;
mod conversation;
mod matching;
mod routes;
pub mod scenario;
mod sending;
mod stage;
mod template;
#[cfg(test)]
mod tests;
mod tools;
mod wires;

use anyhow::{Context, ensure};
use scenario::Scenario;
use serde_json::Value;
use stage::Stage;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long `wait_for_requests` waits before it says that they did not come.
const REQUESTS_WAIT_SECONDS_MAX: u64 = 30;

/// A request as it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The path with its query.
    pub path: String,
    /// By lower-case name; of repeated headers the last.
    pub headers: BTreeMap<String, String>,
    /// The body; a string if it was not JSON.
    pub body: Value,
}

/// A running scripted model.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    stage: Arc<Stage>,
    /// Dropping the sender stops the server.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ScriptedModel {
    /// Starts on a free loopback port.
    pub fn start(scenario: Scenario) -> anyhow::Result<Self> {
        Self::start_at(scenario, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Starts on a given loopback address.
    pub fn start_at(scenario: Scenario, address: SocketAddr) -> anyhow::Result<Self> {
        ensure!(address.ip().is_loopback(), "{address} is not a loopback address");
        let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Stage::new(scenario));
        let (stop, stopped) = oneshot::channel();
        let thread = serve_on_thread(listener, Arc::clone(&stage), stopped)?;
        Ok(Self { address, stage, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL, without a slash at the end. Append `/openai/v1`, `/anthropic` or `/gemini/v1beta`, or neither.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request for an answer so far, oldest first; the last 10,000 of them.
    pub fn requests(&self) -> Vec<Recorded> {
        self.stage.requests()
    }

    /// Waits until that many requests came in; an answer that stands at a gate counts.
    pub async fn wait_for_requests(&self, count: usize) -> anyhow::Result<Vec<Recorded>> {
        let limit = Duration::from_secs(REQUESTS_WAIT_SECONDS_MAX);
        tokio::time::timeout(limit, self.stage.requests_reach(count))
            .await
            .with_context(|| format!("{count} requests did not come, only {}", self.requests().len()))
    }

    /// Lets every answer go on that stands at this gate, now and later.
    pub fn open_gate(&self, name: &str) -> anyhow::Result<()> {
        ensure!(self.stage.has_gate(name), "the scenario has no gate `{name}`");
        self.stage.open_gate(name);
        Ok(())
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(cause)) = ended
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(cause);
        }
    }
}

/// Own thread and runtime: when the runtime goes, every connection goes, also those that stand at a gate.
fn serve_on_thread(
    listener: TcpListener,
    stage: Arc<Stage>,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let serve = move || {
        runtime.block_on(async move {
            tokio::select! {
                // Never ends by itself: accept errors are retried within.
                _ = axum::serve(listener, routes::router(stage)) => {}
                _ = stopped => {}
            }
        });
    };
    Ok(std::thread::Builder::new().name("scripted-model".to_owned()).spawn(serve)?)
}
