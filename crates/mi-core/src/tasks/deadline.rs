//! Deadlines: whether a task is late, and where it stood when its deadline passed.
//!
//! Lateness is said, never punished: no task is stopped or failed by its deadline.

use super::why::Why;
use crate::moment::say_length;
use crate::time::Time;

/// Where a task stands when its deadline passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// An agent has it, since this moment if that is known.
    Held { by: String, since: Option<Time> },
    /// It waits, for the reason that `why` gives.
    Waiting(Why),
    /// Done, and nobody has looked at it.
    Unverified,
}

/// Finished in time means at the deadline or before; `completed_at` is none while it is open.
pub fn is_late(deadline: Option<Time>, completed_at: Option<Time>, now: Time) -> bool {
    deadline.is_some_and(|deadline| match completed_at {
        Some(at) => at > deadline,
        None => now >= deadline,
    })
}

pub fn why_late(standing: &Standing) -> Why {
    match standing {
        Standing::Held { by, since: Some(since) } => {
            Why::of("held", format!("at its deadline {by} held it, since {since}"))
        }
        Standing::Held { by, since: None } => Why::of("held", format!("at its deadline {by} held it")),
        Standing::Waiting(why) => Why::of(&why.code, format!("at its deadline it waited: {}", why.message)),
        Standing::Unverified => {
            Why::of("waiting_for_review", "at its deadline it was done, and nobody had verified it")
        }
    }
}

/// What is said of a task that was finished after its deadline.
pub fn finished_late(why: Option<Why>, deadline: Time, completed_at: Time) -> Why {
    let over = format!("it was finished {} after its deadline", say_length(completed_at - deadline));
    match why {
        Some(why) => Why::of(&why.code, format!("{}; {over}", why.message)),
        None => Why::of("finished_late", over),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_is_open_at_the_deadline_or_finished_after_it() {
        let deadline = Some(Time(1_000));
        for (completed_at, now, late) in
            [(None, 999, false), (None, 1_000, true), (Some(1_000), 5_000, false), (Some(1_001), 5_000, true)]
        {
            assert_eq!(is_late(deadline, completed_at.map(Time), Time(now)), late, "{completed_at:?} {now}");
        }
        assert!(!is_late(None, None, Time(9_000)));
    }

    #[test]
    fn the_reason_says_where_it_stood() {
        let held = Standing::Held { by: "ada".to_owned(), since: Some(Time(0)) };
        let why = why_late(&held);
        assert_eq!(why.message, "at its deadline ada held it, since 1970-01-01T00:00:00.000Z");
        let why = finished_late(Some(why), Time(1_000), Time(61_000));
        assert_eq!(
            (why.code.as_str(), why.message.ends_with("; it was finished 1 min after its deadline")),
            ("held", true)
        );
        let waiting = Standing::Waiting(Why::of("waiting_for_dependency", "waits for #3"));
        assert_eq!(why_late(&waiting), Why::of("waiting_for_dependency", "at its deadline it waited: waits for #3"));
    }
}
