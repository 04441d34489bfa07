//! What must become true with time: each sweep has no input, may be repeated at will and never retries inside.
//!
//! A sweep that fails is tried again in its next round. The failure is logged when it begins and when it is over, not
//! in every round between.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use mi_core::time::Millis;

use super::clock::Clock;
use super::fault::Fault;

/// Where a sweep that takes some of many goes on in its next round, so that none waits for ever behind others.
#[derive(Debug, Clone)]
pub struct Cursor<T>(Arc<Mutex<Option<T>>>);

impl<T> Default for Cursor<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }
}

impl<T: Clone> Cursor<T> {
    /// After which it goes on; `None` is the beginning.
    pub fn after(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A round took these, out of at most so many: after fewer it begins anew.
    pub fn took(&self, page: &[T], most: i64) {
        let is_full = i64::try_from(page.len()).unwrap_or(i64::MAX) >= most;
        let next = page.last().filter(|_| is_full).cloned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One sweep: what it does, and how it waits for its next round.
pub struct Sweep {
    pub name: &'static str,
    round: Box<dyn Fn() -> Work<Result<(), Fault>> + Send + Sync>,
    wait: Box<dyn Fn() -> Work<()> + Send + Sync>,
}

impl Sweep {
    /// A round each `every`.
    pub fn periodic<F, R>(name: &'static str, every: Millis, clock: &Clock, round: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let clock = clock.clone();
        Self::woken(name, round, move || {
            let clock = clock.clone();
            async move { clock.sleep(every).await }
        })
    }

    /// A round whenever `wait` resolves.
    pub fn woken<F, R, W, S>(name: &'static str, round: F, wait: W) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Fault>> + Send + 'static,
        W: Fn() -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        Self { name, round: Box::new(move || Box::pin(round())), wait: Box::new(move || Box::pin(wait())) }
    }

    pub async fn once(&self) -> Result<(), Fault> {
        (self.round)().await
    }

    /// Round after round, until dropped.
    pub async fn for_ever(self) {
        let mut health = Health::Well;
        loop {
            let result = self.once().await;
            health = health.after(self.name, result);
            (self.wait)().await;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Well,
    Failing,
}

impl Health {
    fn after(self, sweep: &'static str, result: Result<(), Fault>) -> Self {
        match (self, result) {
            (Health::Well, Ok(())) => Health::Well,
            (Health::Failing, Ok(())) => {
                tracing::info!(sweep, "a sweep works again");
                Health::Well
            }
            (Health::Well, Err(fault)) => {
                let cause = fault.cause.as_deref().unwrap_or_default();
                tracing::error!(sweep, cause, "a sweep fails: {}", fault.sentence);
                Health::Failing
            }
            (Health::Failing, Err(_)) => Health::Failing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use mi_core::time::Time;

    use super::*;
    use crate::infra::fault;

    #[tokio::test]
    async fn a_sweep_that_fails_goes_on() {
        let clock = Clock::fake(Time(0));
        let rounds = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&rounds);
        let sweep = Sweep::periodic("test", Millis(10), &clock, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Err(fault::busy("the test")) }
        });
        let running = tokio::spawn(sweep.for_ever());
        while rounds.load(Ordering::SeqCst) < 3 {
            clock.advance(Millis(10));
            tokio::task::yield_now().await;
        }
        running.abort();
    }
}
