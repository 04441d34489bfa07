//! Whether there is enough: pure.

use mi_core::credits::Micro;

use mi_core::time::Time;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Days since 1970, in UTC.
pub fn day_of(at: Time) -> i64 {
    at.0.div_euclid(DAY_MS)
}

pub fn day_start(day: i64) -> Time {
    Time(day.saturating_mul(DAY_MS))
}

/// What a call that may cost `need` meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Funds {
    Enough,
    /// There would be, if what other calls have put aside comes back.
    PutAside,
    /// There isn't, whatever they give back.
    Short,
}

/// `owned` is what there is in all, `held` what is put aside of it.
pub fn funds(owned: Micro, held: Micro, need: Micro) -> Funds {
    if need.0 <= owned.0 - held.0 {
        Funds::Enough
    } else if need <= owned {
        Funds::PutAside
    } else {
        Funds::Short
    }
}

/// A budget and what is gone of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purse {
    pub total: Option<Micro>,
    /// Of one day.
    pub per_day: Option<Micro>,
    pub spent: Micro,
    pub held: Micro,
    /// The day that `spent_on_day` speaks of.
    pub day: i64,
    pub spent_on_day: Micro,
}

/// Which part of a budget is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Total,
    PerDay,
}

impl Purse {
    /// What is left of a part, calls under way not counted; `None` where there is no limit.
    pub fn left(&self, limit: Limit, today: i64) -> Option<Micro> {
        let (limit, spent) = match limit {
            Limit::Total => (self.total, self.spent),
            Limit::PerDay => (self.per_day, self.spent_on(today)),
        };
        limit.map(|limit| Micro((limit.0 - spent.0).max(0)))
    }

    fn spent_on(&self, today: i64) -> Micro {
        if self.day == today { self.spent_on_day } else { Micro(0) }
    }

    /// The narrower part decides.
    pub fn funds(&self, need: Micro, today: i64) -> (Funds, Limit) {
        let of = |limit| match self.left(limit, today) {
            None => Funds::Enough,
            Some(left) => funds(left, self.held, need),
        };
        match (of(Limit::Total), of(Limit::PerDay)) {
            (Funds::Short, _) => (Funds::Short, Limit::Total),
            (_, Funds::Short) => (Funds::Short, Limit::PerDay),
            (Funds::PutAside, _) => (Funds::PutAside, Limit::Total),
            (Funds::Enough, day) => (day, Limit::PerDay),
        }
    }

    pub fn after(self, cost: Micro, today: i64) -> Purse {
        Purse {
            spent: Micro(self.spent.0.saturating_add(cost.0)),
            spent_on_day: Micro(self.spent_on(today).0.saturating_add(cost.0)),
            day: today,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_aside_may_come_back_and_what_is_spent_does_not() {
        let of = |owned, held, need| funds(Micro(owned), Micro(held), Micro(need));
        assert_eq!(of(10, 0, 10), Funds::Enough);
        assert_eq!(of(10, 1, 10), Funds::PutAside);
        assert_eq!(of(10, 10, 11), Funds::Short);
        assert_eq!(of(0, 0, 0), Funds::Enough);
    }

    #[test]
    fn a_budget_of_a_day_begins_anew_and_the_narrower_part_decides() {
        let purse = Purse {
            total: Some(Micro(100)),
            per_day: Some(Micro(30)),
            spent: Micro(60),
            spent_on_day: Micro(25),
            day: 7,
            held: Micro(0),
        };
        assert_eq!(purse.funds(Micro(5), 7), (Funds::Enough, Limit::PerDay));
        assert_eq!(purse.funds(Micro(6), 7), (Funds::Short, Limit::PerDay));
        assert_eq!(purse.funds(Micro(6), 8).0, Funds::Enough);
        assert_eq!(purse.funds(Micro(41), 8), (Funds::Short, Limit::Total));
        let held = Purse { held: Micro(3), ..purse };
        assert_eq!(held.funds(Micro(4), 7), (Funds::PutAside, Limit::PerDay));
        let after = purse.after(Micro(4), 8);
        assert_eq!((after.spent, after.spent_on_day, after.day), (Micro(64), Micro(4), 8));
        assert_eq!(Purse::default().funds(Micro(i64::MAX), 1).0, Funds::Enough);
    }

    #[test]
    fn days_are_counted_in_utc() {
        assert_eq!(day_of(Time(DAY_MS - 1)), 0);
        assert_eq!(day_of(day_start(20_000)), 20_000);
    }
}
