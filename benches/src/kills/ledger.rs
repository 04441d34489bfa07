//! What the server acknowledged, written down where no kill reaches it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mi_core::ids::{ClaimToken, TaskId};

/// Everything that clients of this process heard.
#[derive(Debug, Default, Clone)]
pub struct Heard {
    /// Acknowledged creations, with their titles.
    pub created: BTreeMap<TaskId, String>,
    /// Acknowledged ends, with claim and result.
    pub done: BTreeMap<TaskId, (ClaimToken, String)>,
    /// Requests that were never answered, however often they were repeated.
    pub unanswered: usize,
    /// What should not have been said, and claims or ends that came twice.
    pub odd: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Ledger(Mutex<Heard>);

impl Ledger {
    pub fn created(&self, id: TaskId, title: &str) {
        let mut heard = self.lock();
        if let Some(before) = heard.created.insert(id, title.to_owned()) {
            heard.odd.push(format!("task {id} was created twice: {before:?}, {title:?}"));
        }
    }

    pub fn done(&self, id: TaskId, claim: ClaimToken, result: &str) {
        let mut heard = self.lock();
        if let Some((before, _)) = heard.done.insert(id, (claim, result.to_owned())) {
            heard.odd.push(format!("task {id} was finished by claim {before} and by claim {claim}"));
        }
    }

    pub fn unanswered(&self) {
        self.lock().unanswered += 1;
    }

    pub fn odd(&self, what: String) {
        self.lock().odd.push(what);
    }

    pub fn heard(&self) -> Heard {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
