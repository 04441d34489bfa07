//! Sessions and their transcripts, as people see them.

use mi_core::moment::say_length;
use mi_core::time::Time;
use mi_core::wire::runner::ItemKind;
use mi_core::wire::sessions::TranscriptItem;
use mi_core::wire::tasks::Session;

use super::credits::amount;
use super::moment;
use crate::output::{Screen, Tone, clean};
use crate::table::Table;

/// Below its first line, what belongs to the same thing.
const INDENT: &str = "                ";
/// The answer of a tool may be a whole file; the JSON has it all.
const LINES_SHOWN_MAX: usize = 30;

pub fn head(session: &Session, screen: Screen) -> String {
    let attempt = session.attempt.map(|n| format!(", attempt {n}")).unwrap_or_default();
    let task = session.task_id.map_or_else(|| "a message".to_owned(), |task| format!("task {task}"));
    let model = session.model.as_ref().map(|model| format!(" on {model}")).unwrap_or_default();
    let title = format!("session {} of {}: {task}{attempt}, {}{model}", session.id, session.agent, session.harness);
    format!("{}\nbegan {}\n", screen.paint.tint(Tone::Strong, &clean(&title)), moment(session.started_at))
}

pub fn items(items: &[TranscriptItem], screen: Screen) -> String {
    items.iter().filter(|item| item.kind != ItemKind::Usage).map(|item| one(item, screen)).collect()
}

fn one(item: &TranscriptItem, screen: Screen) -> String {
    let (word, tone) = match item.kind {
        ItemKind::Log => ("log ", Tone::Faint),
        ItemKind::Tool => ("tool", Tone::Busy),
        ItemKind::Transcript => ("said", Tone::Good),
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

pub fn end(session: &Session, now: Time, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    let how = session.exit.as_deref().map(|exit| format!(": {}", clean(exit))).unwrap_or_default();
    facts.fact("state", format!("{}{how}", session.state));
    if let Some(summary) = session.summary.as_ref().filter(|summary| !summary.is_empty()) {
        facts.fact("summary", clean(summary).into_owned());
    }
    facts.fact("took", say_length(session.ended_at.unwrap_or(now) - session.started_at));
    facts.fact("tokens", format!("{} in, {} out", session.input_tokens, session.output_tokens));
    facts.fact("credits", amount(session.cost));
    format!("\n{}", facts.render(screen))
}
