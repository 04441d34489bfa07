//! When a connection is told: the first of its kind at once, those like it together a minute later.
//!
//! A pod could connect a thousand times a second; its office's record gets a bounded number of events from it, and their
//! counts and bytes are whole.

use std::collections::HashMap;

use mi_core::time::{Millis, Time};

use super::service::{Passage, Verdict, Why};

/// How long connections of a kind are gathered.
pub const GATHER_MS: i64 = 60_000;
/// Kinds that are told one by one within that time; further ones are told as one.
const ALLOWED_KINDS_MAX: usize = 200;
const REFUSED_KINDS_MAX: usize = 30;
/// Of a pod within that time: who is turned away more often waits for each further answer.
pub const REFUSALS_AT_ONCE_MAX: u64 = 100;

/// What one event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub passage: Passage,
    pub times: u64,
    /// Several places, of which one stands in `passage`.
    pub is_of_many: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Noted {
    Tell(Box<Told>),
    Kept,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    One { session: Option<i64>, host: String, port: u16, method: String, verdict: Verdict, why: Option<Why> },
    Many { verdict: Verdict },
}

impl Kind {
    fn of(passage: &Passage) -> Self {
        Kind::One {
            session: passage.session.map(|session| session.0),
            host: passage.host.clone(),
            port: passage.port,
            method: passage.method.clone(),
            verdict: passage.verdict,
            why: passage.why,
        }
    }
}

/// Of one pod, for one time of gathering.
pub struct Notes {
    began_at: Time,
    /// `None`: told, and nothing like it came since.
    kinds: HashMap<Kind, Option<Told>>,
    allowed: usize,
    refused: usize,
    turned_away: u64,
}

impl Notes {
    pub fn begin(now: Time) -> Self {
        Self { began_at: now, kinds: HashMap::new(), allowed: 0, refused: 0, turned_away: 0 }
    }

    pub fn is_over(&self, now: Time) -> bool {
        now >= self.began_at + Millis(GATHER_MS)
    }

    pub fn are_of_a_hammering(&self) -> bool {
        self.turned_away > REFUSALS_AT_ONCE_MAX
    }

    pub fn note(&mut self, passage: Passage) -> Noted {
        if passage.verdict != Verdict::Allowed {
            self.turned_away += 1;
        }
        let kind = Kind::of(&passage);
        if let Some(slot) = self.kinds.get_mut(&kind) {
            add(slot, passage, false);
            return Noted::Kept;
        }
        let verdict = passage.verdict;
        let (count, most) = match verdict {
            Verdict::Allowed => (&mut self.allowed, ALLOWED_KINDS_MAX),
            Verdict::Refused | Verdict::Failed => (&mut self.refused, REFUSED_KINDS_MAX),
        };
        if *count >= most {
            add(self.kinds.entry(Kind::Many { verdict }).or_default(), passage, true);
            return Noted::Kept;
        }
        *count += 1;
        self.kinds.insert(kind, None);
        Noted::Tell(Box::new(Told { passage, times: 1, is_of_many: false }))
    }

    /// What was kept, in an order that doesn't change.
    pub fn take(&mut self) -> Vec<Told> {
        let mut kept: Vec<Told> = std::mem::take(&mut self.kinds).into_values().flatten().collect();
        kept.sort_by(|a, b| {
            let key = |told: &Told| {
                (told.is_of_many, told.passage.host.clone(), told.passage.port, told.passage.method.clone())
            };
            key(a).cmp(&key(b))
        });
        kept
    }
}

fn add(slot: &mut Option<Told>, passage: Passage, is_of_many: bool) {
    match slot {
        None => *slot = Some(Told { passage, times: 1, is_of_many }),
        Some(told) => {
            told.times += 1;
            told.passage.bytes_up = told.passage.bytes_up.saturating_add(passage.bytes_up);
            told.passage.bytes_down = told.passage.bytes_down.saturating_add(passage.bytes_down);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(host: &str, verdict: Verdict) -> Passage {
        Passage {
            agent: "ada".parse().unwrap(),
            session: None,
            task: None,
            host: host.to_owned(),
            port: 443,
            method: "CONNECT".to_owned(),
            verdict,
            why: None,
            bytes_up: 2,
            bytes_down: 3,
        }
    }

    #[test]
    fn the_first_is_told_at_once_and_those_like_it_together() {
        let mut notes = Notes::begin(Time(0));
        assert!(matches!(notes.note(passage("a.org", Verdict::Allowed)), Noted::Tell(_)));
        assert_eq!(notes.note(passage("a.org", Verdict::Allowed)), Noted::Kept);
        assert!(matches!(notes.note(passage("a.org", Verdict::Refused)), Noted::Tell(_)));
        assert_eq!(notes.note(passage("a.org", Verdict::Allowed)), Noted::Kept);
        assert!(!notes.is_over(Time(GATHER_MS - 1)) && notes.is_over(Time(GATHER_MS)));
        let kept = notes.take();
        let kept: Vec<_> =
            kept.iter().map(|told| (told.times, told.passage.bytes_up, told.passage.bytes_down)).collect();
        assert_eq!(kept, [(2, 4, 6)]);
    }

    #[test]
    fn a_flood_is_a_handful_of_events_and_nothing_of_it_is_lost() {
        let mut notes = Notes::begin(Time(0));
        let flood = (0..10_000).map(|n| notes.note(passage(&format!("{n}.org"), Verdict::Refused)));
        assert_eq!(flood.filter(|noted| *noted != Noted::Kept).count(), REFUSED_KINDS_MAX);
        let kept = notes.take();
        assert_eq!(kept.len(), 1);
        assert_eq!((kept[0].times, kept[0].is_of_many), (10_000 - REFUSED_KINDS_MAX as u64, true));
        // Refusals take nothing away from what is allowed.
        assert!(matches!(notes.note(passage("a.org", Verdict::Allowed)), Noted::Tell(_)));
    }
}
