//! What must become true with time: each sweep has no input, may be repeated at will and never retries inside.
//!
//! A sweep that fails is tried again in its next round. The failure is logged when it begins and when it is over, not
//! in every round between.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use mi_core::ids::OfficeId;
use mi_core::problem::Code;
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

/// Something that a sweep does in an office: the office itself, or a place in it.
pub trait InOffice: Clone {
    fn office(&self) -> OfficeId;
}

impl InOffice for OfficeId {
    fn office(&self) -> OfficeId {
        *self
    }
}

impl<K: Clone> InOffice for (OfficeId, K) {
    fn office(&self) -> OfficeId {
        self.0
    }
}

/// What a sweep over offices remembers between its rounds: where it goes on, and in which offices it fails.
#[derive(Debug, Clone)]
pub struct Offices<T> {
    cursor: Cursor<T>,
    failing: Arc<Mutex<BTreeSet<OfficeId>>>,
}

impl<T> Default for Offices<T> {
    fn default() -> Self {
        Self { cursor: Cursor::default(), failing: Arc::default() }
    }
}

impl<T: InOffice> Offices<T> {
    /// After which the next round goes on.
    pub fn after(&self) -> Option<T> {
        self.cursor.after()
    }

    /// Does it in each of these, out of at most so many. One that fails doesn't stand in the others' way; the last failure
    /// is the round's.
    pub async fn each<F, R>(&self, sweep: &'static str, page: Vec<T>, most: i64, work: F) -> Result<(), Fault>
    where
        F: Fn(T) -> R,
        R: Future<Output = Result<(), Fault>>,
    {
        self.cursor.took(&page, most);
        let mut round = Ok(());
        for place in page {
            let office = place.office();
            match work(place).await {
                // It was deleted meanwhile.
                Err(fault) if fault.code == Code::NoSuchOffice => self.note(sweep, office, None),
                Err(fault) => {
                    self.note(sweep, office, Some(&fault));
                    round = Err(fault);
                }
                Ok(()) => self.note(sweep, office, None),
            }
        }
        round
    }

    /// Said when it begins and when it is over.
    fn note(&self, sweep: &'static str, office: OfficeId, failed: Option<&Fault>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match failed {
            Some(fault) if failing.insert(office) => {
                let cause = fault.cause.as_deref().unwrap_or_default();
                tracing::error!(sweep, %office, cause, "a sweep fails in an office: {}", fault.sentence);
            }
            None if failing.remove(&office) => tracing::info!(sweep, %office, "a sweep works again in an office"),
            Some(_) | None => {}
        }
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
    async fn a_sweep_over_offices_goes_on_behind_its_last_place_and_past_those_that_fail() {
        let office = |n: u128| OfficeId(uuid::Uuid::from_u128(n));
        let offices = Offices::default();
        let done = Mutex::new(Vec::new());
        let work = |place: OfficeId| {
            done.lock().unwrap().push(place);
            async move {
                match place {
                    broken if broken == office(1) => Err(fault::busy("the test")),
                    gone if gone == office(2) => Err(fault::no_such_office()),
                    _ => Ok(()),
                }
            }
        };
        let round = offices.each("test", vec![office(1), office(2), office(3)], 3, work).await;
        assert_eq!(round.map_err(|fault| fault.code), Err(Code::Busy));
        assert_eq!(*done.lock().unwrap(), [office(1), office(2), office(3)]);
        assert_eq!(offices.after(), Some(office(3)), "there may be more");
        assert_eq!(*offices.failing.lock().unwrap(), BTreeSet::from([office(1)]));
        assert!(offices.each("test", vec![office(4)], 3, work).await.is_ok());
        assert_eq!(offices.after(), None, "from the beginning again");
    }

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
