//! Waiting for a state, with a limit.

use std::thread;
use std::time::{Duration, Instant};

/// For what takes a moment on a machine with nothing else to do.
pub const SHORT: Duration = Duration::from_secs(20);
/// For what holds several pods, back-offs or a shutdown.
pub const LONG: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(25);

/// Looks until there is something to see.
pub fn until<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < limit, "{what}: not within {} s", limit.as_secs());
        thread::sleep(PAUSE);
    }
}
