//! What a call may cost before anything is known, and what it did cost when nobody told. Pure.

use mi_core::credits::Micro;

use super::meter::{Seen, Usage};
use super::prices::{Price, Priced, PricedBy};

/// A token of text is about four bytes of it; of JSON with code and other languages in it, rather three.
const BYTES_PER_TOKEN_READ: i64 = 3;
const BYTES_PER_TOKEN_WRITTEN: i64 = 4;
/// No call answers with more; a larger number is a slip or a trick.
const OUTPUT_TOKENS_MAX: i64 = 10_000_000;
const ANSWERS_MAX: i64 = 128;

/// An answer's limit, in tokens, where the request states none and the model would write more.
const OUTPUT_TOKENS_UNASKED: i64 = 32_000;
/// For less no call is worth its price: what can't pay so many tokens of answer is not sent.
const OUTPUT_TOKENS_MIN: i64 = 1_024;

/// What a request says of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The most tokens that it asks for, if it says.
    pub output_max: Option<u64>,
    /// How many answers it wants at once.
    pub count: u64,
    /// Tokens of thought that it asks for, which its limit has to leave room for.
    pub thoughts: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { output_max: None, count: 1, thoughts: 0 }
    }
}

/// The worst case of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    pub input: i64,
    pub output: i64,
    pub cost: Micro,
}

/// Between which worst cases a call may be made: its answer can be limited further than it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    price: Price,
    input: i64,
    answers: i64,
    /// Tokens of one answer.
    least: i64,
    most: i64,
    /// As many come at most if nothing is written into the request.
    unwritten: i64,
}

impl Bounds {
    /// As much input as the body can hold and the model reads, as much output as is asked for and the model writes.
    pub fn new(priced: &Priced, body_bytes: usize, wanted: Wanted) -> Self {
        let price = priced.price;
        let tokens = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).clamp(1, OUTPUT_TOKENS_MAX);
        let body = i64::try_from(body_bytes).unwrap_or(i64::MAX);
        let input = (body / BYTES_PER_TOKEN_READ + 1).min(price.context);
        let asked = wanted.output_max.map(tokens);
        let unwritten = asked.unwrap_or(price.output_max);
        let most = match (asked, priced.by) {
            (Some(asked), PricedBy::List) => asked.min(price.output_max),
            // Nothing is known of its limit, so its own word counts.
            (Some(asked), PricedBy::Default) => asked,
            (None, _) => price.output_max.min(OUTPUT_TOKENS_UNASKED),
        };
        let thoughts = i64::try_from(wanted.thoughts).unwrap_or(i64::MAX);
        let least = OUTPUT_TOKENS_MIN.saturating_add(thoughts).min(most);
        let answers = i64::try_from(wanted.count).unwrap_or(ANSWERS_MAX).clamp(1, ANSWERS_MAX);
        Self { price, input, answers, least, most, unwritten }
    }

    /// Nothing to read and so much to write, no less and no more.
    #[cfg(test)]
    pub fn exactly(price: Price, output: i64) -> Self {
        Self { price, input: 0, answers: 1, least: output, most: output, unwritten: output }
    }

    /// What can be made of so much: never less than the least, whether that can be paid or not. A call that has to be limited
    /// leaves half of it to calls that come meanwhile.
    pub fn within(&self, at_hand: Micro) -> Worst {
        let whole = self.worst(self.most);
        if whole.cost <= at_hand {
            return whole;
        }
        let each = self.price.output_for(self.input, Micro(at_hand.0 / 2)) / self.answers;
        self.worst(each.clamp(self.least, self.most))
    }

    fn worst(&self, each: i64) -> Worst {
        let output = each.saturating_mul(self.answers);
        Worst { input: self.input, output, cost: self.price.worst(self.input, output) }
    }

    /// Tokens to which one answer has to be limited for this worst case to be one.
    pub fn limit(&self, worst: &Worst) -> Option<i64> {
        let each = worst.output / self.answers;
        (each < self.unwritten).then_some(each)
    }
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

    fn bounds(model: &str, bytes: usize, output_max: Option<u64>, count: u64) -> Bounds {
        let prices = Prices::load(None).unwrap();
        Bounds::new(&prices.of("any", model), bytes, Wanted { output_max, count, thoughts: 0 })
    }

    fn of(model: &str, bytes: usize, output_max: Option<u64>, count: u64) -> Worst {
        bounds(model, bytes, output_max, count).within(Micro(i64::MAX))
    }

    #[test]
    fn the_worst_case_is_bounded_by_the_request_and_by_the_model() {
        // 1,000 tokens at 3.75 USD (put into the cache) and 100 at 15 USD a million.
        let asked = of("claude-sonnet-4-6", 2_997, Some(100), 1);
        assert_eq!((asked.input, asked.output, asked.cost), (1_000, 100, Micro(525_000)));
        assert_eq!(of("claude-sonnet-4-5", 2_997, Some(9_999_999), 1).output, 64_000);
        assert_eq!(of("claude-sonnet-4-6", 2_997, None, 1).output, OUTPUT_TOKENS_UNASKED);
        assert_eq!(of("claude-sonnet-4-5", 30_000_000, None, 1).input, 200_000);
        assert_eq!(of("gpt-4o", 3, Some(10), 5).output, 50);
        assert_eq!(of("gpt-4o", 3, Some(10), u64::MAX).output, 1_280);
        assert_eq!(of("qwen3:8b", 3, Some(70_000), 1).output, 70_000, "its own word counts");
        assert_eq!(of("qwen3:8b", 3, Some(u64::MAX), 1).output, OUTPUT_TOKENS_MAX);
        assert_eq!(of("qwen3:8b", 3, Some(0), 1).output, 1);
    }

    #[test]
    fn an_answer_is_limited_to_what_can_be_paid() {
        let check = |bounds: Bounds, at_hand: i64, output: i64, limit: Option<i64>| {
            let worst = bounds.within(Micro(at_hand));
            assert_eq!((worst.output, bounds.limit(&worst)), (output, limit), "{bounds:?} within {at_hand}");
            assert!(worst.cost <= Micro(at_hand) || worst.output == bounds.least * bounds.answers);
        };
        // 1,000 tokens of input are 0.5 credits, 1,000 of output 3.
        let unasked = bounds("gpt-5.5", 2_997, None, 1);
        check(unasked, i64::MAX, 32_000, Some(32_000));
        check(unasked, 61_000_000, 10_000, Some(10_000));
        check(unasked, 0, 1_024, Some(1_024));
        check(bounds("gpt-5.5", 2_997, Some(5_000), 1), i64::MAX, 5_000, None);
        check(bounds("gpt-5.5", 2_997, Some(50_000), 2), 61_000_000, 10_000, Some(5_000));
        check(bounds("gpt-5.5", 2_997, Some(500), 1), 0, 500, None);
        check(bounds("gpt-5.5", 2_997, Some(999_999), 1), i64::MAX, 128_000, Some(128_000));
        // As much as that list thinks of models that it doesn't know.
        check(bounds("qwen3:8b", 2_997, None, 1), i64::MAX, 32_000, None);
        let thinks = Wanted { output_max: Some(20_000), count: 1, thoughts: 8_000 };
        let prices = Prices::load(None).unwrap();
        check(Bounds::new(&prices.of("any", "claude-opus-4-6"), 3, thinks), 0, 9_024, Some(9_024));
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
