//! Idempotency keys that a caller gives, for scripts that may themselves be started twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The first write gets the key itself, each further one the key with its number: `k`, `k.2`, `k.3`. The same writes
/// in the same order get the same keys again. Clones count together.
#[derive(Debug, Clone)]
pub struct WriteKeys {
    key: String,
    used: Arc<AtomicUsize>,
}

impl WriteKeys {
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), used: Arc::default() }
    }

    pub(crate) fn next(&self) -> String {
        match self.used.fetch_add(1, Ordering::Relaxed) {
            0 => self.key.clone(),
            before => format!("{}.{}", self.key, before + 1),
        }
    }
}
