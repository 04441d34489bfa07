//! Seats of which each office may take so many: for clients that follow something, for model calls under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mi_core::ids::OfficeId;

#[derive(Debug, Clone, Default)]
pub struct Seats {
    taken: Arc<Mutex<HashMap<OfficeId, i64>>>,
}

/// Left when it is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    office: OfficeId,
}

impl Seats {
    /// `None` if `most` are taken.
    pub fn take(&self, office: OfficeId, most: i64) -> Option<Seat> {
        let mut offices = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = offices.entry(office).or_default();
        if *taken >= most {
            return None;
        }
        *taken += 1;
        Some(Seat { seats: self.clone(), office })
    }

    fn leave(&self, office: OfficeId) {
        let mut offices = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = offices.get_mut(&office) {
            *taken -= 1;
            if *taken == 0 {
                offices.remove(&office);
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.leave(self.office);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_per_office_and_given_back() {
        let seats = Seats::default();
        let (one, other) = (OfficeId(uuid::Uuid::new_v4()), OfficeId(uuid::Uuid::new_v4()));
        let first = seats.take(one, 2).unwrap();
        let second = seats.take(one, 2).unwrap();
        assert!(seats.take(one, 2).is_none());
        assert!(seats.take(other, 2).is_some());
        drop(first);
        assert!(seats.take(one, 2).is_some());
        drop(second);
        assert!(seats.taken.lock().unwrap().is_empty());
    }
}
