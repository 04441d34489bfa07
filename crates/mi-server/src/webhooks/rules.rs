//! What follows from an attempt.

use mi_core::time::{Millis, Time};
use mi_core::wire::webhooks::DeliveryCause;

/// How long each attempt that failed waits for the next one.
pub const RETRY_SECONDS: [i64; 5] = [10, 60, 5 * 60, 30 * 60, 2 * 3_600];
/// So many deliveries in a row that were given up disable their webhook.
pub const GIVEN_UP_IN_A_ROW_MAX: i64 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Again { at: Time },
    GivenUp,
}

/// `attempts` counts the one that has just ended. What a person asked for is tried once: they are looking on.
pub fn judge(cause: DeliveryCause, succeeded: Success, attempts: i64, now: Time) -> Verdict {
    let wait = usize::try_from(attempts - 1).ok().and_then(|n| RETRY_SECONDS.get(n));
    match (succeeded, cause, wait) {
        (Success::Yes, _, _) => Verdict::Delivered,
        (Success::No, DeliveryCause::Event, Some(seconds)) => Verdict::Again { at: now + Millis::seconds(*seconds) },
        (Success::No, DeliveryCause::Event, None) => Verdict::GivenUp,
        (Success::No, DeliveryCause::Test | DeliveryCause::Redelivery, _) => Verdict::GivenUp,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_repeated_ever_more_slowly_and_then_given_up() {
        let after = |attempts| judge(DeliveryCause::Event, Success::No, attempts, Time(0));
        let waits = [10_000, 60_000, 300_000, 1_800_000, 7_200_000];
        for (n, wait) in (1..).zip(waits) {
            assert_eq!(after(n), Verdict::Again { at: Time(wait) });
        }
        assert_eq!(after(6), Verdict::GivenUp);
        assert_eq!(after(7), Verdict::GivenUp);
        assert_eq!(judge(DeliveryCause::Event, Success::Yes, 6, Time(0)), Verdict::Delivered);
        for cause in [DeliveryCause::Test, DeliveryCause::Redelivery] {
            assert_eq!(judge(cause, Success::No, 1, Time(0)), Verdict::GivenUp);
            assert_eq!(judge(cause, Success::Yes, 1, Time(0)), Verdict::Delivered);
        }
    }
}
