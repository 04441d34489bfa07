//! Credits and what models cost, as people see them.

use mi_core::credits::Micro;
use mi_core::wire::offices::Credits;
use mi_core::wire::usage::{BudgetCard, LedgerEntry, LlmCall, LlmSummary, UsageRow, UsageSummary};

use super::moment;
use crate::output::Screen;
use crate::table::{Cell, Table};

/// `2026-04-27`
const DATE_CHARS: usize = 10;

/// As the API writes it: `2.5`.
pub fn amount(credits: Micro) -> String {
    credits.to_string()
}

pub fn balance(credits: &Credits, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("balance", amount(credits.balance));
    facts.fact("available", amount(credits.available));
    facts.fact("held", amount(credits.held));
    facts.render(screen)
}

/// `0.6 of 5 credits spent, 2 a day`
pub fn budget(budget: &BudgetCard) -> String {
    let total = budget.total.map_or(String::new(), |total| format!(" of {total}"));
    let per_day = budget.per_day.map_or(String::new(), |most| format!(", at most {most} a day"));
    format!("{}{total} credits spent{per_day}", budget.spent)
}

pub fn history(entries: &[LedgerEntry], screen: Screen) -> String {
    let mut table = Table::new(&["TIME", "KIND", "AMOUNT", "BALANCE", "REASON"]);
    for entry in entries {
        table.row([
            moment(entry.created_at).into(),
            entry.kind.as_str().into(),
            amount(entry.amount).into(),
            amount(entry.balance_after).into(),
            (&entry.reason).into(),
        ]);
    }
    table.render(screen)
}

/// By whatever was asked for, which is what the rows name.
pub fn sums(rows: &[UsageRow], screen: Screen) -> String {
    let mut table = Table::new(&["WHAT", "KIND", "CALLS", "IN", "CACHED", "OUT", "POD MINUTES", "CREDITS"]);
    for row in rows {
        table.row([
            what(row).into(),
            row.kind.as_str().into(),
            row.calls.into(),
            row.input_tokens.into(),
            row.cached_tokens.into(),
            row.output_tokens.into(),
            row.pod_minutes.into(),
            amount(row.credits).into(),
        ]);
    }
    table.render(screen)
}

fn what(row: &UsageRow) -> String {
    let model = row.provider.as_ref().zip(row.model.as_ref());
    let model = model.filter(|(_, model)| !model.is_empty()).map(|(provider, model)| format!("{provider}/{model}"));
    let task = row.task_id.map(|id| format!("task {id}"));
    let day = row.day.map(|day| day.to_string().chars().take(DATE_CHARS).collect());
    row.agent.clone().or(task).or(model).or(day).unwrap_or_else(|| "-".to_owned())
}

pub fn summary_of_usage(models: &LlmSummary, all: &UsageSummary, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("tokens", models.total_tokens);
    facts.fact("models", format!("{} credits ({:.4} USD)", amount(models.total_credits), models.total_cost));
    let pods = Micro(all.total_credits.0 - models.total_credits.0);
    let hours = format!("{:.1} core hours, {:.1} GiB hours", all.cpu_core_hours, all.memory_gib_hours);
    facts.fact("pods", format!("{} credits ({hours})", amount(pods)));
    facts.fact("in all", format!("{} credits", amount(all.total_credits)));
    facts.fact("agents", models.agents);
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
            paid(call).into(),
            status(call),
        ]);
    }
    table.render(screen)
}

/// What was more than was put aside is told, though nobody pays it.
fn paid(call: &LlmCall) -> String {
    match call.uncollected {
        Micro(0) => amount(call.credits),
        rest => format!("{} (+{} uncollected)", amount(call.credits), amount(rest)),
    }
}

/// What the provider answered with; where there was no answer, what became of the call: `failed`, `lost`, `unmetered`.
fn status(call: &LlmCall) -> Cell {
    if call.status == 0 { call.state.as_str().into() } else { call.status.into() }
}
