//! Models that somebody's own login pays for: a program on a machine elsewhere reports what it used, and no call of it passes
//! here. It is counted at a shadow price, marked as such, and nothing is taken from the balance. What a runner reports is
//! only its word.

use mi_core::credits::Micro;
use mi_core::wire::usage::UsageKind;
use serde::Deserialize;

use super::meter::Usage;
use super::prices::Prices;
use crate::credits::usage::{self, Used};
use crate::infra::act::Act;
use crate::infra::fault::Fault;
use crate::sessions;
use crate::sessions::service::SessionRow;

/// No report speaks of more.
const TOKENS_MAX: i64 = 1_000_000_000;
const NAME_BYTES_MAX: usize = 200;

/// An item of kind `usage`, as our runner writes it.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    subscription: bool,
    #[serde(default)]
    provider: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    input_tokens: i64,
    #[serde(default)]
    cached_tokens: i64,
    #[serde(default)]
    output_tokens: i64,
}

/// Counts a report of this kind. Any other is left alone: the gateway has counted it, or it says nothing to us.
pub fn note(act: &mut Act<'_>, session: &SessionRow, text: &str, prices: &Prices) -> Result<(), Fault> {
    let Some(report) = read(text) else { return Ok(()) };
    let (provider, model) =
        (report.provider.as_deref().unwrap_or_default(), report.model.as_deref().filter(|name| !name.is_empty()));
    // Codex doesn't say which one its login chose.
    let model = model.unwrap_or("unknown");
    let used = report.usage();
    let price = prices.of(provider, model).price;
    sessions::usage::add(act, session.number, &used.at(Micro(0)), None)?;
    usage::add(
        act,
        &Used {
            task: session.task,
            provider,
            model,
            calls: 1,
            input: used.input,
            cached: used.cached,
            output: used.output,
            cost: price.cost_of_many(used),
            ..Used::nothing(UsageKind::Subscription, session.agent.as_str())
        },
    )
}

fn read(text: &str) -> Option<Report> {
    let report: Report = serde_json::from_str(text).ok()?;
    let names = [&report.provider, &report.model];
    let are_names = names.into_iter().flatten().all(|name| name.len() <= NAME_BYTES_MAX && !name.contains('\0'));
    (report.subscription && are_names).then_some(report)
}

impl Report {
    fn usage(&self) -> Usage {
        let input = self.input_tokens.clamp(0, TOKENS_MAX);
        let output = self.output_tokens.clamp(0, TOKENS_MAX);
        Usage { input, cached: self.cached_tokens.clamp(0, input), written: 0, output }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reports_of_subscriptions_are_read_and_kept_within_reason() {
        let told = r#"{"input_tokens":-5,"output_tokens":9223372036854775807,"cached_tokens":7,"model":"m","provider":"p","subscription":true}"#;
        let usage = read(told).unwrap().usage();
        assert_eq!(usage, Usage { input: 0, cached: 0, written: 0, output: TOKENS_MAX });
        let long = format!(r#"{{"subscription":true,"model":"{}"}}"#, "m".repeat(201));
        let nul = r#"{"subscription":true,"model":"m\u0000"}"#;
        for other in ["", "7", "{}", r#"{"subscription":false,"input_tokens":3}"#, r#"{"input_tokens":3}"#, nul, &long]
        {
            assert!(read(other).is_none(), "{other}");
        }
    }
}
