//! Moments that people name: RFC 3339, or so long from now; and lengths of time in words.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::time::{Millis, Time};

/// 9999-12-31T23:59:59.999Z, the last moment that RFC 3339 can write.
const LATEST: Time = Time(253_402_300_799_999);
/// Longer than any length that makes sense here, and far from overflowing.
const LENGTH_MS_MAX: i64 = 100 * 366 * DAY_MS;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const UNITS: [(char, i64); 5] = [('w', 7 * DAY_MS), ('d', DAY_MS), ('h', HOUR_MS), ('m', MINUTE_MS), ('s', SECOND_MS)];

/// A moment as a request names it; on the way back it is always RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// None, or none any more: `null` or an empty text.
    Never,
    At(Time),
    /// So long after the request arrived: `+2h`.
    In(Millis),
}

impl Moment {
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Some(Self::Never);
        }
        if let Some(length) = text.strip_prefix('+') {
            return parse_length(length).map(Self::In);
        }
        let at = Time::parse(text)?;
        (Time(0)..=LATEST).contains(&at).then_some(Self::At(at))
    }

    pub fn seen_at(self, now: Time) -> Option<Time> {
        match self {
            Self::Never => None,
            Self::At(at) => Some(at),
            Self::In(length) => Some((now + length).min(LATEST)),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Never => serializer.serialize_str(""),
            Self::At(at) => at.serialize(serializer),
            Self::In(length) => serializer.collect_str(&format_args!("+{}s", length.0 / SECOND_MS)),
        }
    }
}

/// Reads `null` as well, so that a field that is there and a field that isn't are two things.
pub fn optional_moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Moment>, D::Error> {
    let bad = || de::Error::custom("neither an RFC 3339 time, such as 2026-04-27T09:30:00Z, nor a length such as +2h");
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Some(Moment::Never)),
        Value::String(text) => Moment::parse(&text).map(Some).ok_or_else(bad),
        Value::Number(n) => Moment::parse(&n.to_string()).map(Some).ok_or_else(bad),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(bad()),
    }
}

/// `15m`, `1d12h`, `90s`: whole numbers with w, d, h, m or s, each unit once and the larger first.
pub fn parse_length(text: &str) -> Option<Millis> {
    let (mut sum, mut number, mut units) = (0_i64, String::new(), UNITS.iter());
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let (_, unit) = units.find(|(letter, _)| *letter == c)?;
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(*unit)?)?;
        number.clear();
    }
    (number.is_empty() && sum > 0 && sum <= LENGTH_MS_MAX).then_some(Millis(sum))
}

/// The two largest units of a length: `2 h 5 min`, `3 d`, `40 s`.
pub fn say_length(length: Millis) -> String {
    const WORDS: [(i64, &str); 4] = [(DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s")];
    let mut left = length.0.max(0);
    let mut said = Vec::new();
    for (unit, word) in WORDS {
        let count = left / unit;
        left %= unit;
        if count > 0 {
            said.push(format!("{count} {word}"));
        }
        // The unit after the largest one is the last that is said.
        if said.len() == 2 || (said.len() == 1 && count == 0) {
            break;
        }
    }
    if said.is_empty() { format!("{left} ms") } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_lengths_or_nothing() {
        let at = Time::parse("2026-04-27T09:30:00Z").unwrap();
        for (text, moment) in [
            ("2026-04-27T11:30:00+02:00", Some(Moment::At(at))),
            ("1777282200000", Some(Moment::At(at))),
            ("+2h", Some(Moment::In(Millis(2 * HOUR_MS)))),
            ("+1d12h", Some(Moment::In(Millis(36 * HOUR_MS)))),
            ("", Some(Moment::Never)),
            ("+", None),
            ("+2", None),
            ("+2x", None),
            ("+1m2h", None),
            ("+1h1h", None),
            ("+0s", None),
            ("+9999999999999999999w", None),
            ("2h", None),
            ("tomorrow", None),
            ("2026-04-27", None),
            ("-5", None),
            ("9223372036854775807", None),
        ] {
            assert_eq!(Moment::parse(text), moment, "{text}");
        }
        assert_eq!(Moment::In(Millis(500)).seen_at(Time(1)), Some(Time(501)));
        assert_eq!(Moment::In(Millis(LENGTH_MS_MAX)).seen_at(LATEST), Some(LATEST));
    }

    #[test]
    fn a_field_that_is_null_is_not_a_field_that_is_missing() {
        #[derive(Deserialize)]
        struct Wish {
            #[serde(default, deserialize_with = "optional_moment")]
            at: Option<Moment>,
        }
        let read = |text: &str| serde_json::from_str::<Wish>(text).map(|wish| wish.at).ok();
        assert_eq!(read("{}"), Some(None));
        assert_eq!(read(r#"{"at": null}"#), Some(Some(Moment::Never)));
        assert_eq!(read(r#"{"at": 1000}"#), Some(Some(Moment::At(Time(1000)))));
        assert_eq!(read(r#"{"at": true}"#), None);
    }

    #[test]
    fn lengths_are_said_in_two_units() {
        for (ms, words) in [
            (7_500_000, "2 h 5 min"),
            (3 * DAY_MS, "3 d"),
            (DAY_MS + 5 * MINUTE_MS, "1 d"),
            (40_000, "40 s"),
            (250, "250 ms"),
        ] {
            assert_eq!(say_length(Millis(ms)), words);
        }
    }
}
