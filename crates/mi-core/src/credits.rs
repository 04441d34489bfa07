//! Money in micro-credits: whole numbers, so that sums are exact.
//!
//! 1 credit = 0.01 USD = 1,000,000 micro-credits. On the wire an amount is a
//! JSON number of credits with at most six decimals.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

pub const MICRO_PER_CREDIT: i64 = 1_000_000;

/// Micro-credits; may be negative in a ledger entry, never in a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, ToSchema)]
#[schema(value_type = f64)]
pub struct Micro(pub i64);

impl Micro {
    pub const fn credits(n: i64) -> Self {
        Self(n * MICRO_PER_CREDIT)
    }
}

impl Serialize for Micro {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % MICRO_PER_CREDIT == 0 {
            return serializer.serialize_i64(self.0 / MICRO_PER_CREDIT);
        }
        serializer.serialize_f64(self.0 as f64 / MICRO_PER_CREDIT as f64)
    }
}

impl<'de> Deserialize<'de> for Micro {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let credits = f64::deserialize(deserializer)?;
        Ok(Self((credits * MICRO_PER_CREDIT as f64).round() as i64))
    }
}
