//! Tasks, as people see them.

use mi_core::tasks::status::{Status, Verification};
use mi_core::wire::sessions::Used;
use mi_core::wire::tasks::{Artifact, Comment, LateState, Session, Task, TaskDetail, TaskLog, TaskStats};

use super::credits::amount;
use super::{agents, moment, proof, sessions as sessions_view, short_digest, waiting};
use crate::output::{Screen, Tone, clean};
use crate::progress::size;
use crate::table::{Cell, Table};

/// The last lines of a log that a person is shown at once.
const LOGS_SHOWN: usize = 10;

pub fn list(tasks: &[Task], screen: Screen) -> String {
    let mut table = Table::new(&["ID", "STATUS", "TITLE", "AGENT", "KIND", "PRIORITY", "CREDITS", "WHY"]);
    for task in tasks {
        table.row([
            task.id.into(),
            status(task),
            (&task.title).into(),
            Cell::maybe(agent_of(task)),
            task.kind.into(),
            task.priority.into(),
            agents::spent(task.used_with_subtasks.unwrap_or(task.used).cost),
            Cell::maybe(task.why.as_ref().map(|why| waiting::word(&why.code))),
        ]);
    }
    table.render(screen)
}

/// Who has it, or who is to have it.
fn agent_of(task: &Task) -> Option<String> {
    task.claimed_by.as_ref().map(ToString::to_string).or_else(|| task.assigned_agent.clone())
}

/// `done (accepted)`, `running, late`.
fn status_words(task: &Task) -> String {
    let late = if task.late { ", late" } else { "" };
    match task.verification {
        Verification::None => format!("{}{late}", task.status),
        Verification::Pending => match &task.why {
            Some(why) if why.code.starts_with("checks_") => format!("{} (being checked){late}", task.status),
            Some(_) | None => format!("{} (to be verified){late}", task.status),
        },
        Verification::Accepted | Verification::Rejected => format!("{} ({}){late}", task.status, task.verification),
    }
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Queued => Tone::Plain,
        Status::Claimed | Status::Running => Tone::Busy,
        Status::Blocked => Tone::Waiting,
        Status::Done => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Cancelled => Tone::Faint,
    }
}

fn status(task: &Task) -> Cell {
    Cell::toned(status_words(task), tone(task.status))
}

/// `7  queued  Find bugs (reviewer)`.
pub fn line(task: &Task, screen: Screen) -> String {
    let words = screen.paint.tint(tone(task.status), &status_words(task));
    let agent = agent_of(task).map(|name| format!(" ({name})")).unwrap_or_default();
    clean_line(&format!("{}  {words}  ", task.id), &format!("{}{agent}", task.title))
}

/// Our own part may hold colours, the other may not.
fn clean_line(ours: &str, theirs: &str) -> String {
    format!("{ours}{}", clean(theirs).replace('\n', " "))
}

/// Where it stands and what it waits for, in one line.
pub fn standing(task: &Task, screen: Screen) -> String {
    let words = screen.paint.tint(tone(task.status), &status_words(task));
    let by = task.claimed_by.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
    let why = task.why.as_ref().map(|why| format!(": {}", why.message)).unwrap_or_default();
    clean_line(&format!("task {} {words}", task.id), &format!("{by}{why}"))
}

pub fn why(task: &Task) -> String {
    let message = match &task.why {
        Some(why) => format!("{} ({})", why.message, why.code),
        None => format!("it waits for nothing: it is {}", status_words(task)),
    };
    let mut text = format!("task {}: {}", task.id, clean(&message));
    if let Some(late) = &task.why_late {
        text.push_str(&format!("\nlate: {} ({})", clean(&late.message), late.code));
    }
    text
}

pub fn claimed(task: &Option<Task>, screen: Screen) -> String {
    let Some(task) = task else { return "no task is ready".to_owned() };
    let mut text = line(task, screen);
    if let Some(claim) = &task.claim {
        let until = moment(claim.lease_expires_at);
        text.push_str(&format!("\nclaim {} until {until}", claim.token));
    }
    text
}

pub fn stats(stats: &TaskStats, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    for (name, count) in [
        ("queued", stats.queued),
        ("claimed", stats.claimed),
        ("running", stats.running),
        ("blocked", stats.blocked),
        ("done", stats.done),
        ("failed", stats.failed),
        ("cancelled", stats.cancelled),
        ("total", stats.total),
    ] {
        facts.fact(name, count);
    }
    facts.render(screen)
}

/// The task with everything that hangs on it.
pub fn detail(detail: &TaskDetail, screen: Screen) -> String {
    let task = &detail.task;
    let title = screen.paint.tint(Tone::Strong, &format!("#{} {}", task.id, clean(&task.title)));
    let mut text = format!("{title}\n{}", facts(task, screen));
    let mut section = |name: &str, body: String| {
        if !body.trim().is_empty() {
            let head = screen.paint.tint(Tone::Strong, name);
            text.push_str(&format!("\n{head}\n{}\n", body.trim_end()));
        }
    };
    section("description", clean(task.description.as_deref().unwrap_or_default()).into_owned());
    section("result", clean(task.result_summary.as_deref().unwrap_or_default()).into_owned());
    section("error", clean(task.error.as_deref().unwrap_or_default()).into_owned());
    section("subtasks", if detail.subtasks.is_empty() { String::new() } else { list(&detail.subtasks, screen) });
    section(
        "artifacts",
        if detail.artifacts.is_empty() { String::new() } else { artifacts(&detail.artifacts, screen) },
    );
    section("checks", detail.checks.iter().map(|check| super::checks::line(check, screen) + "\n").collect());
    section("judgements", detail.reviews.iter().map(|review| proof::verdict(review) + "\n").collect());
    section("late results", waiting_late(detail, screen));
    section("comments", detail.comments.iter().map(|comment| comment_line(comment, screen) + "\n").collect());
    section("attempts", if detail.sessions.is_empty() { String::new() } else { sessions(&detail.sessions, screen) });
    let hidden = detail.logs.len().saturating_sub(LOGS_SHOWN);
    let name = if hidden > 0 { format!("log (last {LOGS_SHOWN})") } else { "log".to_owned() };
    section(&name, detail.logs[hidden..].iter().map(|log| log_line(log, screen) + "\n").collect());
    text
}

/// Those that nobody has decided about, with the way to decide.
fn waiting_late(detail: &TaskDetail, screen: Screen) -> String {
    let waiting: Vec<_> = detail.late_results.iter().filter(|late| late.state == LateState::Waiting).cloned().collect();
    if waiting.is_empty() {
        return String::new();
    }
    let id = detail.task.id;
    let how = format!("mi tasks late accept {id} N lets one count, mi tasks late drop {id} N lets it go");
    format!("{}{}", proof::late_results(&waiting, screen), screen.paint.tint(Tone::Faint, &how))
}

fn facts(task: &Task, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("status", status(task));
    if let Some(why) = &task.why {
        facts.fact("why", &why.message);
    }
    if let Some(end) = waiting::end_of_block(task) {
        facts.fact("block", end);
    }
    if let Some(late) = &task.why_late {
        facts.fact("late", Cell::toned(&late.message, Tone::Bad));
    }
    facts.fact("kind", task.kind);
    facts.fact("priority", task.priority);
    let tools = (!task.required_tools.is_empty()).then(|| task.required_tools.join(", "));
    for (name, value) in [
        ("name", task.name.as_ref().map(ToString::to_string)),
        ("part of", task.parent_id.map(|id| format!("#{id}"))),
        ("judges", task.verifies.map(|id| format!("#{id}"))),
        ("depends on", task.depends_on.clone().filter(|ids| !ids.is_empty())),
        ("needs", tools),
        ("assigned to", task.assigned_agent.clone()),
        ("claimed by", task.claimed_by.as_ref().map(ToString::to_string)),
        ("held until", task.lease_expires_at.map(moment)),
        ("not before", task.not_before.map(moment)),
        ("deadline", task.deadline.map(moment)),
    ] {
        if let Some(value) = value {
            facts.fact(name, value);
        }
    }
    facts.fact("attempts", format!("{} of {}", task.attempts, task.max_attempts));
    if task.used != Used::default() {
        facts.fact("tokens", sessions_view::tokens(&task.used));
        facts.fact("credits", amount(task.used.cost));
    }
    if let Some(all) = task.used_with_subtasks.filter(|all| *all != task.used) {
        facts.fact("with subtasks", format!("{} credits, {}", amount(all.cost), sessions_view::tokens(&all)));
    }
    facts.fact("created", format!("{} by {}", moment(task.created_at), task.created_by));
    if let Some(at) = task.completed_at {
        facts.fact("completed", moment(at));
    }
    facts.render(screen)
}

pub fn artifacts(artifacts: &[Artifact], screen: Screen) -> String {
    let mut table = Table::new(&["PATH", "KIND", "SIZE", "SHA256", "NOW", "BY", "LABEL"]);
    for artifact in artifacts {
        table.row([
            (&artifact.path).into(),
            (&artifact.kind).into(),
            size(artifact.size.unsigned_abs()).into(),
            short_digest(&artifact.sha256).into(),
            proof::state(artifact).into(),
            (&artifact.created_by).into(),
            Cell::maybe(artifact.label.as_ref()),
        ]);
    }
    table.render(screen)
}

fn sessions(sessions: &[Session], screen: Screen) -> String {
    let mut table = Table::new(&["ATTEMPT", "AGENT", "STATE", "HARNESS", "MODEL", "TOKENS", "CREDITS", "STARTED"]);
    for session in sessions {
        table.row([
            Cell::maybe(session.attempt),
            (&session.agent).into(),
            (&session.state).into(),
            (&session.harness).into(),
            Cell::maybe(session.model.as_ref()),
            (session.input_tokens + session.output_tokens).into(),
            amount(session.cost).into(),
            moment(session.started_at).into(),
        ]);
    }
    table.render(screen)
}

pub fn log_line(log: &TaskLog, screen: Screen) -> String {
    let head = screen.paint.tint(Tone::Faint, &format!("{}  {}", moment(log.created_at), log.agent));
    clean_line(&format!("{head}  "), &log.message)
}

fn comment_line(comment: &Comment, screen: Screen) -> String {
    let head = screen.paint.tint(Tone::Faint, &format!("{}  {}", moment(comment.created_at), comment.agent));
    format!("{head}  {}", clean(&comment.message))
}
