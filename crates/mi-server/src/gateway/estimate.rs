//! What a call may cost before anything is known, and what it did cost when nobody told. Pure.

use mi_core::credits::Micro;

use super::meter::{Seen, Usage};
use super::prices::{Priced, PricedBy};

/// A token of text is about four bytes of it; of JSON with code and other languages in it, rather three.
const BYTES_PER_TOKEN_READ: i64 = 3;
const BYTES_PER_TOKEN_WRITTEN: i64 = 4;
/// No call answers with more; a larger number is a slip or a trick.
const OUTPUT_TOKENS_MAX: i64 = 10_000_000;
const ANSWERS_MAX: i64 = 128;

/// What a request says of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The most tokens that it asks for, if it says.
    pub output_max: Option<u64>,
    /// How many answers it wants at once.
    pub count: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { output_max: None, count: 1 }
    }
}

/// The worst case of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    pub input: i64,
    pub output: i64,
    pub cost: Micro,
}

/// As much input as the body can hold and the model reads, as much output as is asked for and the model writes.
pub fn worst(priced: &Priced, body_bytes: usize, wanted: Wanted) -> Worst {
    let price = &priced.price;
    let body = i64::try_from(body_bytes).unwrap_or(i64::MAX);
    let input = (body / BYTES_PER_TOKEN_READ + 1).min(price.context);
    let asked = wanted.output_max.map(|tokens| i64::try_from(tokens).unwrap_or(i64::MAX).clamp(1, OUTPUT_TOKENS_MAX));
    let each = match (asked, priced.by) {
        (Some(asked), PricedBy::List) => asked.min(price.output_max),
        // Nothing is known of its limit, so its own word counts.
        (Some(asked), PricedBy::Default) => asked,
        (None, _) => price.output_max,
    };
    let answers = i64::try_from(wanted.count).unwrap_or(ANSWERS_MAX).clamp(1, ANSWERS_MAX);
    let output = each.saturating_mul(answers);
    Worst { input, output, cost: price.worst(input, output) }
}

/// What was used, and whether the provider said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reckoned {
    pub usage: Usage,
    pub by: ReckonedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReckonedBy {
    Provider,
    Estimate,
}

/// A whole answer costs what its provider says. One that broke off costs at least the pieces that came: the number that
/// a provider gives at the beginning says nothing of them. Without any number both sides are estimated.
pub fn reckon(seen: &Seen, worst: &Worst) -> Reckoned {
    let pieces = (seen.pieces + seen.bytes_outside_pieces / BYTES_PER_TOKEN_WRITTEN).clamp(1, worst.output);
    match seen.usage {
        Some(usage) if !seen.is_cut || usage.output >= seen.pieces => Reckoned { usage, by: ReckonedBy::Provider },
        Some(usage) => Reckoned { usage: Usage { output: pieces, ..usage }, by: ReckonedBy::Estimate },
        None => {
            let usage = Usage { input: worst.input, cached: 0, written: 0, output: pieces };
            Reckoned { usage, by: ReckonedBy::Estimate }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::prices::Prices;

    fn of(model: &str, bytes: usize, output_max: Option<u64>, count: u64) -> Worst {
        let prices = Prices::load(None).unwrap();
        worst(&prices.of("any", model), bytes, Wanted { output_max, count })
    }

    #[test]
    fn the_worst_case_is_bounded_by_the_request_and_by_the_model() {
        // 1,000 tokens at 3.75 USD (put into the cache) and 100 at 15 USD a million.
        let asked = of("claude-sonnet-4-6", 2_997, Some(100), 1);
        assert_eq!((asked.input, asked.output, asked.cost), (1_000, 100, Micro(525_000)));
        assert_eq!(of("claude-sonnet-4-6", 2_997, Some(9_999_999), 1).output, 64_000);
        assert_eq!(of("claude-sonnet-4-6", 2_997, None, 1).output, 64_000);
        assert_eq!(of("claude-sonnet-4-6", 30_000_000, None, 1).input, 200_000);
        assert_eq!(of("gpt-4o", 3, Some(10), 5).output, 50);
        assert_eq!(of("gpt-4o", 3, Some(10), u64::MAX).output, 1_280);
        assert_eq!(of("qwen3:8b", 3, Some(70_000), 1).output, 70_000, "its own word counts");
        assert_eq!(of("qwen3:8b", 3, Some(u64::MAX), 1).output, OUTPUT_TOKENS_MAX);
        assert_eq!(of("qwen3:8b", 3, Some(0), 1).output, 1);
    }

    #[test]
    fn what_nobody_told_is_estimated() {
        let worst = Worst { input: 500, output: 64, cost: Micro(0) };
        let told = Some(Usage { input: 7, cached: 0, written: 0, output: 3 });
        let seen = |usage, is_cut, pieces, bytes| Seen { usage, is_cut, pieces, bytes_outside_pieces: bytes };
        let check = |seen: Seen, input, output, by| {
            let reckoned = reckon(&seen, &worst);
            assert_eq!((reckoned.usage.input, reckoned.usage.output, reckoned.by), (input, output, by), "{seen:?}");
        };
        check(seen(told, false, 9, 0), 7, 3, ReckonedBy::Provider);
        check(seen(told, true, 2, 0), 7, 3, ReckonedBy::Provider);
        check(seen(told, true, 9, 0), 7, 9, ReckonedBy::Estimate);
        check(seen(None, false, 9, 0), 500, 9, ReckonedBy::Estimate);
        check(seen(None, false, 0, 40), 500, 10, ReckonedBy::Estimate);
        check(seen(None, true, 0, 0), 500, 1, ReckonedBy::Estimate);
        check(seen(None, true, 900, 0), 500, 64, ReckonedBy::Estimate);
    }
}
