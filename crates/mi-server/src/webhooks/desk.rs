//! Deliveries under way: one for each webhook, and a limit for all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::ids::OfficeId;
use mi_core::time::Time;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

use super::deliver;
use crate::house::House;
use crate::infra::wakeups::Wake;

/// Calls to receivers at the same time, over all offices.
pub const DELIVERIES_AT_ONCE_MAX: usize = 32;
/// And of one office.
const OFFICE_DELIVERIES_AT_ONCE_MAX: usize = 8;

pub type Which = (OfficeId, i64);

pub struct Desk {
    state: Mutex<State>,
    lines: Semaphore,
}

/// A place for a call. One of the office's own comes first: its receivers that hang hold up nobody else's.
pub(super) struct Line<'a> {
    _of_all: SemaphorePermit<'a>,
    _of_office: OwnedSemaphorePermit,
}

#[derive(Default)]
struct State {
    busy: HashSet<Which>,
    /// Asked for while somebody was about to leave.
    again: HashSet<Which>,
    working: JoinSet<()>,
    lines: HashMap<OfficeId, Arc<Semaphore>>,
    /// Up to where each webhook's events were looked at and don't concern it, ahead of its stored cursor.
    passed: HashMap<Which, i64>,
    outlook: Outlook,
}

/// What the sweep has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// Somebody wants to hear of events.
    pub listens: bool,
    /// When the next repetition is due.
    pub next_at: Option<Time>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { state: Mutex::default(), lines: Semaphore::new(DELIVERIES_AT_ONCE_MAX) }
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn outlook(&self) -> Outlook {
        self.state().outlook
    }

    pub(super) fn expect(&self, outlook: Outlook) {
        self.state().outlook = outlook;
    }

    /// Waits for a place; it is given back when it is dropped.
    pub(super) async fn line(&self, office: OfficeId) -> Result<Line<'_>, AcquireError> {
        let lines = || Arc::new(Semaphore::new(OFFICE_DELIVERIES_AT_ONCE_MAX));
        let lines = Arc::clone(self.state().lines.entry(office).or_insert_with(lines));
        let of_office = lines.acquire_owned().await?;
        Ok(Line { _of_all: self.lines.acquire().await?, _of_office: of_office })
    }

    pub(super) fn passed(&self, which: Which) -> i64 {
        self.state().passed.get(&which).copied().unwrap_or(0)
    }

    pub(super) fn pass(&self, which: Which, seq: i64) {
        self.state().passed.insert(which, seq);
    }

    /// What was passed counts only for webhooks that there still are.
    pub(super) fn forget_others(&self, listed: &HashSet<Which>) {
        let mut state = self.state();
        state.passed.retain(|which, _| listed.contains(which));
        // Whoever waits or calls holds on to the lines of its office.
        state.lines.retain(|_, lines| Arc::strong_count(lines) > 1);
    }

    /// Sets somebody to work on a webhook, unless somebody is.
    pub(super) fn start(&self, house: &House, which: Which) {
        let mut state = self.state();
        while let Some(ended) = state.working.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                tracing::error!(%error, "a webhook's delivery panicked");
            }
        }
        if !state.busy.insert(which) {
            state.again.insert(which);
            return;
        }
        let house = house.clone();
        state.working.spawn(async move {
            let _leaving = Leaving { house: house.clone(), which };
            deliver::work(&house, which).await;
        });
    }

    /// Gives up what is under way; it is repeated after the next start.
    pub async fn stop(&self) {
        let mut working = std::mem::take(&mut self.state().working);
        working.shutdown().await;
    }

    /// For tests: until nothing is under way.
    #[cfg(any(test, feature = "testing"))]
    pub async fn settled(&self) {
        let mut working = std::mem::take(&mut self.state().working);
        while working.join_next().await.is_some() {}
    }
}

/// Whoever worked on a webhook makes room, however the work ended.
struct Leaving {
    house: House,
    which: Which,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut state = self.house.webhooks.state();
        state.busy.remove(&self.which);
        if state.again.remove(&self.which) {
            self.house.wakeups.send(&[Wake::Webhooks]);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn one_offices_receivers_that_hang_hold_up_nobody_elses() {
        let desk = Desk::default();
        let (one, other) = (OfficeId(Uuid::from_u128(1)), OfficeId(Uuid::from_u128(2)));
        let take = |office| desk.line(office).now_or_never().map(Result::unwrap);
        let mut hanging: Vec<Line<'_>> = (0..OFFICE_DELIVERIES_AT_ONCE_MAX).map(|_| take(one).unwrap()).collect();
        assert!(take(one).is_none());
        desk.forget_others(&HashSet::new());
        assert!(take(one).is_none(), "what is in use is not forgotten");
        assert!(take(other).is_some());
        hanging.pop();
        assert!(take(one).is_some());
        drop(hanging);
        desk.forget_others(&HashSet::new());
        assert!(desk.state().lines.is_empty());
    }
}
