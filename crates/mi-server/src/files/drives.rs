//! What the server remembers of each office's drive while it runs: who refreshes, who records.
//!
//! Nothing here outlives a restart, and nothing that is true depends on it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use mi_core::ids::OfficeId;
use tokio::sync::{Mutex as Turn, RwLock};

/// Of this process. Ids of offices are random, so that houses of one process never meet here.
pub static DRIVES: LazyLock<Drives> = LazyLock::new(Drives::default);

/// Drives of all offices.
#[derive(Default)]
pub struct Drives {
    desks: Mutex<HashMap<OfficeId, Arc<Desk>>>,
}

/// One drive.
#[derive(Default)]
pub struct Desk {
    begun: AtomicU64,
    /// The number of the last round that ended well; whoever holds it refreshes.
    ended: Turn<u64>,
    /// Shared by those who record changes. Whoever holds it alone sees all changes up to now and none half-way.
    pub recording: Arc<RwLock<()>>,
}

impl Drives {
    pub fn of(&self, office: OfficeId) -> Arc<Desk> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(desks.entry(office).or_default())
    }
}

impl Desk {
    /// Runs `work` unless a run that began after this call has already ended well; one at a time.
    pub async fn refreshed<E>(&self, work: impl AsyncFnOnce() -> Result<(), E>) -> Result<(), E> {
        let asked = self.begun.load(Ordering::Acquire);
        let mut ended = self.ended.lock().await;
        if *ended > asked {
            return Ok(());
        }
        let round = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        work().await?;
        *ended = round;
        Ok(())
    }
}
