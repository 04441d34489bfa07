//! What is done about moments that are due, some of them perhaps long past.

use serde::{Deserialize, Serialize};

use super::rhythm::Calendar;
use crate::limits::{SCHEDULE_CATCH_UP_RUNS_MAX, SCHEDULE_INTERVAL_SECONDS_MIN};
use crate::tasks::status::words;
use crate::time::{Millis, Time};

words! {
    /// What becomes of runs that were missed while the server was down or the office suspended.
    CatchUp { Skip = "skip", One = "one", All = "all" }
}

words! {
    /// What happens when a run is due and the task of the last one is still open.
    Overlap { Skip = "skip", Allow = "allow" }
}

/// A moment that is no older than this is on time; as long as the shortest interval, so that at most one is.
const ON_TIME: Millis = Millis::seconds(SCHEDULE_INTERVAL_SECONDS_MIN);
/// How far back the newest moments are looked for first; twice as far each further time.
const REACH_FIRST: Millis = Millis::seconds(4 * SCHEDULE_INTERVAL_SECONDS_MIN);

/// What to do now, and when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Run for each of these, in this order.
    pub runs: Vec<Time>,
    /// Moments were due before these and get no run.
    pub missed: bool,
    pub next_at: Option<Time>,
}

/// `due` is the first moment that has had no run; it lies at or before `now`.
pub fn plan(calendar: &Calendar, due: Time, now: Time, catch_up: CatchUp) -> Plan {
    let most = match catch_up {
        CatchUp::Skip | CatchUp::One => 1,
        CatchUp::All => SCHEDULE_CATCH_UP_RUNS_MAX,
    };
    let newest = newest(calendar, due, now, most);
    let missed = newest.first().is_none_or(|first| *first > due);
    let is_wanted = |at: &Time| catch_up != CatchUp::Skip || now - *at < ON_TIME;
    let runs: Vec<Time> = newest.iter().copied().filter(is_wanted).collect();
    Plan { missed: missed || runs.len() < newest.len(), runs, next_at: calendar.next(now) }
}

/// The newest moments from `due` to `now`, at most so many, oldest first. Looks back only as far as it must.
fn newest(calendar: &Calendar, due: Time, now: Time, most: usize) -> Vec<Time> {
    let before_due = due + Millis(-1);
    let mut reach = REACH_FIRST;
    loop {
        let from = (now + Millis(-reach.0)).max(before_due);
        let mut found = between(calendar, from, now);
        if found.len() >= most || from == before_due {
            return found.split_off(found.len().saturating_sub(most));
        }
        reach = Millis(reach.0.saturating_mul(2));
    }
}

/// After `from`, up to `now`.
fn between(calendar: &Calendar, from: Time, now: Time) -> Vec<Time> {
    std::iter::successors(calendar.next(from), |at| calendar.next(*at)).take_while(|at| *at <= now).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedules::zone::Zone;

    fn at(text: &str) -> Time {
        Time::parse(&format!("2026-01-{text}:00Z")).unwrap()
    }

    fn check(rhythm: &str, catch_up: CatchUp, due: &str, now: &str) -> (Vec<String>, bool, String) {
        let zone = Zone::parse("UTC").unwrap();
        let calendar = Calendar { rhythm: rhythm.parse().unwrap(), zone, anchor: at("01T00:00") };
        let plan = plan(&calendar, at(due), at(now), catch_up);
        let short = |at: &Time| at.to_string()[8..16].to_owned();
        (plan.runs.iter().map(short).collect(), plan.missed, plan.next_at.as_ref().map(short).unwrap())
    }

    fn said(runs: &[&str], missed: bool, next: &str) -> (Vec<String>, bool, String) {
        (runs.iter().map(|run| (*run).to_owned()).collect(), missed, next.to_owned())
    }

    #[test]
    fn what_is_on_time_always_runs() {
        for catch_up in CatchUp::ALL {
            let due = check("0 9 * * *", *catch_up, "05T09:00", "05T09:00");
            assert_eq!(due, said(&["05T09:00"], false, "06T09:00"), "{catch_up}");
            let due = check("* * * * *", *catch_up, "05T09:00", "05T09:00");
            assert_eq!(due, said(&["05T09:00"], false, "05T09:01"), "{catch_up}");
        }
    }

    #[test]
    fn what_was_missed_is_dropped_joined_or_made_up_for() {
        let missed = |catch_up| check("0 9 * * *", catch_up, "02T09:00", "05T12:00");
        assert_eq!(missed(CatchUp::Skip), said(&[], true, "06T09:00"));
        assert_eq!(missed(CatchUp::One), said(&["05T09:00"], true, "06T09:00"));
        let all = ["02T09:00", "03T09:00", "04T09:00", "05T09:00"];
        assert_eq!(missed(CatchUp::All), said(&all, false, "06T09:00"));
        // The last one is on time; those before it were missed.
        assert_eq!(check("0 9 * * *", CatchUp::Skip, "02T09:00", "05T09:00"), said(&["05T09:00"], true, "06T09:00"));
        assert_eq!(check("0 9 * * *", CatchUp::One, "05T09:00", "05T12:00"), said(&["05T09:00"], false, "06T09:00"));
    }

    #[test]
    fn there_is_a_most_and_the_newest_win() {
        let (runs, missed, next) = check("every 1m", CatchUp::All, "01T00:01", "31T00:00");
        assert_eq!((runs.len(), missed, next.as_str()), (SCHEDULE_CATCH_UP_RUNS_MAX, true, "31T00:01"));
        assert_eq!(runs.last().unwrap(), "31T00:00");
        let (runs, ..) = check("* 9 * * *", CatchUp::All, "01T09:00", "31T08:00");
        assert_eq!((runs[0].as_str(), runs.last().unwrap().as_str()), ("30T09:40", "30T09:59"));
    }
}
