//! Jobs wait in bounded queues, threads carry them out.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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

/// The threads of a store and the two queues that they drain; both engines are crews with other hands.
#[derive(Default)]
pub(super) struct Crew {
    writes: Arc<Queue>,
    reads: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Crew {
    pub(super) fn writer(&self, work: impl FnOnce(&Queue) + Send + 'static) -> Result<(), DbError> {
        self.join_in("store-writer", Arc::clone(&self.writes), work)
    }

    pub(super) fn reader(&self, work: impl FnOnce(&Queue) + Send + 'static) -> Result<(), DbError> {
        self.join_in("store-reader", Arc::clone(&self.reads), work)
    }

    fn join_in(
        &self,
        name: &str,
        queue: Arc<Queue>,
        work: impl FnOnce(&Queue) + Send + 'static,
    ) -> Result<(), DbError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&queue));
        let thread = thread.map_err(|error| DbError::Other(format!("no thread for {name}: {error}")))?;
        self.threads().push(thread);
        Ok(())
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn submit(&self, job: Box<dyn Job>) -> Result<(), DbError> {
        self.writes.push(job)
    }

    pub(super) fn submit_read(&self, job: Box<dyn Job>) -> Result<(), DbError> {
        self.reads.push(job)
    }

    /// Finishes what was submitted, then ends the threads.
    pub(super) fn close(&self) {
        self.writes.close();
        self.reads.close();
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a store thread panicked");
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.close();
    }
}
