//! Turns at the system's resolver. It takes a thread for each question, and names that an agent chose may take long: so there
//! are few at a time, and an office has a share of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use mi_core::ids::OfficeId;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Names asked for at one time by all offices; other work needs threads as well.
const LOOKUPS_MAX: usize = 16;
const LOOKUPS_PER_OFFICE_MAX: usize = 4;

pub struct Lookups {
    all: Arc<Semaphore>,
    /// Of offices that ask just now.
    by_office: Mutex<HashMap<OfficeId, Weak<Semaphore>>>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(LOOKUPS_MAX)), by_office: Mutex::default() }
    }
}

/// Given back when it is dropped.
pub struct Turn {
    _of_office: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Lookups {
    /// The office's share first, so that no more than that many of it wait among the others.
    pub async fn turn(&self, office: OfficeId) -> Result<Turn, AcquireError> {
        let of_office = self.share(office).acquire_owned().await?;
        let of_all = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Turn { _of_office: of_office, _of_all: of_all })
    }

    fn share(&self, office: OfficeId) -> Arc<Semaphore> {
        let mut shares = self.by_office.lock().unwrap_or_else(PoisonError::into_inner);
        shares.retain(|_, share| share.strong_count() > 0);
        if let Some(share) = shares.get(&office).and_then(Weak::upgrade) {
            return share;
        }
        let share = Arc::new(Semaphore::new(LOOKUPS_PER_OFFICE_MAX));
        shares.insert(office, Arc::downgrade(&share));
        share
    }
}
