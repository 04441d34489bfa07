//! Trees of processes that stand side by side under one runner: what one of them started is never another's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What tells a tree's processes from others.
#[derive(Debug)]
pub(super) struct Trunk {
    /// The value of `MARK` in the environment of this tree's processes, and of no other's anywhere on the machine.
    pub mark: String,
    roots: Mutex<BTreeSet<i32>>,
}

impl Trunk {
    pub fn new(mark: String) -> Self {
        Self { mark, roots: Mutex::new(BTreeSet::new()) }
    }

    pub fn roots(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All trees of one runner that are alive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grove(Arc<Mutex<Vec<Weak<Trunk>>>>);

impl Grove {
    pub(super) fn plant(&self, trunk: &Arc<Trunk>) {
        let mut trunks = self.trunks();
        trunks.retain(|trunk| trunk.strong_count() > 0);
        trunks.push(Arc::downgrade(trunk));
    }

    pub(super) fn others(&self, own: &Arc<Trunk>) -> Vec<Arc<Trunk>> {
        self.trunks().iter().filter_map(Weak::upgrade).filter(|trunk| !Arc::ptr_eq(trunk, own)).collect()
    }

    fn trunks(&self) -> MutexGuard<'_, Vec<Weak<Trunk>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
