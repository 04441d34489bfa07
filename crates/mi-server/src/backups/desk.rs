//! Who is at which workspace now. Each backup takes disk and a core for a while, so there are few at a time, and one of a
//! workspace.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::ids::AgentId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::faults;
use crate::infra::fault::{self, Fault};

/// Archives that are made or unpacked at one time.
const AT_ONCE_MAX: usize = 2;

/// What is done with a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Its agent may go on meanwhile.
    Read,
    /// No pod starts in it meanwhile.
    Replaced,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    places: Arc<Semaphore>,
    busy: Arc<Mutex<HashMap<AgentId, Work>>>,
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
    busy: Arc<Mutex<HashMap<AgentId, Work>>>,
    _place: OwnedSemaphorePermit,
}

impl Desk {
    /// Waits for a place; who is at the same workspace already is not waited for.
    pub async fn turn(&self, agent: AgentId, work: Work) -> Result<Turn, Fault> {
        let turn = self.turn_if_free(agent, work).await?;
        turn.ok_or_else(faults::at_work)
    }

    /// Nothing if somebody is at the same workspace.
    pub async fn turn_if_free(&self, agent: AgentId, work: Work) -> Result<Option<Turn>, Fault> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(fault::internal)?;
        match lock(&self.busy).entry(agent) {
            Entry::Occupied(_) => Ok(None),
            Entry::Vacant(free) => {
                free.insert(work);
                Ok(Some(Turn { agent, busy: Arc::clone(&self.busy), _place: place }))
            }
        }
    }

    /// Whether another workspace is about to take the place of this agent's.
    pub fn replaces(&self, agent: AgentId) -> bool {
        lock(&self.busy).get(&agent) == Some(&Work::Replaced)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.busy).remove(&self.agent);
    }
}

fn lock(busy: &Mutex<HashMap<AgentId, Work>>) -> MutexGuard<'_, HashMap<AgentId, Work>> {
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}
