//! Time is handed in: a clock that runs, and one that tests move.
//!
//! The running clock starts at the wall's time (or where the store last stood,
//! whichever is later) and then only follows the monotonic clock, so a step of
//! the wall clock never ends a lease.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mi_core::time::{Millis, Time};
use tokio::sync::Notify;

#[derive(Clone)]
pub struct Clock {
    kind: Arc<Kind>,
}

enum Kind {
    Running { began_at: Time, began: Instant },
    Fake { now_ms: AtomicI64, moved: Notify, steps: Mutex<()> },
}

impl Clock {
    /// Never before `not_before`, so that time doesn't run backwards across restarts.
    pub fn running(not_before: Time) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let wall = Time(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX));
        Self { kind: Arc::new(Kind::Running { began_at: wall.max(not_before), began: Instant::now() }) }
    }

    /// Stands still at `now` until [`Clock::advance`].
    pub fn fake(now: Time) -> Self {
        let kind = Kind::Fake { now_ms: AtomicI64::new(now.0), moved: Notify::new(), steps: Mutex::new(()) };
        Self { kind: Arc::new(kind) }
    }

    pub fn now(&self) -> Time {
        match &*self.kind {
            Kind::Running { began_at, began } => {
                *began_at + Millis(i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX))
            }
            Kind::Fake { now_ms, .. } => Time(now_ms.load(Ordering::Acquire)),
        }
    }

    pub async fn sleep_until(&self, at: Time) {
        match &*self.kind {
            Kind::Running { .. } => {
                let left = (at - self.now()).0.max(0);
                tokio::time::sleep(Duration::from_millis(left.unsigned_abs())).await;
            }
            Kind::Fake { moved, .. } => loop {
                let notified = moved.notified();
                if self.now() >= at {
                    return;
                }
                notified.await;
            },
        }
    }

    pub async fn sleep(&self, length: Millis) {
        self.sleep_until(self.now() + length).await;
    }

    /// Gives up on `work` when the clock passes `at`.
    pub async fn timeout_at<T>(&self, at: Time, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            value = work => Some(value),
            () = self.sleep_until(at) => None,
        }
    }

    /// Moves a fake clock; a running one can't be moved and says so in the log.
    pub fn advance(&self, length: Millis) {
        match &*self.kind {
            Kind::Running { .. } => tracing::error!("a running clock can't be moved"),
            Kind::Fake { now_ms, moved, steps } => {
                let _step = steps.lock().unwrap_or_else(PoisonError::into_inner);
                now_ms.fetch_add(length.0, Ordering::AcqRel);
                moved.notify_waiters();
            }
        }
    }
}
