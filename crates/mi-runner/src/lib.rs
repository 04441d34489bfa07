//! The process inside a pod, or on a machine elsewhere: takes work, runs a harness, brings back proof.
//!
//! It speaks only the public runner protocol, always as the client; the server never connects to it. One session
//! at a time; nothing that a session started outlives it. What becomes of a task is decided by the queue alone: the
//! runner reports how the harness ended, never that the work is good.
//!
//! Rooms: `life` (hello, next), `session` (one piece of work), `beats` (lease and orders), `outbox` (log, usage),
//! `harness` (what does the work), `process` (starting and killing trees), `control` (the server seen from here),
//! `forward` (loopback to the pod's socket), `pages` (memory that a resting runner gives back), `kit` (guide and skills
//! in the workspace), `terminal` (commands and shells of people).
//! Elsewhere: walls and limits are in mi-pods; the wire shapes in `mi_core::wire::runner`.

mod backoff;
mod beats;
mod clock;
mod config;
mod control;
mod fault;
mod forward;
mod harness;
mod kit;
mod life;
mod outbox;
mod pages;
mod process;
mod session;
mod terminal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub use config::{Address, Brought, Drive, Elsewhere, OwnLogin, Place, Proof, RunnerConfig, Ticket, Trusted};
pub use control::{Call, ControlError, ControlPlane, Desk, HttpControl};
pub use fault::RunnerError;
pub use harness::native::model::{
    Carry, Message, Model, ModelError, ModelSource, ToolCall, ToolResult, ToolSpec, Turn, Usage,
};
pub use harness::{Missing, native::gateway::GatewayModels, vendor::Programs};
pub use life::{ExitReason, Parts, run_in_place};
pub use process::Reach;

/// Lives until an order, a signal or a newer runner ends it.
///
/// SIGTERM and SIGINT drain: no new work, the session ends with cause `drain`, and `Drained` is returned.
pub async fn run(config: RunnerConfig) -> Result<ExitReason, RunnerError> {
    process::raise_guards()?;
    let drain = drain_on_signals()?;
    let endpoint = forward::endpoint_of(&config.address).await?;
    let control =
        HttpControl::new(&endpoint, &config.office, &config.agent, config.proof)?.with_trust(config.trust.clone());
    let mut place = Place { endpoint, ..config.place };
    if let Some(proxy) = forward::proxy_of(&config.address).await? {
        place.environment.extend(forward::proxy_variables(&proxy));
    }
    let parts = Parts {
        control: Arc::new(control),
        place: Arc::new(place),
        models: Arc::new(GatewayModels::trusting(config.trust)),
        reach: Reach::Everything,
        drain,
    };
    run_in_place(parts).await
}

fn drain_on_signals() -> Result<CancellationToken, RunnerError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunnerError::io("listen for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunnerError::io("listen for SIGINT"))?;
    let drain = CancellationToken::new();
    let ordered = drain.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        ordered.cancel();
    });
    Ok(drain)
}
