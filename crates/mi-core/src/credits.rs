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

/// The most that an office may have, and so the most that a budget may say.
pub const BALANCE_MAX: Micro = Micro::credits(1_000_000_000_000);

/// As on the wire: `2.5`. Exact, whatever the amount.
impl std::fmt::Display for Micro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = if rest == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest:06}") };
        f.pad(if rest == 0 { &text } else { text.trim_end_matches('0') })
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

/// The most that may be spent; on the wire a number of credits or its digits, and null or nothing for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    None,
    At(Micro),
}

impl Serialize for Ceiling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Ceiling::None => serializer.serialize_none(),
            Ceiling::At(most) => most.serialize(serializer),
        }
    }
}

/// For fields that may be absent, which is another thing than null.
pub fn optional_ceiling<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Ceiling>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(Micro),
        Digits(String),
        Nothing(()),
    }
    let wrong = || serde::de::Error::custom("a budget is a number of credits, or null for none");
    match Written::deserialize(deserializer).map_err(|_| wrong())? {
        Written::Number(most) => Ok(Some(Ceiling::At(most))),
        Written::Nothing(()) => Ok(Some(Ceiling::None)),
        Written::Digits(text) if text.trim().is_empty() => Ok(Some(Ceiling::None)),
        Written::Digits(text) => {
            serde_json::from_str(text.trim()).map(|most| Some(Ceiling::At(most))).map_err(|_| wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wish {
        #[serde(default, deserialize_with = "optional_ceiling", skip_serializing_if = "Option::is_none")]
        budget: Option<Ceiling>,
    }

    #[test]
    fn an_amount_is_written_as_on_the_wire() {
        for (micro, text) in
            [(0, "0"), (1_000_000, "1"), (2_500_000, "2.5"), (-1, "-0.000001"), (123_000_010, "123.00001")]
        {
            assert_eq!(Micro(micro).to_string(), text);
            assert_eq!(serde_json::from_str::<Micro>(text).ok(), Some(Micro(micro)), "{text}");
        }
    }

    #[test]
    fn a_ceiling_is_a_number_its_digits_or_nothing() {
        let read = |text: &str| serde_json::from_str::<Wish>(text).map(|wish| wish.budget).ok();
        assert_eq!(read("{}"), Some(None));
        assert_eq!(read(r#"{"budget":null}"#), Some(Some(Ceiling::None)));
        assert_eq!(read(r#"{"budget":""}"#), Some(Some(Ceiling::None)));
        assert_eq!(read(r#"{"budget":2.5}"#), Some(Some(Ceiling::At(Micro(2_500_000)))));
        assert_eq!(read(r#"{"budget":"7"}"#), Some(Some(Ceiling::At(Micro::credits(7)))));
        assert_eq!(read(r#"{"budget":"much"}"#), None);
        let wish = Wish { budget: Some(Ceiling::None) };
        assert_eq!(serde_json::to_string(&wish).ok().as_deref(), Some(r#"{"budget":null}"#));
    }
}
