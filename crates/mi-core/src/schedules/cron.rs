//! The five fields of a crontab, read, and matched against the calendar.

use jiff::civil::{Date, DateTime};

/// A day that comes only every eighth year (29 February around 2100) is found, one that never comes is not.
const DAYS_SEARCHED_MAX: usize = 9 * 366;
const HOURS: u32 = (1 << 24) - 1;

/// When in local time something is due. Each field is a set of bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u32,
    days: u32,
    months: u16,
    weekdays: u8,
    days_join: DaysJoin,
}

/// How day of month and day of week go together (as crontab has it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DaysJoin {
    /// One of them begins with `*`: both must fit.
    Both,
    /// Both are named: either is enough.
    Either,
}

/// What is wrong with an expression: which field, why, and one that would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; for example {example}")]
pub struct BadCron {
    pub problem: String,
    pub example: &'static str,
}

struct Field {
    name: &'static str,
    low: u8,
    high: u8,
    /// Words for its values, from `low` on.
    words: &'static [&'static str],
    example: &'static str,
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", low: 0, high: 59, words: &[], example: "\"*/15 * * * *\" is every quarter of an hour" },
    Field { name: "hour", low: 0, high: 23, words: &[], example: "\"30 9 * * *\" is 9:30 every day" },
    Field {
        name: "day of the month",
        low: 1,
        high: 31,
        words: &[],
        example: "\"0 9 1,15 * *\" is 9:00 on the 1st and the 15th",
    },
    Field {
        name: "month",
        low: 1,
        high: 12,
        words: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        example: "\"0 9 1 jan,jul *\" is 9:00 on 1 January and 1 July",
    },
    Field {
        name: "day of the week",
        low: 0,
        // Sunday is 0 and 7.
        high: 7,
        words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        example: "\"0 9 * * mon-fri\" is 9:00 from Monday to Friday",
    },
];

impl Cron {
    pub fn parse(text: &str) -> Result<Self, BadCron> {
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts.as_slice() else {
            let problem = format!(
                "{:?} has {} fields, not the five minute, hour, day of the month, month, day of the week",
                crate::ids::excerpt(text),
                parts.len()
            );
            return Err(BadCron { problem, example: FIELDS[4].example });
        };
        let weekdays = FIELDS[4].bits(weekday)?;
        let named = |text: &str| !text.starts_with('*');
        let days_join = if named(day) && named(weekday) { DaysJoin::Either } else { DaysJoin::Both };
        Ok(Self {
            minutes: FIELDS[0].bits(minute)?,
            hours: FIELDS[1].bits(hour)? as u32,
            days: FIELDS[2].bits(day)? as u32,
            months: FIELDS[3].bits(month)? as u16,
            weekdays: ((weekdays | weekdays >> 7) & 0x7f) as u8,
            days_join,
        })
    }

    /// Due in every hour of the day, so that hours that pass matter more than what the clock shows.
    pub(super) fn is_hourly(&self) -> bool {
        self.hours == HOURS
    }

    /// The first local minute that fits, from `from` (a whole minute, itself included) on.
    pub(super) fn first_from(&self, from: DateTime) -> Option<DateTime> {
        let (mut date, mut hour, mut minute) = (from.date(), from.hour(), from.minute());
        for _ in 0..DAYS_SEARCHED_MAX {
            if !has(self.months.into(), date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if let Some((hour, minute)) = self.first_in_day(date, hour, minute) {
                return Some(date.at(hour, minute, 0, 0));
            } else {
                date = date.tomorrow().ok()?;
            }
            (hour, minute) = (0, 0);
        }
        None
    }

    fn first_in_day(&self, date: Date, from_hour: i8, from_minute: i8) -> Option<(i8, i8)> {
        if !self.fits_day(date) {
            return None;
        }
        (from_hour..24).filter(|hour| has(self.hours.into(), *hour)).find_map(|hour| {
            let from = if hour == from_hour { from_minute } else { 0 };
            (from..60).find(|minute| has(self.minutes, *minute)).map(|minute| (hour, minute))
        })
    }

    fn fits_day(&self, date: Date) -> bool {
        let of_month = has(self.days.into(), date.day());
        let of_week = has(self.weekdays.into(), date.weekday().to_sunday_zero_offset());
        match self.days_join {
            DaysJoin::Both => of_month && of_week,
            DaysJoin::Either => of_month || of_week,
        }
    }
}

fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| bits >> value & 1 == 1)
}

impl Field {
    fn bits(&self, text: &str) -> Result<u64, BadCron> {
        let mut bits = 0;
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                None => (part, 1),
                Some((range, step)) => (range, self.step(step)?),
            };
            let (first, last) = self.range(range, part.contains('/'))?;
            bits |= (first..=last).step_by(step).fold(0, |bits, value| bits | 1_u64 << value);
        }
        Ok(bits)
    }

    fn step(&self, text: &str) -> Result<usize, BadCron> {
        let step = text.parse::<u8>().ok().filter(|step| *step >= 1);
        step.map(usize::from).ok_or_else(|| self.bad(text, "is no step: a whole number from 1 on"))
    }

    /// `*`, `5`, `1-5`; with a step, `5` means "from 5 on".
    fn range(&self, text: &str, stepped: bool) -> Result<(u8, u8), BadCron> {
        if text == "*" {
            return Ok((self.low, self.high));
        }
        let Some((first, last)) = text.split_once('-') else {
            let value = self.value(text)?;
            return Ok((value, if stepped { self.high } else { value }));
        };
        let (first, mut last) = (self.value(first)?, self.value(last)?);
        // `fri-sun`: the Sunday at the end of the week.
        if self.high == 7 && last == 0 {
            last = 7;
        }
        if first > last { Err(self.bad(text, "runs backwards")) } else { Ok((first, last)) }
    }

    fn value(&self, text: &str) -> Result<u8, BadCron> {
        let word = self.words.iter().zip(self.low..).find(|(word, _)| word.eq_ignore_ascii_case(text));
        let value = word.map(|(_, value)| value).or_else(|| text.parse::<u8>().ok());
        match value.filter(|value| (self.low..=self.high).contains(value)) {
            Some(value) => Ok(value),
            None if self.words.is_empty() => {
                Err(self.bad(text, &format!("is not a number from {} to {}", self.low, self.high)))
            }
            None => {
                let (first, last) = (self.words[0], self.words[self.words.len() - 1]);
                let what = format!("is neither {} to {} nor {first} to {last}", self.low, self.high);
                Err(self.bad(text, &what))
            }
        }
    }

    fn bad(&self, given: &str, what: &str) -> BadCron {
        BadCron {
            problem: format!("the {}: {:?} {what}", self.name, crate::ids::excerpt(given)),
            example: self.example,
        }
    }
}
