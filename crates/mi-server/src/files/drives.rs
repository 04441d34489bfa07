//! What the server remembers of each office's drive while it runs: who refreshes, who changes, who records.
//!
//! Nothing here outlives a restart, and nothing that is true depends on it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use mi_core::drive::DrivePath;
use mi_core::ids::OfficeId;
use tokio::sync::{Mutex as Turn, MutexGuard, RwLock};

use super::refresh::Step;

/// Turns of one drive. Names that share one wait for each other without need; few do.
const NAME_TURNS: usize = 16;

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
    /// The last round that ended well; whoever holds it refreshes.
    ended: Turn<Round>,
    changing: [Turn<()>; NAME_TURNS],
    /// Shared by those who record changes. Whoever holds it alone sees all changes up to now and none half-way.
    pub recording: Arc<RwLock<()>>,
}

#[derive(Default)]
struct Round {
    number: u64,
    /// What it found and the store had no room for.
    unrecorded: Arc<[Step]>,
}

impl Drives {
    pub fn of(&self, office: OfficeId) -> Arc<Desk> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(desks.entry(office).or_default())
    }
}

impl Desk {
    /// The turn of a name. Whoever changes the file holds it until the change is recorded or taken back, so that nobody
    /// takes back what somebody else has built on.
    pub async fn turn_of(&self, name: &DrivePath) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let [first, ..] = &self.changing;
        self.changing.get(hasher.finish() as usize % NAME_TURNS).unwrap_or(first).lock().await
    }

    /// Runs `work` unless a run that began after this call has already ended well; one at a time. Gives what the run
    /// found and could not record.
    pub async fn refreshed<E>(&self, work: impl AsyncFnOnce() -> Result<Vec<Step>, E>) -> Result<Arc<[Step]>, E> {
        let asked = self.begun.load(Ordering::Acquire);
        let mut ended = self.ended.lock().await;
        if ended.number > asked {
            return Ok(Arc::clone(&ended.unrecorded));
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let unrecorded: Arc<[Step]> = work().await?.into();
        *ended = Round { number, unrecorded: Arc::clone(&unrecorded) };
        Ok(unrecorded)
    }
}
