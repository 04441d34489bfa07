//! Deliveries under way: one for each webhook, and a limit for all.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mi_core::ids::OfficeId;
use mi_core::time::Time;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::deliver;
use crate::house::House;
use crate::infra::wakeups::Wake;

/// Calls to receivers at the same time, over all offices.
pub const DELIVERIES_AT_ONCE_MAX: usize = 32;

pub type Which = (OfficeId, i64);

pub struct Desk {
    state: Mutex<State>,
    pub(super) lines: Semaphore,
}

#[derive(Default)]
struct State {
    busy: HashSet<Which>,
    /// Asked for while somebody was about to leave.
    again: HashSet<Which>,
    working: JoinSet<()>,
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

    pub(super) fn passed(&self, which: Which) -> i64 {
        self.state().passed.get(&which).copied().unwrap_or(0)
    }

    pub(super) fn pass(&self, which: Which, seq: i64) {
        self.state().passed.insert(which, seq);
    }

    /// What was passed counts only for webhooks that there still are.
    pub(super) fn forget_others(&self, listed: &HashSet<Which>) {
        self.state().passed.retain(|which, _| listed.contains(which));
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
