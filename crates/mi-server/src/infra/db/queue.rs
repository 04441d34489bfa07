//! A bounded queue of jobs that store threads drain.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::{DbError, Job};

/// Jobs that may wait before callers are told that the server is busy.
const QUEUE_JOBS_MAX: usize = 16_384;

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    arrived: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
}

impl Queue {
    pub(super) fn push(&self, job: Box<dyn Job>) -> Result<(), DbError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(DbError::Closed);
        }
        if state.jobs.len() >= QUEUE_JOBS_MAX {
            return Err(DbError::Again("the store's queue is full".to_owned()));
        }
        state.jobs.push_back(job);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for at least one job; takes at most `most`. Empty when closed and drained.
    pub(super) fn take(&self, most: usize) -> Vec<Box<dyn Job>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.jobs.is_empty() && !state.closed {
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.jobs.len().min(most);
        state.jobs.drain(..count).collect()
    }

    pub(super) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.arrived.notify_all();
    }
}

pub(super) fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a store thread panicked");
        }
    }
}
