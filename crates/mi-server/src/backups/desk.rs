//! Who is at which workspace now. Each backup takes disk and a core for a while, so there are few at a time, and one of a
//! workspace.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::ids::AgentId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::faults;
use crate::infra::fault::{self, Fault};

/// Archives that are made or unpacked at one time.
const AT_ONCE_MAX: usize = 2;

#[derive(Debug)]
pub struct Desk {
    places: Arc<Semaphore>,
    busy: Arc<Mutex<HashSet<AgentId>>>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE_MAX)), busy: Arc::default() }
    }
}

/// One workspace is read or replaced by whoever holds this.
#[derive(Debug)]
pub struct Turn {
    agent: AgentId,
    busy: Arc<Mutex<HashSet<AgentId>>>,
    _place: OwnedSemaphorePermit,
}

impl Desk {
    /// Waits for a place; who is at the same workspace already is not waited for.
    pub async fn turn(&self, agent: AgentId) -> Result<Turn, Fault> {
        let turn = self.turn_if_free(agent).await?;
        turn.ok_or_else(faults::at_work)
    }

    /// Nothing if somebody is at the same workspace.
    pub async fn turn_if_free(&self, agent: AgentId) -> Result<Option<Turn>, Fault> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(fault::internal)?;
        let is_free = lock(&self.busy).insert(agent);
        Ok(is_free.then(|| Turn { agent, busy: Arc::clone(&self.busy), _place: place }))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.busy).remove(&self.agent);
    }
}

fn lock(busy: &Mutex<HashSet<AgentId>>) -> MutexGuard<'_, HashSet<AgentId>> {
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}
