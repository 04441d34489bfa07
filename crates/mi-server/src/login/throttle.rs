//! How often somebody may try, from one place and in all.
//!
//! In memory and bounded: a restart forgives, a flood from many places fills the common measure.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mi_core::time::{Millis, Time};

/// Places remembered at once.
const PLACES_MAX: usize = 10_000;

/// Where a try came from: an address, a network of IPv6, or somebody who is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    Address(Option<IpAddr>),
    Person(mi_core::ids::UserId),
}

impl Place {
    /// One customer of IPv6 has a whole network of addresses, so the network counts.
    pub fn of(peer: Option<IpAddr>) -> Self {
        const NETWORK: u128 = u128::MAX << 64;
        Place::Address(peer.map(|ip| match ip.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & NETWORK).into()),
            v4 @ IpAddr::V4(_) => v4,
        }))
    }
}

pub struct Throttle {
    per_place: usize,
    in_all: usize,
    window: Millis,
    tries: Mutex<Tries>,
}

#[derive(Default)]
struct Tries {
    of: HashMap<Place, VecDeque<Time>>,
    all: VecDeque<Time>,
}

impl Throttle {
    pub fn new(per_place: usize, in_all: usize, window: Millis) -> Self {
        Self { per_place, in_all, window, tries: Mutex::default() }
    }

    /// Counts a try before it is made, so that many at once are not more than one after another. Else in how many seconds
    /// there may be another.
    pub fn take(&self, place: &Place, now: Time) -> Result<(), i64> {
        let since = Time(now.0.saturating_sub(self.window.0));
        let mut tries = self.tries();
        forget(&mut tries.all, since);
        if tries.of.len() >= PLACES_MAX && !tries.of.contains_key(place) {
            tries.of.retain(|_, times| {
                forget(times, since);
                !times.is_empty()
            });
        }
        let is_full = tries.of.len() >= PLACES_MAX && !tries.of.contains_key(place);
        let own = tries.of.get_mut(place).map(|times| {
            forget(times, since);
            (times.len(), times.front().copied())
        });
        let own_limit = own.filter(|(count, _)| *count >= self.per_place).and_then(|(_, first)| first);
        let common_limit = (tries.all.len() >= self.in_all || is_full).then(|| tries.all.front().copied()).flatten();
        if let Some(first) = own_limit.max(common_limit) {
            let wait = first + self.window - now;
            return Err((wait.0.max(0) + 999) / 1_000);
        }
        tries.all.push_back(now);
        tries.of.entry(place.clone()).or_default().push_back(now);
        Ok(())
    }

    /// The try was a good one, and doesn't count.
    pub fn give_back(&self, place: &Place) {
        let mut tries = self.tries();
        tries.all.pop_back();
        if let Some(times) = tries.of.get_mut(place) {
            times.pop_back();
        }
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget(times: &mut VecDeque<Time>, up_to: Time) {
    while times.front().is_some_and(|at| *at <= up_to) {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::of(Some(text.parse().unwrap()))
    }

    #[test]
    fn a_place_has_so_many_tries_in_a_time_and_all_together_too() {
        let throttle = Throttle::new(2, 3, Millis::seconds(60));
        let (one, other) = (place("10.0.0.1"), place("10.0.0.2"));
        assert_eq!(throttle.take(&one, Time(0)), Ok(()));
        assert_eq!(throttle.take(&one, Time(1_000)), Ok(()));
        assert_eq!(throttle.take(&one, Time(2_000)), Err(58));
        assert_eq!(throttle.take(&other, Time(2_000)), Ok(()));
        assert_eq!(throttle.take(&other, Time(3_000)), Err(57), "in all");
        throttle.give_back(&other);
        assert_eq!(throttle.take(&other, Time(3_000)), Ok(()));
        assert_eq!(throttle.take(&one, Time(60_000)), Ok(()), "the first is forgotten");
    }

    #[test]
    fn a_network_of_ipv6_is_one_place_and_a_mapped_address_is_its_v4() {
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::9"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_eq!(place("::ffff:10.0.0.1"), place("10.0.0.1"));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(1, usize::MAX, Millis::seconds(60));
        for n in 0..PLACES_MAX as u32 {
            assert_eq!(throttle.take(&Place::of(Some(IpAddr::V4(n.into()))), Time(0)), Ok(()));
        }
        assert!(throttle.take(&place("250.0.0.1"), Time(1)).is_err());
        assert_eq!(throttle.take(&place("250.0.0.1"), Time(60_000)), Ok(()));
        assert_eq!(throttle.tries().of.len(), 1);
    }
}
