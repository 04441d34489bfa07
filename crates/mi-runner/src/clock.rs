//! The runner's time: the server's clock, carried forward by this machine's monotonic one.
//!
//! The wall clock of a pod is never asked: a lease is a length (`lease_expires_at − server_time`), counted from the
//! moment when the answer came.

use std::future::Future;
use std::time::{Duration, Instant};

use mi_core::time::Time;

/// Longer than any session; what lies further away is as good as never.
const HORIZON: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerClock {
    server: Time,
    here: Instant,
}

impl ServerClock {
    /// To be called when the answer that carries `server_time` has just come.
    pub(crate) fn set(server_time: Time) -> Self {
        Self { server: server_time, here: Instant::now() }
    }

    pub(crate) fn now(&self) -> Time {
        let passed = i64::try_from(self.here.elapsed().as_millis()).unwrap_or(i64::MAX);
        Time(self.server.0.saturating_add(passed))
    }

    /// When the server's clock will show `at`; what is past already is the moment the clock was set.
    pub(crate) fn instant_of(&self, at: Time) -> Instant {
        let ahead = u64::try_from((at - self.server).0).unwrap_or(0);
        self.here + Duration::from_millis(ahead).min(HORIZON)
    }
}

pub(crate) async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}

pub(crate) async fn reach(at: Instant) {
    tokio::time::sleep_until(at.into()).await;
}

/// What the future gives, if it gives it in time.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

#[cfg(test)]
mod tests {
    use super::{HORIZON, ServerClock};
    use mi_core::time::Time;
    use std::time::Duration;

    #[test]
    fn lengths_count_and_not_the_wall() {
        let clock = ServerClock::set(Time(1_000));
        assert_eq!(clock.instant_of(Time(3_500)), clock.here + Duration::from_millis(2_500));
        assert_eq!(clock.instant_of(Time(0)), clock.here);
        assert_eq!(clock.instant_of(Time(i64::MAX)), clock.here + HORIZON);
        assert!(clock.now() >= Time(1_000));
    }
}
