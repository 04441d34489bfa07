//! What must become true with time: each sweep has no input, may be repeated at will and never retries inside.
//!
//! A sweep that fails is tried again in its next round. The failure is logged when it begins and when it is over, not
//! in every round between.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::ids::{AgentId, OfficeId};
use mi_core::problem::Code;
use mi_core::time::Millis;

use super::clock::Clock;
use super::fault::Fault;

/// A page of all that there is: the next round begins anew.
pub const WITHOUT_LIMIT: i64 = i64::MAX;

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
        lock(&self.0).clone()
    }

    /// A round took these, out of at most so many: after fewer it begins anew.
    pub fn took(&self, page: &[T], most: i64) {
        let is_full = i64::try_from(page.len()).unwrap_or(i64::MAX) >= most;
        let next = page.last().filter(|_| is_full).cloned();
        *lock(&self.0) = next;
    }
}

/// The agent after which a sweep goes on, as rows say it; before all of them if there is none.
pub fn place(after: Option<(OfficeId, AgentId)>) -> (String, String) {
    let text = |id: uuid::Uuid| id.simple().to_string();
    after.map(|(office, agent)| (text(office.0), text(agent.0))).unwrap_or_default()
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

/// What a sweep over offices remembers between its rounds: where it goes on, in which offices it fails, and what is still
/// to be done there.
#[derive(Debug, Clone)]
pub struct Offices<T> {
    cursor: Cursor<T>,
    left: Arc<Mutex<BTreeSet<T>>>,
    health: Arc<Mutex<OfficesHealth>>,
}

#[derive(Debug, Default)]
struct OfficesHealth {
    /// Those that were said to fail.
    failing: BTreeSet<OfficeId>,
    /// Those that failed since the sweep was at its beginning.
    failed: BTreeSet<OfficeId>,
}

impl<T> Default for Offices<T> {
    fn default() -> Self {
        Self { cursor: Cursor::default(), left: Arc::default(), health: Arc::default() }
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
            if let Err(fault) = self.one(sweep, place, &work).await {
                round = Err(fault);
            }
        }
        if self.after().is_none() {
            self.note_those_well(sweep);
        }
        round
    }

    /// Does it in all of these, and where it failed before. A failure is logged and kept for the next time, for places that
    /// nobody will find again.
    pub async fn all<F, R>(&self, sweep: &'static str, found: impl IntoIterator<Item = T>, work: F)
    where
        T: Ord,
        F: Fn(T) -> R,
        R: Future<Output = Result<(), Fault>>,
    {
        let mut places = std::mem::take(&mut *lock(&self.left));
        places.extend(found);
        for place in places {
            if self.one(sweep, place.clone(), &work).await.is_err() {
                lock(&self.left).insert(place);
            }
        }
        self.note_those_well(sweep);
    }

    async fn one<F, R>(&self, sweep: &'static str, place: T, work: &F) -> Result<(), Fault>
    where
        F: Fn(T) -> R,
        R: Future<Output = Result<(), Fault>>,
    {
        let office = place.office();
        match work(place).await {
            // It was deleted meanwhile.
            Err(fault) if fault.code == Code::NoSuchOffice => Ok(()),
            Err(fault) => {
                self.note_failure(sweep, office, &fault);
                Err(fault)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Said when it begins.
    fn note_failure(&self, sweep: &'static str, office: OfficeId, fault: &Fault) {
        let mut health = lock(&self.health);
        health.failed.insert(office);
        if health.failing.insert(office) {
            let cause = fault.cause.as_deref().unwrap_or_default();
            tracing::error!(sweep, %office, cause, "a sweep fails in an office: {}", fault.sentence);
        }
    }

    /// Said when it is over: the sweep came by everywhere, and nothing failed there any more.
    fn note_those_well(&self, sweep: &'static str) {
        let mut health = lock(&self.health);
        let failed = std::mem::take(&mut health.failed);
        for office in health.failing.difference(&failed) {
            tracing::info!(sweep, %office, "a sweep fails no more in an office");
        }
        health.failing = failed;
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(lock(&offices.health).failing, BTreeSet::from([office(1)]));
        assert!(offices.each("test", vec![office(4)], 3, work).await.is_ok());
        assert_eq!(offices.after(), None, "from the beginning again");
    }

    #[tokio::test]
    async fn an_office_fails_until_the_sweep_found_nothing_bad_there_from_its_beginning_to_its_end() {
        let (one, two) = (OfficeId(uuid::Uuid::from_u128(1)), OfficeId(uuid::Uuid::from_u128(2)));
        let offices = Offices::default();
        let failing = || lock(&offices.health).failing.clone();
        let work =
            |(_, is_well): (OfficeId, bool)| async move { if is_well { Ok(()) } else { Err(fault::busy("the test")) } };
        for page in [vec![(one, false), (one, true)], vec![(one, true), (two, true)], vec![]] {
            let _failed = offices.each("test", page, 2, work).await;
            assert_eq!(failing(), BTreeSet::from([one]));
        }
        assert!(offices.each("test", vec![(one, true)], 2, work).await.is_ok());
        assert_eq!(failing(), BTreeSet::new());
        let _failed = offices.each("test", vec![(one, false)], 2, work).await;
        assert!(offices.each("test", vec![], 2, work).await.is_ok());
        assert_eq!(failing(), BTreeSet::new(), "the place vanished");
    }

    #[tokio::test]
    async fn what_failed_in_all_is_done_the_next_time_and_once() {
        let office = |n: u128| OfficeId(uuid::Uuid::from_u128(n));
        let offices = Offices::default();
        let (done, broken) = (Mutex::new(Vec::new()), Mutex::new(true));
        let work = |place: OfficeId| {
            done.lock().unwrap().push(place);
            let fails = place == office(1) && *broken.lock().unwrap();
            async move { if fails { Err(fault::busy("the test")) } else { Ok(()) } }
        };
        offices.all("test", [office(1), office(1), office(2)], work).await;
        *broken.lock().unwrap() = false;
        offices.all("test", [office(3)], work).await;
        offices.all("test", [], work).await;
        assert_eq!(*done.lock().unwrap(), [office(1), office(2), office(1), office(3)]);
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
