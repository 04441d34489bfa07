//! What the server remembers of keys between two looks at the store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mi_core::time::{Millis, Time};

use crate::infra::caller::{Caller, KeyId};
use mi_core::ids::OfficeId;

/// How long a resolved key is believed without asking the store. A change of rights in this process ends it at once, one
/// by another program within it.
const BELIEVED_MS: i64 = 1_000;
const KEYS_KNOWN_MAX: usize = 10_000;

/// The keys that came lately, and when each was used.
#[derive(Default)]
pub struct KnownKeys {
    known: Mutex<HashMap<String, Known>>,
    used: Mutex<HashMap<Used, Time>>,
}

/// A key that was used: a person's, or one of an agent of an office.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Used {
    Person(KeyId),
    Agent(OfficeId, KeyId),
}

struct Known {
    caller: Caller,
    at: Time,
    /// How often anybody had lost a right when this was looked up.
    rights: u64,
}

impl KnownKeys {
    /// Whose the key with this hash is, if that was looked up a moment ago.
    pub fn find(&self, hash: &str, now: Time, rights: u64) -> Option<Caller> {
        let known = locked(&self.known);
        let known = known.get(hash).filter(|known| known.rights == rights && now - known.at < Millis(BELIEVED_MS))?;
        Some(known.caller.clone())
    }

    /// What the store said of a key when rights had changed so often.
    pub fn note(&self, hash: String, caller: &Caller, now: Time, rights: u64) {
        self.note_use(caller, now);
        let mut known = locked(&self.known);
        if known.len() >= KEYS_KNOWN_MAX {
            known.clear();
        }
        known.insert(hash, Known { caller: caller.clone(), at: now, rights });
    }

    /// That a caller's key was good a moment ago; one that signs is judged each time.
    pub fn note_use(&self, caller: &Caller, now: Time) {
        let key = match caller {
            Caller::User { key, .. } => Used::Person(key.clone()),
            Caller::Agent { office, key, .. } => Used::Agent(*office, key.clone()),
            Caller::Nobody | Caller::Ticket { .. } | Caller::Runner { .. } | Caller::Session { .. } => return,
        };
        let mut used = locked(&self.used);
        if used.len() < KEYS_KNOWN_MAX || used.contains_key(&key) {
            used.insert(key, now);
        }
    }

    /// The keys that were used since the last time, and when.
    pub fn take_used(&self) -> HashMap<Used, Time> {
        std::mem::take(&mut *locked(&self.used))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
