//! A task as a row of a table, or as a section of a report.

use mi_core::time::Time;
use mi_core::wire::tasks::TaskDetail;

use super::export::Shape;
use crate::output::clean;
use crate::views::{moment, tree};

const COLUMNS: &str = "id,name,title,status,verification,kind,priority,assigned_agent,claimed_by,created_by,parent_id,\
                       depends_on,attempts,created_at,started_at,completed_at,seconds,result,error,artifacts\n";
/// With these a spreadsheet would take a text for a formula.
const FORMULA_SIGNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
const MILLIS_PER_SECOND: i64 = 1_000;

pub fn head(shape: Shape) -> &'static str {
    match shape {
        Shape::Json => "[",
        Shape::Ndjson => "",
        Shape::Csv => COLUMNS,
        Shape::Md => "# Tasks\n",
    }
}

pub fn foot(shape: Shape) -> &'static str {
    match shape {
        Shape::Json => "]\n",
        Shape::Ndjson | Shape::Csv | Shape::Md => "",
    }
}

/// One line of RFC 4180. Texts of agents can't become formulas.
pub fn csv(detail: &TaskDetail) -> String {
    let task = &detail.task;
    let time = |at: Option<Time>| at.map(|at| at.to_string()).unwrap_or_default();
    let artifacts: Vec<&str> = detail.artifacts.iter().map(|artifact| artifact.path.as_str()).collect();
    let fields = [
        task.id.to_string(),
        task.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        tame(&task.title),
        task.status.to_string(),
        task.verification.to_string(),
        task.kind.to_string(),
        task.priority.to_string(),
        task.assigned_agent.clone().unwrap_or_default(),
        task.claimed_by.as_ref().map(ToString::to_string).unwrap_or_default(),
        task.created_by.clone(),
        task.parent_id.map(|id| id.to_string()).unwrap_or_default(),
        task.depends_on.clone().unwrap_or_default(),
        task.attempts.to_string(),
        task.created_at.to_string(),
        time(task.started_at),
        time(task.completed_at),
        took(detail).map(|seconds| seconds.to_string()).unwrap_or_default(),
        tame(task.result_summary.as_deref().unwrap_or_default()),
        tame(task.error.as_deref().unwrap_or_default()),
        tame(&artifacts.join(" ")),
    ];
    fields.map(|field| quoted(&field)).join(",") + "\n"
}

fn tame(text: &str) -> String {
    if text.starts_with(FORMULA_SIGNS) { format!("'{text}") } else { text.to_owned() }
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

fn took(detail: &TaskDetail) -> Option<i64> {
    Some((detail.task.completed_at? - detail.task.started_at?).0 / MILLIS_PER_SECOND)
}

/// What a person wants to read of it.
pub fn markdown(detail: &TaskDetail) -> String {
    let task = &detail.task;
    let one_line = |text: &str| clean(text).replace('\n', " ");
    let mut facts = vec![task.status.to_string()];
    facts.extend(task.claimed_by.as_ref().map(|name| format!("by {name}")));
    facts.extend(took(detail).map(|seconds| format!("in {}", tree::seconds(seconds))));
    facts.extend(task.completed_at.map(|at| format!("at {}", moment(at))));
    facts.extend(task.depends_on.as_ref().filter(|ids| !ids.is_empty()).map(|ids| format!("after {ids}")));
    let mut text = format!("\n## #{} {}\n\n{}\n", task.id, one_line(&task.title), facts.join(" · "));
    for (name, body) in [("", &task.description), ("Result", &task.result_summary), ("Error", &task.error)] {
        let Some(body) = body.as_deref().filter(|body| !body.trim().is_empty()) else { continue };
        let name = if name.is_empty() { String::new() } else { format!("**{name}**\n\n") };
        text.push_str(&format!("\n{name}{}\n", quote(&clean(body))));
    }
    if !detail.artifacts.is_empty() {
        text.push('\n');
    }
    for artifact in &detail.artifacts {
        let label = artifact.label.as_ref().map(|label| format!(" ({})", one_line(label))).unwrap_or_default();
        text.push_str(&format!("- `{}`{label} sha256 {}\n", artifact.path, artifact.sha256));
    }
    text
}

/// So that what agents wrote can't pass for a part of the report.
fn quote(text: &str) -> String {
    text.trim().lines().map(|line| format!("> {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
