//! What models cost: data that is read once at the start, ours and what the operator puts over it.
//!
//! Money is whole micro-credits. A price is what a million tokens cost; a call's cost is rounded up once, over all its
//! tokens together, so that no call is free by rounding.

use std::path::Path;

use mi_core::credits::Micro;
use serde::Deserialize;

use super::meter::Usage;

/// The list that comes with the program.
const OURS: &str = include_str!("prices.toml");
/// A US dollar is 100 credits.
const MICRO_PER_DOLLAR: f64 = 100_000_000.0;
/// Above any price there ever was; a larger one is a slip of the finger.
const DOLLARS_PER_MILLION_MAX: f64 = 1_000_000.0;
const TOKENS_MAX: i64 = 1_000_000_000;
const TOKENS_PER_PRICE: i128 = 1_000_000;

/// What a model costs and how much it takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Micro-credits for a million tokens that were read.
    pub input: i64,
    /// Of those that the provider found in its cache.
    pub cached: i64,
    /// Of those that it put into its cache.
    pub written: i64,
    pub output: i64,
    /// The most tokens that the model reads.
    pub context: i64,
    /// The most tokens that it writes.
    pub output_max: i64,
    /// What it costs instead where the prompt is a long one.
    pub long: Option<Long>,
}

/// The whole of a call costs this where it reads more than so many tokens. Never less than what a shorter one costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Long {
    over: i64,
    input: i64,
    cached: i64,
    written: i64,
    output: i64,
}

/// A price, and whether the list knows the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    pub price: Price,
    pub by: PricedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PricedBy {
    List,
    /// No row fits: the stated default.
    Default,
}

struct Family {
    provider: Option<String>,
    start: String,
    price: Price,
}

/// The whole list. The first row that fits counts: rows of one provider stand first, longer names before shorter ones.
pub struct Prices {
    families: Vec<Family>,
    default: Price,
}

#[derive(Debug, thiserror::Error)]
pub enum BadPrices {
    #[error("{path} can't be read: {source}")]
    Read { path: String, source: std::io::Error },
    #[error("the prices in {place} are not valid: {what}")]
    Text { place: String, what: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    default: Option<Row>,
    #[serde(default)]
    model: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    family: String,
    provider: Option<String>,
    input: f64,
    cached: Option<f64>,
    written: Option<f64>,
    output: f64,
    context: i64,
    max_output: i64,
    long: Option<LongRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    input: f64,
    cached: Option<f64>,
    written: Option<f64>,
    output: f64,
    context: i64,
    max_output: i64,
    long: Option<LongRow>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct LongRow {
    over: i64,
    input: f64,
    cached: Option<f64>,
    written: Option<f64>,
    output: f64,
}

impl Prices {
    /// Our list, with the operator's rows over it: a row for the same family replaces ours, a `[default]` too.
    pub fn load(file: Option<&Path>) -> Result<Self, BadPrices> {
        let mut prices = Self { families: Vec::new(), default: Price::FREE };
        prices.take("the program", OURS)?;
        if let Some(path) = file {
            let place = path.display().to_string();
            let text =
                std::fs::read_to_string(path).map_err(|source| BadPrices::Read { path: place.clone(), source })?;
            prices.take(&place, &text)?;
        }
        Ok(prices)
    }

    fn take(&mut self, place: &str, text: &str) -> Result<(), BadPrices> {
        let bad = |what: String| BadPrices::Text { place: place.to_owned(), what };
        let list: List = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        if let Some(row) = list.default {
            self.default = row.price().map_err(|what| bad(format!("default: {what}")))?;
        }
        for named in list.model {
            let price = named.row().price().map_err(|what| bad(format!("{}: {what}", named.family)))?;
            let family = Family { provider: named.provider, start: named.family.to_ascii_lowercase(), price };
            self.families.retain(|other| other.provider != family.provider || other.start != family.start);
            self.families.push(family);
        }
        self.families.sort_by_key(|family| (family.provider.is_none(), std::cmp::Reverse(family.start.len())));
        Ok(())
    }

    /// A name may stand behind its maker's: `models/gemini-2.5-pro`, `anthropic/claude-sonnet-4-6`.
    pub fn of(&self, provider: &str, model: &str) -> Priced {
        let mut name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
        // Resellers write Claude's versions with dots.
        if name.starts_with("claude") {
            name = name.replace('.', "-");
        }
        let fits = |family: &&Family| {
            name.starts_with(&family.start) && family.provider.as_deref().is_none_or(|own| own == provider)
        };
        match self.families.iter().find(fits) {
            Some(family) => Priced { price: family.price, by: PricedBy::List },
            None => Priced { price: self.default, by: PricedBy::Default },
        }
    }
}

impl std::fmt::Debug for Prices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "prices of {} families", self.families.len())
    }
}

impl Named {
    fn row(&self) -> Row {
        let Self { input, cached, written, output, context, max_output, long, .. } = *self;
        Row { input, cached, written, output, context, max_output, long }
    }
}

impl Row {
    fn price(&self) -> Result<Price, &'static str> {
        let input = micro(self.input)?;
        let sizes = [self.context, self.max_output];
        if sizes.iter().any(|tokens| !(1..=TOKENS_MAX).contains(tokens)) {
            return Err("context and max_output are numbers of tokens, 1 to 1000000000");
        }
        let short = Price {
            input,
            cached: self.cached.map_or(Ok(input), micro)?,
            written: self.written.map_or(Ok(input), micro)?,
            output: micro(self.output)?,
            context: self.context,
            output_max: self.max_output,
            long: None,
        };
        Ok(Price { long: self.long.map(|row| row.beyond(&short)).transpose()?, ..short })
    }
}

impl LongRow {
    fn beyond(&self, short: &Price) -> Result<Long, &'static str> {
        let input = micro(self.input)?;
        let long = Long {
            over: self.over,
            input,
            cached: self.cached.map_or(Ok(input), micro)?,
            written: self.written.map_or(Ok(input), micro)?,
            output: micro(self.output)?,
        };
        let pairs = [
            (long.input, short.input),
            (long.cached, short.cached),
            (long.written, short.written),
            (long.output, short.output),
        ];
        if !(1..=TOKENS_MAX).contains(&long.over) || pairs.iter().any(|(long, short)| long < short) {
            return Err("long has the prices over a number of tokens, none of them lower than for a shorter prompt");
        }
        Ok(long)
    }
}

fn micro(dollars: f64) -> Result<i64, &'static str> {
    if !(0.0..=DOLLARS_PER_MILLION_MAX).contains(&dollars) {
        return Err("a price is US dollars for a million tokens, 0 to 1000000");
    }
    Ok((dollars * MICRO_PER_DOLLAR).round() as i64)
}

impl Price {
    const FREE: Price = Price { input: 0, cached: 0, written: 0, output: 0, context: 1, output_max: 1, long: None };

    /// For a prompt of so many tokens.
    fn of_prompt(&self, input: i64) -> Price {
        match self.long {
            Some(Long { over, input: read, cached, written, output }) if input > over => {
                Price { input: read, cached, written, output, long: None, ..*self }
            }
            Some(_) | None => Price { long: None, ..*self },
        }
    }

    /// Of one call; rounded up, once.
    pub fn cost(&self, usage: Usage) -> Micro {
        self.of_prompt(usage.input).sum(usage)
    }

    /// Of many calls together, of which nobody knows how long each prompt was.
    pub fn cost_of_many(&self, usage: Usage) -> Micro {
        self.sum(usage)
    }

    fn sum(&self, usage: Usage) -> Micro {
        let plain = (usage.input - usage.cached - usage.written).max(0);
        let parts = [
            (plain, self.input),
            (usage.cached, self.cached),
            (usage.written, self.written),
            (usage.output, self.output),
        ];
        let sum: i128 = parts.iter().map(|(tokens, price)| i128::from(*tokens) * i128::from(*price)).sum();
        let micro = (sum + TOKENS_PER_PRICE - 1) / TOKENS_PER_PRICE;
        Micro(i64::try_from(micro).unwrap_or(i64::MAX))
    }

    /// The most that a call of so many tokens may cost: its whole input at the dearest of the three.
    pub fn worst(&self, input: i64, output: i64) -> Micro {
        let price = self.of_prompt(input);
        Price { input: price.dearest(), ..price }.sum(Usage { input, cached: 0, written: 0, output })
    }

    /// As many tokens of output as so much pays beside that input, at worst.
    pub fn output_for(&self, input: i64, sum: Micro) -> i64 {
        let price = self.of_prompt(input);
        if price.output == 0 {
            return i64::MAX;
        }
        let rest = i128::from(sum.0) * TOKENS_PER_PRICE - i128::from(input) * i128::from(price.dearest());
        i64::try_from(rest.max(0) / i128::from(price.output)).unwrap_or(i64::MAX)
    }

    fn dearest(&self) -> i64 {
        self.input.max(self.cached).max(self.written)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usage(input: i64, cached: i64, written: i64, output: i64) -> Usage {
        Usage { input, cached, written, output }
    }

    fn cost(model: &str, usage: Usage) -> Micro {
        Prices::load(None).unwrap().of("any", model).price.cost(usage)
    }

    #[test]
    fn a_million_tokens_cost_what_the_list_says() {
        // 3 USD are 300 credits.
        assert_eq!(cost("claude-sonnet-4-6", usage(1_000_000, 0, 0, 0)), Micro::credits(300));
        assert_eq!(cost("claude-sonnet-4-6", usage(0, 0, 0, 1_000_000)), Micro::credits(1_500));
        assert_eq!(cost("gpt-5.5-2026-04-23", usage(100_000, 100_000, 0, 0)), Micro::credits(5));
        assert_eq!(cost("models/gemini-2.5-flash", usage(0, 0, 0, 1_000_000)), Micro::credits(250));
        assert_eq!(cost("claude-haiku-4-5", usage(1_000_000, 0, 1_000_000, 0)), Micro::credits(125));
        assert_eq!(cost("something-else", usage(1_000_000, 0, 0, 1_000_000)), Micro::credits(1_800));
    }

    #[test]
    fn the_longest_family_counts_and_a_stranger_is_marked() {
        let prices = Prices::load(None).unwrap();
        let output = |model: &str| prices.of("openai", model).price.output;
        assert_eq!(output("gpt-5-mini-2026"), 200_000_000);
        assert_eq!(output("GPT-5"), 1_400_000_000);
        for (model, dollars) in
            [("gpt-5-pro", 120), ("gpt-5.5-pro", 180), ("o3-pro", 80), ("o1-2024", 60), ("gpt-4", 60)]
        {
            assert_eq!(output(model), dollars * 100_000_000, "{model}");
        }
        // Dear ones that no row of their own family fits any more.
        for (model, dollars) in [
            ("claude-fable-5-1", 50),
            ("claude-3-7-sonnet-latest", 15),
            ("claude-sonnet-5-5", 10),
            ("claude-opus-5", 25),
            ("claude-opus-4-20250514", 75),
            ("anthropic/claude-opus-4.1", 75),
            ("gpt-6.2-astra", 50),
            ("o3-deep-research", 40),
            ("gemini-4-neon", 18),
        ] {
            assert_eq!(output(model), dollars * 100_000_000, "{model}");
        }
        assert_eq!(prices.of("openai", "gpt-5").by, PricedBy::List);
        assert_eq!(prices.of("openai", "qwen3:8b").by, PricedBy::Default);
    }

    #[test]
    fn the_operators_list_lies_over_ours() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prices.toml");
        std::fs::write(
            &file,
            "[[model]]\nfamily = \"gpt-5\"\ninput = 0\noutput = 1\ncontext = 10\nmax_output = 5\n\
             [[model]]\nfamily = \"qwen\"\nprovider = \"openai\"\ninput = 0\noutput = 0\ncontext = 9\nmax_output = 3\n",
        )
        .unwrap();
        let prices = Prices::load(Some(&file)).unwrap();
        assert_eq!(prices.of("openai", "gpt-5.1").price.output, 100_000_000);
        assert_eq!(prices.of("openai", "gpt-5-mini").price.output, 200_000_000, "ours is nearer");
        assert_eq!(prices.of("openai", "qwen3:8b").price.context, 9);
        assert_eq!(prices.of("venice", "qwen3:8b").by, PricedBy::Default);
        for (text, word) in [
            ("[[model]]\nfamily = 'x'\ninput = -1\noutput = 0\ncontext = 1\nmax_output = 1", "a price is"),
            ("[[model]]\nfamily = 'x'\ninput = 1\noutput = 0\ncontext = 0\nmax_output = 1", "numbers of tokens"),
            ("[[model]]\nfamily = 'x'\nprice = 1", "unknown field"),
            (
                "[[model]]\nfamily = 'x'\ninput = 2\noutput = 1\ncontext = 9\nmax_output = 1\nlong = {over = 5, input = 1, output = 1}",
                "none of them lower",
            ),
        ] {
            std::fs::write(&file, text).unwrap();
            let told = Prices::load(Some(&file)).unwrap_err().to_string();
            assert!(told.contains(word) && told.contains("prices.toml"), "{told}");
        }
        let missing = Prices::load(Some(&folder.path().join("none"))).unwrap_err();
        assert!(matches!(missing, BadPrices::Read { .. }));
    }

    #[test]
    fn a_long_prompt_makes_the_whole_call_dearer() {
        let at_most = usage(272_000, 0, 0, 1_000_000);
        assert_eq!(cost("gpt-5.5", at_most), Micro::credits(136 + 3_000));
        let over = usage(300_000, 0, 0, 1_000_000);
        assert_eq!(cost("gpt-5.5", over), Micro::credits(300 + 4_500));
        assert_eq!(cost("gemini-2.5-pro", usage(200_001, 0, 0, 0)), Micro(50_000_250));
    }

    #[test]
    fn nothing_used_costs_nothing_and_one_token_costs_something() {
        assert_eq!(cost("gpt-5-nano", usage(0, 0, 0, 0)), Micro(0));
        assert_eq!(cost("gpt-5-nano", usage(1, 1, 0, 0)), Micro(1));
    }

    proptest! {
        /// Rounding costs less than a micro-credit a call, never saves one, and the worst case is one.
        #[test]
        fn a_cost_is_the_exact_sum_rounded_up(
            input in 0..2_000_000_i64, cached in 0..100_i64, written in 0..100_i64, output in 0..200_000_i64,
            price in (0..10_000_000_000_i64, 0..10_000_000_000_i64, 0..10_000_000_000_i64, 0..10_000_000_000_i64),
            (over, times) in (1..2_000_000_i64, 1..4_i64),
        ) {
            let price = Price {
                input: price.0, cached: price.1, written: price.2, output: price.3, context: 1, output_max: 1, long: None,
            };
            let long = Long {
                over, input: price.input * times, cached: price.cached * times, written: price.written * times,
                output: price.output * times,
            };
            let both = Price { long: Some(long), ..price };
            let all = usage(input, cached * input / 200, written * input / 200, output);
            prop_assert!(both.worst(input, output) >= both.cost(all));
            prop_assert!(both.worst(input + 1, output) >= both.worst(input, output), "a bound of the input is one of the cost");
            let price = if input > over { both.of_prompt(input) } else { price };
            prop_assert_eq!(both.cost(all), price.cost(all));
            let (cached, written) = (input * cached / 200, input * written / 200);
            let used = usage(input, cached, written, output);
            let exact = i128::from(input - cached - written) * i128::from(price.input)
                + i128::from(cached) * i128::from(price.cached)
                + i128::from(written) * i128::from(price.written)
                + i128::from(output) * i128::from(price.output);
            let told = i128::from(price.cost(used).0) * TOKENS_PER_PRICE;
            prop_assert!(told >= exact && told - exact < TOKENS_PER_PRICE);
            let worst = price.worst(input, output);
            prop_assert!(worst >= price.cost(used));
            let paid = price.output_for(input, worst);
            prop_assert!(paid >= output && (paid == i64::MAX || price.worst(input, paid) <= worst));
        }
    }
}
