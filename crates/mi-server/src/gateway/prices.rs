//! What models cost: data, to be edited when providers change their lists.
//!
//! Source: the providers' public price lists for plain calls. One thousandth of a
//! US dollar per million tokens is a tenth of a micro-credit per token.

use mi_core::credits::Micro;

use super::meter::Usage;

/// Thousandths of a US dollar per million tokens.
struct Price {
    /// How the model's name begins.
    family: &'static str,
    input: i64,
    /// Input that the provider found in its cache.
    cached: i64,
    /// Input that the provider put into its cache.
    written: i64,
    output: i64,
}

const fn price(family: &'static str, input: i64, cached: i64, written: i64, output: i64) -> Price {
    Price { family, input, cached, written, output }
}

/// The first family that fits counts, so the longer name stands first.
const PRICES: [Price; 23] = [
    price("claude-3-haiku", 250, 30, 300, 1_250),
    price("claude-3-5-haiku", 800, 80, 1_000, 4_000),
    price("claude-haiku", 1_000, 100, 1_250, 5_000),
    price("claude-3-opus", 15_000, 1_500, 18_750, 75_000),
    price("claude-opus-4-1", 15_000, 1_500, 18_750, 75_000),
    price("claude-opus-4-2", 15_000, 1_500, 18_750, 75_000),
    price("claude-opus", 5_000, 500, 6_250, 25_000),
    price("claude", 3_000, 300, 3_750, 15_000),
    price("gpt-5.5", 5_000, 500, 5_000, 30_000),
    price("gpt-5.4", 2_500, 250, 2_500, 15_000),
    price("gpt-5-mini", 250, 25, 250, 2_000),
    price("gpt-5-nano", 50, 5, 50, 400),
    price("gpt-5", 1_750, 175, 1_750, 14_000),
    price("gpt-4.1-mini", 400, 100, 400, 1_600),
    price("gpt-4.1", 2_000, 500, 2_000, 8_000),
    price("gpt-4o-mini", 150, 75, 150, 600),
    price("gpt-4o", 2_500, 1_250, 2_500, 10_000),
    price("o4-mini", 1_100, 275, 1_100, 4_400),
    price("o3", 2_000, 500, 2_000, 8_000),
    price("gemini-2.5-flash-lite", 100, 25, 100, 400),
    price("gemini-2.5-flash", 300, 75, 300, 2_500),
    price("gemini-2.5-pro", 1_250, 310, 1_250, 10_000),
    price("gemini", 2_000, 200, 2_000, 12_000),
];

/// A model that no family fits is charged like a large one of the middle: better a stated price than none.
const UNKNOWN: Price = price("", 3_000, 300, 3_750, 15_000);

/// One thousandth of a dollar per million tokens, in micro-credits for ten tokens.
const TOKENS_PER_UNIT: i64 = 10;

/// Rounded up, so that no call is free by rounding.
pub fn cost(model: &str, usage: Usage) -> Micro {
    let price = of(model);
    let plain = usage.input - usage.cached - usage.written;
    let units = plain.max(0) * price.input
        + usage.cached * price.cached
        + usage.written * price.written
        + usage.output * price.output;
    Micro((units + TOKENS_PER_UNIT - 1) / TOKENS_PER_UNIT)
}

fn of(model: &str) -> &'static Price {
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    PRICES.iter().find(|price| name.starts_with(price.family)).unwrap_or(&UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input: i64, cached: i64, written: i64, output: i64) -> Usage {
        Usage { input, cached, written, output }
    }

    #[test]
    fn a_million_tokens_cost_what_the_list_says() {
        // 3 USD are 300 credits.
        assert_eq!(cost("claude-sonnet-4-6", usage(1_000_000, 0, 0, 0)), Micro::credits(300));
        assert_eq!(cost("claude-sonnet-4-6", usage(0, 0, 0, 1_000_000)), Micro::credits(1_500));
        assert_eq!(cost("gpt-5.5-2026-04-23", usage(1_000_000, 1_000_000, 0, 0)), Micro::credits(50));
        assert_eq!(cost("models/gemini-2.5-flash", usage(0, 0, 0, 1_000_000)), Micro::credits(250));
        assert_eq!(cost("claude-haiku-4-5", usage(1_000_000, 0, 1_000_000, 0)), Micro::credits(125));
        assert_eq!(cost("something-else", usage(1_000_000, 0, 0, 1_000_000)), Micro::credits(1_800));
    }

    #[test]
    fn nothing_used_costs_nothing_and_one_token_costs_something() {
        assert_eq!(cost("gpt-5-nano", usage(0, 0, 0, 0)), Micro(0));
        assert_eq!(cost("gpt-5-nano", usage(1, 1, 0, 0)), Micro(1));
    }

    #[test]
    fn every_row_is_reached_and_caches_are_never_dearer_than_the_worst_case() {
        for (index, row) in PRICES.iter().enumerate() {
            let first = PRICES.iter().position(|other| row.family.starts_with(other.family));
            assert_eq!(first, Some(index), "{} is hidden by an earlier row", row.family);
            assert!(row.cached <= row.input && row.input <= row.written, "{}", row.family);
        }
    }
}
