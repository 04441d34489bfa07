//! Checks of a task, as people see them.

use mi_core::wire::checks::{CheckOutcome, TaskCheck, Verdict};

use crate::output::{Screen, Tone, clean};

/// Of a failed check's output; the whole is in `--json`.
const OUTPUT_LINES_SHOWN: usize = 10;

/// `✓ cmd: cargo test`, `✗ file: report.md words>=100 (has 12 words)`, `· json: out.json` before its first run.
pub fn line(check: &TaskCheck, screen: Screen) -> String {
    let text = clean(&check.text).replace('\n', " ");
    match &check.outcome {
        None => format!("{} {text}", screen.paint.tint(Tone::Faint, "·")),
        Some(outcome) if outcome.verdict == Verdict::Passed => {
            format!("{} {text}{}", screen.paint.tint(Tone::Good, "✓"), unusual(outcome))
        }
        Some(outcome) => {
            let head = format!("{} {text} ({})", screen.paint.tint(Tone::Bad, "✗"), clean(&outcome.detail));
            head + &output(outcome, screen)
        }
    }
}

/// What makes a passed check worth less than it looks.
fn unusual(outcome: &CheckOutcome) -> String {
    if outcome.detail.contains("without a sandbox") { format!(" ({})", clean(&outcome.detail)) } else { String::new() }
}

fn output(outcome: &CheckOutcome, screen: Screen) -> String {
    let text = clean(outcome.output.as_deref().unwrap_or_default());
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(OUTPUT_LINES_SHOWN)..];
    last.iter().map(|line| format!("\n    {}", screen.paint.tint(Tone::Faint, line))).collect()
}
