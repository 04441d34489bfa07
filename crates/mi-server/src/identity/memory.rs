//! What the server remembers of API keys between two looks at the store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mi_core::time::{Millis, Time};

use crate::infra::caller::{Caller, KeyId};

/// How long a resolved key is believed without asking the store. A change of rights in this process ends it at once, one
/// by another program within it.
const BELIEVED_MS: i64 = 1_000;
const KEYS_KNOWN_MAX: usize = 10_000;

/// The keys that came lately, and when each was used.
#[derive(Default)]
pub struct KnownKeys {
    known: Mutex<HashMap<String, Known>>,
    used: Mutex<HashMap<KeyId, Time>>,
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
        if let Caller::User { key, .. } = caller {
            let mut used = locked(&self.used);
            if used.len() < KEYS_KNOWN_MAX || used.contains_key(key) {
                used.insert(key.clone(), now);
            }
        }
        let mut known = locked(&self.known);
        if known.len() >= KEYS_KNOWN_MAX {
            known.clear();
        }
        known.insert(hash, Known { caller: caller.clone(), at: now, rights });
    }

    /// The keys that were used since the last time, and when.
    pub fn take_used(&self) -> HashMap<KeyId, Time> {
        std::mem::take(&mut *locked(&self.used))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
