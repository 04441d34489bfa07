//! Kills beside the server's: of runners and of sandboxes. Whoever does that on purpose also does what an operator would:
//! agents that failed are started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use mi_client::Paging;
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::wire::agents::{AgentPhase, LifecycleAction};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::task::JoinHandle;

use super::{Plan, Victims};
use crate::chance::Chance;
use crate::office::Office;
use crate::procfs::{self, Part};

/// Each kill of a runner costs its task an attempt; as many as an office allows.
const ATTEMPTS_MAX: i64 = 20;
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// One in so many kills is the server's.
const SERVER_ONE_IN: u64 = 3;

/// Kills a runner or a sandbox, by chance; nothing if it is the server's turn, or nobody else is there.
pub fn strike(victims: Victims, processes: &[u32], chance: &mut Chance) -> Result<Option<Part>> {
    if victims == Victims::Server || chance.within(0..SERVER_ONE_IN) == 0 {
        return Ok(None);
    }
    let part = if chance.within(0..2) == 0 { Part::Runner } else { Part::Sandbox };
    let of_part: Vec<u32> = processes.iter().copied().filter(|pid| procfs::part_of_pod(*pid) == part).collect();
    if of_part.is_empty() {
        return Ok(None);
    }
    let place = usize::try_from(chance.within(0..of_part.len() as u64))?;
    let Some(pid) = of_part.get(place).and_then(|pid| i32::try_from(*pid).ok()).and_then(Pid::from_raw) else {
        return Ok(None);
    };
    match kill_process(pid, Signal::KILL) {
        Ok(()) => Ok(Some(part)),
        // It ended by itself just now.
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Starts agents again that failed, until it is told to end.
pub struct Minder {
    over: Arc<AtomicBool>,
    running: Option<JoinHandle<()>>,
}

pub async fn begin(plan: &Plan, office: &Arc<Office>) -> Result<Minder> {
    let over = Arc::new(AtomicBool::new(false));
    let running = match plan.victims {
        Victims::Server => None,
        Victims::Anybody => {
            office.set(&json!({"taskMaxAttempts": ATTEMPTS_MAX})).await?;
            Some(tokio::spawn(mind(Arc::clone(office), Arc::clone(&over))))
        }
    };
    Ok(Minder { over, running })
}

impl Minder {
    pub async fn end(self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        match self.running {
            Some(running) => Ok(running.await?),
            None => Ok(()),
        }
    }
}

async fn mind(office: Arc<Office>, over: Arc<AtomicBool>) {
    let agents = office.client.agents(office.id);
    while !over.load(Ordering::Relaxed) {
        // A server that is being killed answers at the next look.
        if let Ok((all, _)) = agents.list(Paging { limit: Some(LIST_LIMIT_MAX), offset: None }).await {
            for agent in all.iter().filter(|agent| agent.status.phase == AgentPhase::Failed) {
                let started = agents.lifecycle(&agent.name, LifecycleAction::Start).await;
                drop(started);
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
