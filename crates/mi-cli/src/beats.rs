//! When an agent elsewhere says again that it is there: a pure rule.

use mi_core::limits::HEARTBEAT_SECONDS;

/// The first pause after a beat that didn't arrive; each further one is twice as long.
const FIRST_PAUSE_SECONDS: u64 = 5;
const PAUSE_SECONDS_MAX: u64 = 300;
/// Every wait is longer by up to so much, so that a crowd that was cut off together doesn't come back together.
const JITTER_PER_CENT_MAX: u64 = 20;

/// What became of a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    Heard,
    /// Not now: unreachable, busy, broken. The server may have said when to come back.
    Missed {
        retry_after_seconds: Option<u64>,
    },
    /// Never again: the agent was fired, or its key was revoked.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    InMillis(u64),
    Stop,
}

/// `missed` beats in a row came before this one; `chance` is any number.
pub fn next(beat: Beat, missed: u32, chance: u64) -> Next {
    let seconds = match beat {
        Beat::Refused => return Next::Stop,
        Beat::Heard => HEARTBEAT_SECONDS,
        Beat::Missed { retry_after_seconds } => {
            let pause = FIRST_PAUSE_SECONDS.saturating_mul(2_u64.saturating_pow(missed));
            pause.max(retry_after_seconds.unwrap_or(0)).min(PAUSE_SECONDS_MAX)
        }
    };
    let millis = seconds * 1_000;
    Next::InMillis(millis + chance % (millis * JITTER_PER_CENT_MAX / 100 + 1))
}

/// What an agent's beats have for chance: another number for each agent and each beat, and no dice.
pub fn chance(agent: &str, beat: u64) -> u64 {
    // FNV-1a, spread by the golden ratio: good enough to be apart, and nobody gains by guessing it.
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let hash = agent.bytes().fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    (hash ^ beat).wrapping_mul(GOLDEN) >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_end_with_a_beat_that_was_heard() {
        let waits = |chance: u64| {
            (0..9).map(move |missed| match next(Beat::Missed { retry_after_seconds: None }, missed, chance) {
                Next::InMillis(wait) => wait,
                Next::Stop => 0,
            })
        };
        let seconds: Vec<u64> = waits(0).map(|wait| wait / 1_000).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert!(waits(u64::MAX).zip(waits(0)).all(|(longest, least)| longest <= least * 12 / 10));
        assert_eq!(next(Beat::Heard, 7, 0), Next::InMillis(30_000));
        assert_eq!(next(Beat::Missed { retry_after_seconds: Some(60) }, 0, 0), Next::InMillis(60_000));
        assert_eq!(next(Beat::Missed { retry_after_seconds: Some(6_000) }, 0, 0), Next::InMillis(300_000));
        assert_eq!(next(Beat::Missed { retry_after_seconds: None }, u32::MAX, 0), Next::InMillis(300_000));
        assert_eq!(next(Beat::Refused, 0, 0), Next::Stop);
    }

    #[test]
    fn agents_don_t_beat_together() {
        let waits: std::collections::HashSet<u64> =
            (0..100).map(|n| chance(&format!("agent-{n}"), 1) % 6_001).collect();
        assert!(waits.len() > 90, "{}", waits.len());
    }
}
