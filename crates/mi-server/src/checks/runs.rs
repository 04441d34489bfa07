//! Rounds that run now: what is in no row, because it ends with this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::ids::{OfficeId, TaskId};
use mi_pods::Pod;
use tokio::sync::Notify;

use crate::house::House;

/// Rounds that run at a time. Each is one process tree at most, for checks of a round run one after the other.
const RUNS_MAX: usize = 4;
/// Of one office, so that its long checks don't hold up those of others.
const RUNS_PER_OFFICE_MAX: usize = 2;

type Key = (OfficeId, TaskId);

/// Whether anybody still wants to know what a round finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Wanted,
    Overtaken,
}

/// The register of rounds that run.
#[derive(Default)]
pub struct Runs {
    running: Mutex<HashMap<Key, Running>>,
    changed: Notify,
    numbers: AtomicU64,
}

#[derive(Default)]
struct Running {
    /// Known once the round was taken up.
    generation: Option<i64>,
    /// The sandbox that it waits for now.
    pod: Option<Arc<dyn Pod>>,
    /// Its task went on without it; what is left of it need not be run.
    overtaken: bool,
}

/// The place of a round that runs; dropped, it is free again.
pub(super) struct Place {
    house: House,
    key: Key,
}

impl Place {
    /// `None` if the round runs already or too many do.
    pub(super) fn reserve(house: &House, office: OfficeId, task: TaskId) -> Option<Self> {
        let key = (office, task);
        let mut running = house.checks.lock();
        let own = running.keys().filter(|(of, _)| *of == office).count();
        if running.contains_key(&key) || running.len() >= RUNS_MAX || own >= RUNS_PER_OFFICE_MAX {
            return None;
        }
        running.insert(key, Running::default());
        Some(Self { house: house.clone(), key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.house.checks.lock().remove(&self.key);
        self.house.checks.changed.notify_waiters();
    }
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the pods of one process apart.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn note_generation(&self, office: OfficeId, task: TaskId, generation: i64) {
        if let Some(running) = self.lock().get_mut(&(office, task)) {
            running.generation = Some(generation);
        }
    }

    /// The sandbox that a round waits for now, or none. One that was overtaken meanwhile gives it back to be killed.
    pub(super) fn note_pod(&self, office: OfficeId, task: TaskId, pod: Option<Arc<dyn Pod>>) -> Standing {
        match self.lock().get_mut(&(office, task)) {
            Some(running) if !running.overtaken => {
                running.pod = pod;
                Standing::Wanted
            }
            Some(_) | None => Standing::Overtaken,
        }
    }

    /// Rounds that were taken up.
    pub(super) fn taken_up(&self) -> Vec<(OfficeId, TaskId, i64)> {
        let running = self.lock();
        let known = running.iter().filter_map(|((office, task), run)| Some((*office, *task, run.generation?)));
        known.collect()
    }

    /// The round isn't wanted any more; its sandbox, if it has one, is to be killed.
    pub(super) fn overtake(&self, office: OfficeId, task: TaskId) -> Option<Arc<dyn Pod>> {
        let mut running = self.lock();
        let run = running.get_mut(&(office, task))?;
        run.overtaken = true;
        run.pod.take()
    }

    pub(super) fn pods(&self) -> Vec<Arc<dyn Pod>> {
        self.lock().values().filter_map(|running| running.pod.clone()).collect()
    }

    /// Resolves when no round runs.
    pub async fn settled(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.lock().is_empty() {
                return;
            }
            changed.await;
        }
    }
}
