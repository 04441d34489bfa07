//! What the server remembers of an office's models between two looks at the store.
//!
//! The office's own keys are opened for it, so it holds them for a short while only, and not at all after a change.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::ids::OfficeId;
use mi_core::time::{Millis, Time};

use super::kinds::Kind;
use super::marks::Mark;
use super::providers::Provider;

/// How long it is believed without asking the store. A change in this process ends it at once.
const BELIEVED_MS: i64 = 60_000;
const OFFICES_MAX: usize = 1_000;
/// Lists of models change rarely.
const LIST_BELIEVED_MS: i64 = 5 * 60_000;
const PINGS_MAX: usize = 6;
const PINGS_WITHIN_MS: i64 = 60_000;

/// What an office calls models with, and what providers said of that.
#[derive(Debug, Default)]
pub struct OfficeModels {
    pub own: Vec<Arc<Provider>>,
    pub marks: Vec<Mark>,
    /// Models that answer where the one asked for can't, in this order.
    pub fallbacks: Vec<(Kind, String)>,
    /// Its agents may reach any host outside, so providers may do so for them.
    pub goes_anywhere: bool,
}

impl OfficeModels {
    pub fn own(&self, kind: Kind) -> Option<&Arc<Provider>> {
        self.own.iter().find(|own| own.kind == kind)
    }

    pub fn mark(&self, kind: Kind) -> Mark {
        self.marks.iter().find(|mark| mark.kind == kind).copied().unwrap_or(Mark::none(kind))
    }
}

/// Cheap to clone; one per server.
#[derive(Clone, Default)]
pub struct Memory {
    known: Arc<Mutex<HashMap<OfficeId, Known>>>,
    lists: Arc<Mutex<HashMap<(OfficeId, Kind), List>>>,
    pings: Arc<Mutex<HashMap<OfficeId, Vec<Time>>>>,
}

/// What a provider listed, or that it didn't.
struct List {
    names: Option<Vec<String>>,
    at: Time,
    changes: u64,
}

struct Known {
    models: Arc<OfficeModels>,
    at: Time,
    /// How often anything had changed when this was looked up.
    changes: u64,
}

impl Memory {
    pub fn find(&self, office: OfficeId, now: Time, changes: u64) -> Option<Arc<OfficeModels>> {
        let mut known = self.locked();
        known.retain(|_, known| known.is_good(now, changes));
        known.get(&office).map(|known| Arc::clone(&known.models))
    }

    /// What the store said when there had been so many changes.
    pub fn note(&self, office: OfficeId, models: Arc<OfficeModels>, now: Time, changes: u64) {
        let mut known = self.locked();
        if known.len() >= OFFICES_MAX {
            known.clear();
        }
        known.insert(office, Known { models, at: now, changes });
    }

    /// What is no longer believed leaves the memory, though nobody asks.
    pub fn tidy(&self, now: Time, changes: u64) {
        self.locked().retain(|_, known| known.is_good(now, changes));
    }

    /// The names that a provider listed lately; `Some(None)`: it was asked and didn't say.
    pub fn list(&self, office: OfficeId, kind: Kind, now: Time, changes: u64) -> Option<Option<Vec<String>>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let good = |list: &&List| list.changes == changes && now - list.at < Millis(LIST_BELIEVED_MS);
        lists.get(&(office, kind)).filter(good).map(|list| list.names.clone())
    }

    pub fn note_list(&self, place: (OfficeId, Kind), names: Option<Vec<String>>, now: Time, changes: u64) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= OFFICES_MAX {
            lists.clear();
        }
        lists.insert(place, List { names, at: now, changes });
    }

    /// Counts a ping, or says after how many seconds the next one may come.
    pub fn count_ping(&self, office: OfficeId, now: Time) -> Option<i64> {
        let mut pings = self.pings.lock().unwrap_or_else(PoisonError::into_inner);
        pings.retain(|_, times| {
            times.retain(|at| now - *at < Millis(PINGS_WITHIN_MS));
            !times.is_empty()
        });
        let times = pings.entry(office).or_default();
        if times.len() < PINGS_MAX {
            times.push(now);
            return None;
        }
        times.first().map(|first| (PINGS_WITHIN_MS - (now - *first).0) / 1_000 + 1)
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<OfficeId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_good(&self, now: Time, changes: u64) -> bool {
        self.changes == changes && now - self.at < Millis(BELIEVED_MS)
    }
}

/// Keys stay out of logs.
impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}
