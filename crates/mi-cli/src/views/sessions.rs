//! Sessions and their transcripts, as people see them.

use mi_core::moment::say_length;
use mi_core::time::{Millis, Time};
use mi_core::wire::runner::ItemKind;
use mi_core::wire::sessions::{ToolUse, Transcript, TranscriptItem, Used, WakeCause, WakeKind};
use mi_core::wire::tasks::Session;

use super::credits::amount;
use super::moment;
use crate::output::{Screen, Tone, clean};
use crate::table::{Cell, Table};

/// Below its first line, what belongs to the same thing.
const INDENT: &str = "                ";
/// The answer of a tool may be a whole file; the JSON has it all.
const LINES_SHOWN_MAX: usize = 30;

pub fn head(session: &Session, screen: Screen) -> String {
    let attempt = session.attempt.map(|n| format!(", attempt {n}")).unwrap_or_default();
    let task = session.task_id.map_or_else(|| "a message".to_owned(), |task| format!("task {task}"));
    let model = session.model.as_ref().map(|model| format!(" on {model}")).unwrap_or_default();
    let title = format!("session {} of {}: {task}{attempt}, {}{model}", session.id, session.agent, session.harness);
    let cause = session.cause.as_ref().map(|cause| format!("{}\n", clean(&woken_by(cause)))).unwrap_or_default();
    let title = screen.paint.tint(Tone::Strong, &clean(&title));
    format!("{title}\n{cause}began {}\n", moment(session.started_at))
}

/// `woken by a message of ben, the 3rd wake-up among agents in a row`
fn woken_by(cause: &WakeCause) -> String {
    let of = cause.by.as_ref().map(|by| format!(" of {by}")).unwrap_or_default();
    let how = match cause.kind {
        WakeKind::Task => format!("woken by a task{of}"),
        WakeKind::Message => format!("woken by a message{of}"),
        WakeKind::Claim => format!("claimed by itself, a task{of}"),
    };
    match cause.chain {
        0 => how,
        chain => format!("{how}, wake-up {chain} among agents since an operator's act"),
    }
}

pub fn items(items: &[TranscriptItem], screen: Screen) -> String {
    items.iter().filter(|item| item.kind != ItemKind::Usage).map(|item| one(item, screen)).collect()
}

fn one(item: &TranscriptItem, screen: Screen) -> String {
    let (word, tone) = match item.kind {
        ItemKind::Log => ("log ", Tone::Faint),
        ItemKind::Tool => ("tool", Tone::Busy),
        ItemKind::Transcript => ("said", Tone::Good),
        ItemKind::Prompt => ("told", Tone::Plain),
        ItemKind::Usage => ("used", Tone::Faint),
    };
    let text = clean(&item.text);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let head = format!("{}  {}  {first}\n", clock(item.at), screen.paint.tint(tone, word));
    let rest: Vec<&str> = lines.collect();
    let shown: String = rest.iter().take(LINES_SHOWN_MAX).map(|line| format!("{}{line}\n", INDENT)).collect();
    match rest.len().saturating_sub(LINES_SHOWN_MAX) {
        0 => format!("{head}{shown}"),
        left => format!("{head}{shown}{}({left} more lines: --json)\n", INDENT),
    }
}

/// `09:30:00`; the day stands in the head.
fn clock(at: Time) -> String {
    const DATE_END: usize = 11;
    const SECONDS_END: usize = 19;
    at.to_string().get(DATE_END..SECONDS_END).unwrap_or_default().to_owned()
}

pub fn end(Transcript { session, tools, .. }: &Transcript, now: Time, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    let how = session.exit.as_deref().map(|exit| format!(": {}", clean(exit))).unwrap_or_default();
    facts.fact("state", format!("{}{how}", session.state));
    if let Some(summary) = session.summary.as_ref().filter(|summary| !summary.is_empty()) {
        facts.fact("summary", clean(summary).into_owned());
    }
    if let Some(queued_at) = session.queued_at {
        facts.fact("waited", say_length(session.started_at - queued_at));
    }
    if let Some(first) = session.first_token_at {
        facts.fact("first token", format!("after {}", say_length(first - session.started_at)));
    }
    facts.fact("took", say_length(session.ended_at.unwrap_or(now) - session.started_at));
    let used = Used {
        input_tokens: session.input_tokens,
        cached_tokens: session.cached_tokens,
        output_tokens: session.output_tokens,
        cost: session.cost,
    };
    facts.fact("tokens", tokens(&used));
    facts.fact("credits", amount(session.cost));
    let tools = if tools.is_empty() { String::new() } else { format!("\n{}", used_tools(tools, screen)) };
    format!("\n{}{tools}", facts.render(screen))
}

/// `1200 in (800 cached), 90 out`
pub fn tokens(used: &Used) -> String {
    let cached = if used.cached_tokens > 0 { format!(" ({} cached)", used.cached_tokens) } else { String::new() };
    format!("{} in{cached}, {} out", used.input_tokens, used.output_tokens)
}

fn used_tools(tools: &[ToolUse], screen: Screen) -> String {
    let mut table = Table::new(&["TOOL", "CALLS", "FAILED", "TOOK"]);
    for tool in tools {
        let failed = (tool.failures > 0).then_some(tool.failures);
        let took = tool.took_ms.map(|took| say_length(Millis(took)));
        table.row([(&tool.name).into(), tool.calls.into(), Cell::maybe(failed), Cell::maybe(took)]);
    }
    table.render(screen)
}
