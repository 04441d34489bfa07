//! Credits and what models cost, as people see them.

use mi_core::credits::Micro;
use mi_core::wire::offices::Credits;
use mi_core::wire::usage::{LlmCall, LlmSummary};

use super::moment;
use crate::output::Screen;
use crate::table::{Cell, Table};

/// As the API writes it: `2.5`.
pub fn amount(credits: Micro) -> String {
    serde_json::to_string(&credits).unwrap_or_else(|_| format!("{} micro-credits", credits.0))
}

pub fn balance(credits: &Credits, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("balance", amount(credits.balance));
    facts.fact("available", amount(credits.available));
    facts.render(screen)
}

pub fn summary_of_usage(summary: &LlmSummary, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("tokens", summary.total_tokens);
    facts.fact("cost", format!("{:.4} USD", summary.total_cost));
    facts.fact("credits", amount(summary.total_credits));
    facts.fact("agents", summary.agents);
    facts.render(screen)
}

pub fn calls(calls: &[LlmCall], screen: Screen) -> String {
    let mut table = Table::new(&["TIME", "AGENT", "TASK", "MODEL", "IN", "OUT", "CREDITS", "STATUS"]);
    for call in calls {
        table.row([
            moment(call.created_at).into(),
            (&call.agent).into(),
            Cell::maybe(call.task_id),
            format!("{}/{}", call.provider, call.model).into(),
            call.input_tokens.into(),
            call.output_tokens.into(),
            amount(call.credits).into(),
            call.status.into(),
        ]);
    }
    table.render(screen)
}
