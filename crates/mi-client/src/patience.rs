//! How often a call is repeated, and how long it waits in between.

use std::time::Duration;

/// A server that asks for more time than this is busy in earnest: the caller is told.
const RETRY_AFTER_SECONDS_MAX: u64 = 5;

/// Bounded repetition of calls that may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Repetitions after the first try.
    pub repeats_max: u32,
    /// Before the first repetition; each further one waits three times as long.
    pub first_wait: Duration,
    pub wait_max: Duration,
}

impl Patience {
    /// One try.
    pub const NONE: Self = Self { repeats_max: 0, first_wait: Duration::ZERO, wait_max: Duration::ZERO };

    /// For a person at a terminal: a mistyped address is known at once.
    pub const BRIEF: Self =
        Self { repeats_max: 2, first_wait: Duration::from_millis(100), wait_max: Duration::from_millis(500) };

    /// For programs that outlive a restart of the server (about ten seconds in all).
    pub const LONG: Self =
        Self { repeats_max: 6, first_wait: Duration::from_millis(100), wait_max: Duration::from_secs(3) };

    /// How long to wait before repetition `n` (from 0), or `None` when there is no further one.
    pub fn wait_before(&self, n: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if n >= self.repeats_max {
            return None;
        }
        match retry_after {
            Some(asked) if asked > Duration::from_secs(RETRY_AFTER_SECONDS_MAX) => None,
            Some(asked) => Some(asked),
            None => Some(self.first_wait.saturating_mul(3_u32.saturating_pow(n)).min(self.wait_max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<Option<u64>> =
            (0..4).map(|n| Patience::BRIEF.wait_before(n, None).map(|d| d.as_millis() as u64)).collect();
        assert_eq!(waits, [Some(100), Some(300), None, None]);
    }

    #[test]
    fn a_server_may_ask_for_a_short_wait_only() {
        let asked = |s| Patience::LONG.wait_before(0, Some(Duration::from_secs(s)));
        assert_eq!(asked(2), Some(Duration::from_secs(2)));
        assert_eq!(asked(60), None);
    }
}
