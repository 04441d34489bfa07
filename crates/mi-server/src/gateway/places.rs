//! Places of model calls under way: so many in the server, and a share of them for each office, so that no office's
//! slow provider and unread answers take all of them.

use std::sync::Arc;

use mi_core::ids::OfficeId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::infra::fault::{self, Fault};
use crate::infra::seats::{Seat, Seats};

/// In this server; each holds at most a request and one event of its answer.
const CALLS_AT_ONCE_MAX: usize = 512;
/// Of one office: many more than it has agents by default, and a quarter of all.
pub const CALLS_OF_AN_OFFICE_MAX: i64 = 128;
const RETRY_AFTER_SECONDS: i64 = 2;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Places {
    all: Arc<Semaphore>,
    shares: Seats,
}

/// Given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    _one: OwnedSemaphorePermit,
    _share: Seat,
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(CALLS_AT_ONCE_MAX)), shares: Seats::default() }
    }
}

impl Places {
    pub fn take(&self, office: OfficeId) -> Result<Place, Fault> {
        let share = self.shares.take(office, CALLS_OF_AN_OFFICE_MAX).ok_or_else(has_its_share)?;
        let one = Arc::clone(&self.all).try_acquire_owned().map_err(|_| fault::busy("the model gateway"))?;
        Ok(Place { _one: one, _share: share })
    }
}

fn has_its_share() -> Fault {
    fault::busy(&format!("this office has {CALLS_OF_AN_OFFICE_MAX} model calls under way, which"))
        .hint("nothing was sent; a call can be made when another one has ended")
        .retry_after(RETRY_AFTER_SECONDS)
}
