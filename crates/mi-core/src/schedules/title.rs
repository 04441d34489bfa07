//! The title of one run: `{date}`, `{time}` and `{n}` stand for when it was due and the how manieth it is.

use super::zone::Zone;
use crate::time::Time;

const DATE_CHARS: usize = "2026-01-31".len();
const TIME: std::ops::Range<usize> = DATE_CHARS + 1.."2026-01-31T09:00".len();

/// Dates and times are those of the zone. Braces around anything else stay.
pub fn fill(title: &str, due: Time, zone: &Zone, n: i64) -> String {
    let local = zone.local(due);
    let piece = |range: std::ops::Range<usize>| local.get(range).unwrap_or_default();
    title.replace("{date}", piece(0..DATE_CHARS)).replace("{time}", piece(TIME)).replace("{n}", &n.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_filled_in_with_local_time() {
        let zone = Zone::parse("Europe/Berlin").unwrap();
        let due = Time::parse("2026-06-30T23:05:00Z").unwrap();
        assert_eq!(fill("Report {date} {time} #{n} {x}", due, &zone, 7), "Report 2026-07-01 01:05 #7 {x}");
    }
}
