//! Who may try a code now: counted by source and for the whole server, in memory and bounded.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mi_core::limits::{
    JOIN_ALARM_WINDOW_SECONDS, JOIN_TRIES_PER_SERVER_MAX, JOIN_TRIES_PER_SOURCE_MAX, JOIN_TRIES_WINDOW_SECONDS,
};
use mi_core::time::{Millis, Time};

/// Sources remembered at once. When more guess, those that guessed longest ago are forgotten; by then every join is asked
/// about anyway.
const SOURCES_MAX: usize = 10_000;
const IPV6_NETWORK_BITS: u32 = 64;
const IPV6_BITS: u32 = 128;

/// One guesser. An IPv6 network of /64 is one: its owner has all of its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(Option<IpAddr>);

impl Source {
    /// Requests without an address, which only tests send, are one source.
    pub fn of(peer: Option<IpAddr>) -> Self {
        Self(peer.map(|peer| match peer.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => {
                let mask = u128::MAX << (IPV6_BITS - IPV6_NETWORK_BITS);
                IpAddr::V6((u128::from(v6) & mask).into())
            }
        }))
    }

    /// For the owner, who is asked about whoever came from there.
    pub fn shown(self) -> Option<String> {
        self.0.map(|address| address.to_string())
    }
}

/// Whether codes are being guessed in earnest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Calm,
    /// Every join is one that the owner must approve.
    Alarmed,
}

#[derive(Default)]
struct Tries {
    by_source: HashMap<Source, VecDeque<Time>>,
    /// The newest wrong ones of everybody, no more than the alarm needs.
    of_all: VecDeque<Time>,
}

#[derive(Default)]
pub struct Throttle {
    tries: Mutex<Tries>,
    turn: tokio::sync::Mutex<()>,
}

impl Throttle {
    /// One code is looked at after the other, so that no crowd of tries overtakes its count.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Refuses a source that was wrong too often, with the seconds that it has to wait.
    pub fn may_try(&self, source: Source, now: Time) -> Result<(), i64> {
        let mut tries = self.tries();
        let Some(wrong) = tries.by_source.get_mut(&source) else { return Ok(()) };
        let window = Millis::seconds(JOIN_TRIES_WINDOW_SECONDS);
        drop_before(wrong, now, window);
        if wrong.len() < JOIN_TRIES_PER_SOURCE_MAX {
            return Ok(());
        }
        let free_at = wrong.front().map_or(now, |oldest| *oldest + window);
        Err(((free_at - now).0 + 999) / 1_000)
    }

    /// A wrong code came from there.
    pub fn was_wrong(&self, source: Source, now: Time) {
        let before = self.mood(now);
        let mut tries = self.tries();
        if !tries.by_source.contains_key(&source) && tries.by_source.len() >= SOURCES_MAX {
            tries.make_room(now);
        }
        let of_source = tries.by_source.entry(source).or_default();
        of_source.push_back(now);
        keep_newest(of_source, JOIN_TRIES_PER_SOURCE_MAX);
        tries.of_all.push_back(now);
        keep_newest(&mut tries.of_all, JOIN_TRIES_PER_SERVER_MAX + 1);
        drop(tries);
        if before == Mood::Calm && self.mood(now) == Mood::Alarmed {
            tracing::warn!("many wrong invite codes: until this ends, owners are asked about every join");
        }
    }

    pub fn mood(&self, now: Time) -> Mood {
        let mut tries = self.tries();
        drop_before(&mut tries.of_all, now, Millis::seconds(JOIN_ALARM_WINDOW_SECONDS));
        if tries.of_all.len() > JOIN_TRIES_PER_SERVER_MAX { Mood::Alarmed } else { Mood::Calm }
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub fn sources(&self) -> usize {
        self.tries().by_source.len()
    }
}

impl Tries {
    /// Forgets sources whose time is over; if that is not enough, the half that guessed longest ago.
    fn make_room(&mut self, now: Time) {
        let window = Millis::seconds(JOIN_TRIES_WINDOW_SECONDS);
        let last = |wrong: &VecDeque<Time>| wrong.back().copied().unwrap_or(Time(0));
        self.by_source.retain(|_, wrong| now - last(wrong) < window);
        if self.by_source.len() < SOURCES_MAX {
            return;
        }
        let mut by_age: Vec<(Time, Source)> = self.by_source.iter().map(|(s, wrong)| (last(wrong), *s)).collect();
        by_age.sort_unstable();
        for (_, source) in &by_age[..SOURCES_MAX / 2] {
            self.by_source.remove(source);
        }
    }
}

fn drop_before(times: &mut VecDeque<Time>, now: Time, window: Millis) {
    while times.front().is_some_and(|oldest| now - *oldest >= window) {
        times.pop_front();
    }
}

fn keep_newest(times: &mut VecDeque<Time>, most: usize) {
    while times.len() > most {
        times.pop_front();
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn v4(n: u32) -> Source {
        Source::of(Some(IpAddr::V4(n.into())))
    }

    const SECOND: i64 = 1_000;

    #[test]
    fn three_wrong_codes_of_a_source_are_enough_for_ten_minutes() {
        let throttle = Throttle::default();
        for n in 0..3 {
            assert_eq!(throttle.may_try(v4(1), Time(n * SECOND)), Ok(()));
            throttle.was_wrong(v4(1), Time(n * SECOND));
        }
        assert_eq!(throttle.may_try(v4(1), Time(10 * SECOND)), Err(590));
        assert_eq!(throttle.may_try(v4(2), Time(10 * SECOND)), Ok(()), "others go on");
        assert_eq!(throttle.may_try(v4(1), Time(600 * SECOND)), Ok(()));
        throttle.was_wrong(v4(1), Time(600 * SECOND));
        assert_eq!(throttle.may_try(v4(1), Time(600 * SECOND)), Err(1), "the second one still counts");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let at = |text: &str| Source::of(Some(text.parse().unwrap()));
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    }

    #[test]
    fn many_wrong_codes_from_anywhere_alarm_for_an_hour() {
        let throttle = Throttle::default();
        for n in 0..10 {
            throttle.was_wrong(v4(n), Time(i64::from(n) * SECOND));
        }
        assert_eq!(throttle.mood(Time(10 * SECOND)), Mood::Calm, "ten are not more than ten");
        throttle.was_wrong(v4(99), Time(10 * SECOND));
        assert_eq!(throttle.mood(Time(11 * SECOND)), Mood::Alarmed);
        assert_eq!(throttle.mood(Time(3_600 * SECOND)), Mood::Calm);
    }

    #[test]
    fn a_million_guessers_take_no_more_room_than_the_limit() {
        let throttle = Throttle::default();
        for n in 0..1_000_000 {
            throttle.was_wrong(v4(n), Time(i64::from(n)));
            if n % 100_000 == 0 {
                assert!(throttle.sources() <= SOURCES_MAX);
            }
        }
        assert!(throttle.sources() <= SOURCES_MAX);
        let tries = throttle.tries();
        assert!(tries.of_all.len() <= JOIN_TRIES_PER_SERVER_MAX + 1);
        assert!(tries.by_source.values().all(|wrong| wrong.len() <= JOIN_TRIES_PER_SOURCE_MAX));
    }
}
