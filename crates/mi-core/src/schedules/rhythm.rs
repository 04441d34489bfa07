//! When something recurring is due: a crontab line, or every so often.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::AmbiguousOffset;
use jiff::{Span, ToSpan};

use super::cron::{BadCron, Cron};
use super::zone::Zone;
use crate::limits::SCHEDULE_INTERVAL_SECONDS_MIN;
use crate::moment::parse_length;
use crate::time::{Millis, Time};

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];
/// Local minutes that are looked at until one of them lies in the future; a clock change makes at most a day of them useless.
const MINUTES_TRIED_MAX: usize = 2_000;
/// Changes of the clock on the way to the next moment; two a year.
const CHANGES_PASSED_MAX: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rhythm {
    Cron(Cron),
    Every(Millis),
}

impl FromStr for Rhythm {
    type Err = BadCron;

    /// Five fields, a nickname such as `@daily`, or `every 15m`.
    fn from_str(text: &str) -> Result<Self, BadCron> {
        let text = text.trim();
        if let Some(length) = text.strip_prefix("every ").or_else(|| text.strip_prefix("@every ")) {
            return every(length.trim());
        }
        if !text.starts_with('@') {
            return Cron::parse(text).map(Self::Cron);
        }
        match NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, fields)) => Cron::parse(fields).map(Self::Cron),
            None => {
                let names: Vec<&str> = NICKNAMES.iter().map(|(name, _)| *name).collect();
                let problem = format!("{:?} is none of {}", crate::ids::excerpt(text), names.join(", "));
                Err(BadCron { problem, example: "\"@daily\" is every midnight" })
            }
        }
    }
}

fn every(text: &str) -> Result<Rhythm, BadCron> {
    let example = "\"every 15m\" or \"every 1h30m\"";
    let given = crate::ids::excerpt(text);
    match parse_length(text) {
        None => Err(BadCron { problem: format!("{given:?} is no length of time"), example }),
        Some(length) if length < Millis::seconds(SCHEDULE_INTERVAL_SECONDS_MIN) => {
            Err(BadCron { problem: format!("{given:?} is shorter than a minute"), example })
        }
        Some(length) => Ok(Rhythm::Every(length)),
    }
}

/// A rhythm in its place: the zone whose clocks it follows, and the moment from which `every` counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    pub rhythm: Rhythm,
    pub zone: Zone,
    pub anchor: Time,
}

impl Calendar {
    /// The first moment after `after`; none for a date that never comes, such as 30 February.
    pub fn next(&self, after: Time) -> Option<Time> {
        match &self.rhythm {
            Rhythm::Every(length) => Some(next_multiple(self.anchor, *length, after)),
            Rhythm::Cron(cron) => {
                let after = Timestamp::from_millisecond(after.0).ok()?;
                let next =
                    if cron.is_hourly() { self.next_by_hours(cron, after) } else { self.next_by_clock(cron, after) };
                next.map(|at| Time(at.as_millisecond()))
            }
        }
    }

    /// What clocks show decides: a time that is left out comes with the change, one that is repeated counts once.
    fn next_by_clock(&self, cron: &Cron, after: Timestamp) -> Option<Timestamp> {
        let mut from = minute_after(self.local(after))?;
        for _ in 0..MINUTES_TRIED_MAX {
            let local = cron.first_from(from)?;
            let at = self.moment_of(local)?;
            if at > after {
                return Some(at);
            }
            from = minute_after(local)?;
        }
        None
    }

    /// Hours that pass decide: between two changes of the clock local time is as even as any.
    fn next_by_hours(&self, cron: &Cron, after: Timestamp) -> Option<Timestamp> {
        let (mut since, mut from) = (after, minute_after(self.local(after))?);
        for _ in 0..CHANGES_PASSED_MAX {
            let at = self.zone.rules.to_offset(since).to_timestamp(cron.first_from(from)?).ok()?;
            match self.zone.rules.following(since).next() {
                Some(change) if change.timestamp() <= at => {
                    since = change.timestamp();
                    from = self.local(since);
                }
                Some(_) | None => return Some(at),
            }
        }
        None
    }

    fn local(&self, at: Timestamp) -> DateTime {
        self.zone.rules.to_datetime(at)
    }

    fn moment_of(&self, local: DateTime) -> Option<Timestamp> {
        let rules = &self.zone.rules;
        match rules.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
                offset.to_timestamp(local).ok()
            }
            AmbiguousOffset::Gap { after, .. } => {
                let just_before = after.to_timestamp(local).ok()?;
                rules.following(just_before).next().map(|change| change.timestamp())
            }
        }
    }
}

fn minute_after(local: DateTime) -> Option<DateTime> {
    let minute: Span = 1.minute();
    local.date().at(local.hour(), local.minute(), 0, 0).checked_add(minute).ok()
}

fn next_multiple(anchor: Time, length: Millis, after: Time) -> Time {
    let passed = (after - anchor).0.div_euclid(length.0);
    anchor + Millis((passed + 1).saturating_mul(length.0))
}

#[cfg(test)]
#[path = "rhythm_tests.rs"]
mod tests;
