//! How long to wait before the same thing is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

/// Doubles from a quarter of a second to ten seconds. Limits on the whole are the caller's.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST }
    }

    pub(crate) fn step(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(LONGEST);
        now
    }

    pub(crate) fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, LONGEST};

    #[test]
    fn it_grows_to_its_limit_and_no_further() {
        let mut backoff = Backoff::new();
        let steps: Vec<u128> = (0..8).map(|_| backoff.step().as_millis()).collect();
        assert_eq!(steps, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(backoff.step(), LONGEST);
    }
}
