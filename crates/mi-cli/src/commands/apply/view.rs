//! A plan, as people see it before and while it is carried out, and as programs do.

use mi_core::ids::TaskId;
use serde_json::{Value as Json, json};

use super::difference::Difference;
use super::plan::{Fate, Step};
use crate::output::{Paint, Screen, Tone, clean};

/// A value in a plan is shown so far.
const VALUE_CHARS_MAX: usize = 60;
/// The widest of the kinds.
const KIND_CHARS: usize = 8;

fn mark(fate: Fate) -> (&'static str, Tone) {
    match fate {
        Fate::Create => ("+", Tone::Good),
        Fate::Change => ("~", Tone::Waiting),
        Fate::Same => ("=", Tone::Faint),
        Fate::Remove => ("-", Tone::Bad),
        Fate::Left => ("!", Tone::Waiting),
    }
}

/// Every step with what differs, then how many there are of each.
pub fn plan(steps: &[Step], screen: Screen) -> String {
    let lines: String = steps.iter().map(|step| line(step, None, screen.paint)).collect();
    format!("{lines}{}\n", summary(steps, Tense::Planned))
}

/// A step that was carried out.
pub fn done(step: &Step, number: Option<TaskId>, screen: Screen) -> String {
    line(step, number.filter(|_| step.fate == Fate::Create), screen.paint)
}

fn line(step: &Step, number: Option<TaskId>, paint: Paint) -> String {
    let (mark, tone) = mark(step.fate);
    let number = number.map(|id| format!("#{id} ")).unwrap_or_default();
    let head = format!("{mark} {:<KIND_CHARS$} {}", step.kind, step.name);
    let note = one_line(&format!("{number}{}", step.note));
    let note = if note.trim().is_empty() { String::new() } else { format!("  {}", paint.tint(Tone::Faint, &note)) };
    let mut text = format!("{}{note}\n", paint.tint(tone, head.trim_end()));
    for difference in &step.differences {
        text.push_str(&format!("    {}\n", difference_line(difference)));
    }
    text
}

fn difference_line(difference: &Difference) -> String {
    let Difference { field, from, to } = difference;
    match (from, to) {
        (None, None) => format!("{field}: another value"),
        (from, to) => {
            let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), one_line);
            format!("{field}: {} → {}", shown(from), shown(to))
        }
    }
}

fn one_line(text: &str) -> String {
    let text = clean(text).replace(['\n', '\t'], " ");
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        None => text.trim_end().to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Whether the steps were done already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tense {
    Planned,
    Done,
}

/// `12 to create, 1 to change, 3 as declared`.
pub fn summary(steps: &[Step], tense: Tense) -> String {
    let words = match tense {
        Tense::Planned => ["to create", "to change", "to remove"],
        Tense::Done => ["created", "changed", "removed"],
    };
    let changes = [Fate::Create, Fate::Change, Fate::Remove];
    let all = changes.into_iter().zip(words).chain([(Fate::Left, "left as it is"), (Fate::Same, "as declared")]);
    let count = |fate: Fate| steps.iter().filter(|step| step.fate == fate).count();
    let parts: Vec<String> = all
        .map(|(fate, words)| (count(fate), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    parts.join(", ")
}

/// For programs: each step with its action.
pub fn json(step: &Step, number: Option<TaskId>) -> Json {
    let action = match step.fate {
        Fate::Create => "create",
        Fate::Change => "change",
        Fate::Same => "none",
        Fate::Remove => "remove",
        Fate::Left => "left",
    };
    let changes: Vec<Json> = step
        .differences
        .iter()
        .map(|difference| json!({"field": difference.field, "from": difference.from, "to": difference.to}))
        .collect();
    json!({"action": action, "kind": step.kind, "name": step.name, "id": number, "note": step.note, "changes": changes})
}
