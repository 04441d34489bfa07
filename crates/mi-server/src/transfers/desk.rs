//! Which bundles are arriving now. Each takes disk and a core for a while, so there are few at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::infra::fault::{self, Fault};

/// Bundles that are received or unpacked at one time.
const AT_ONCE_MAX: usize = 2;

#[derive(Debug)]
pub struct Desk {
    places: Arc<Semaphore>,
    busy: Arc<Mutex<HashSet<String>>>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE_MAX)), busy: Arc::default() }
    }
}

/// One transfer is being completed by whoever holds this.
#[derive(Debug)]
pub struct Turn {
    id: String,
    busy: Arc<Mutex<HashSet<String>>>,
}

impl Desk {
    pub fn place(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| fault::busy("the number of bundles at one time"))
    }

    /// `None` while somebody else completes the same transfer.
    pub fn turn(&self, id: &str) -> Option<Turn> {
        let is_free = lock(&self.busy).insert(id.to_owned());
        is_free.then(|| Turn { id: id.to_owned(), busy: Arc::clone(&self.busy) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.busy).remove(&self.id);
    }
}

fn lock(busy: &Mutex<HashSet<String>>) -> MutexGuard<'_, HashSet<String>> {
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}
