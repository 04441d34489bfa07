//! What the office's event log tells, read from its beginning like a story.
//!
//! The log is written in the transactions of the acts themselves, so its order is the order of the acts. Of an event
//! that is not known here only this is assumed: afterwards the task may stand anywhere.

use std::collections::{BTreeMap, BTreeSet};

use mi_core::ids::{ClaimToken, TaskId};
use mi_core::wire::events::Event;

use super::check::Facts;

/// Where a task stands in the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Queued,
    Held(ClaimToken),
    Blocked,
    Done,
    Failed,
    Cancelled,
    Unknown,
}

/// A task while the story is told.
#[derive(Debug, Clone)]
struct Character {
    stand: Stand,
    attempts: i64,
    /// Completions since it was created or opened again.
    completions: usize,
    worker: String,
}

/// One thing that a task did, with what led to it.
struct Step<'a> {
    event: &'a Event,
    id: TaskId,
    before: Option<&'a Character>,
    after: &'a Character,
    all: &'a BTreeMap<TaskId, Character>,
}

fn session_of(event: &Event) -> Option<ClaimToken> {
    event.data["session"].as_i64().map(ClaimToken)
}

/// Tells the story to `listen`, who may find fault with each step.
fn tell(facts: &Facts<'_>, listen: impl Fn(&Step<'_>) -> Option<String>) -> Vec<String> {
    let mut characters: BTreeMap<TaskId, Character> = BTreeMap::new();
    let mut found = Vec::new();
    for event in &facts.memory.events {
        let Some(id) = event.task_id.filter(|_| event.kind.starts_with("tasks.")) else { continue };
        let before = characters.get(&id).cloned();
        let after = next(event, before.as_ref());
        let step = Step { event, id, before: before.as_ref(), after: &after, all: &characters };
        found.extend(listen(&step).map(|what| format!("event {}: {what}", event.seq)));
        characters.insert(id, after);
    }
    found
}

fn next(event: &Event, before: Option<&Character>) -> Character {
    let new = || Character { stand: Stand::Queued, attempts: 0, completions: 0, worker: String::new() };
    let mut it = before.cloned().unwrap_or_else(new);
    match event.kind.as_str() {
        "tasks.create" => it = new(),
        "tasks.claim" => {
            it.stand = session_of(event).map_or(Stand::Unknown, Stand::Held);
            it.attempts += 1;
            it.worker.clone_from(&event.actor);
        }
        "tasks.start" | "tasks.comment" | "tasks.artifact" | "tasks.keep_late" | "tasks.drop_late" => {}
        // Other dependencies may block a task or set it free.
        "tasks.edit" if matches!(it.stand, Stand::Queued | Stand::Blocked) => it.stand = Stand::Unknown,
        "tasks.edit" => {}
        // Whatever it was: the owner let a lost attempt count.
        "tasks.accept_late" => {
            it = Character { stand: Stand::Done, completions: 1, worker: String::new(), ..it };
        }
        "tasks.finish" | "tasks.close" => {
            it.stand = if event.summary.ends_with("closed: failed") { Stand::Failed } else { Stand::Done };
            it.completions += 1;
        }
        "tasks.fail" => it.stand = Stand::Failed,
        "tasks.block" => {
            it.attempts -= i64::from(matches!(it.stand, Stand::Held(_)));
            it.stand = Stand::Blocked;
        }
        "tasks.unblock" => it.stand = Stand::Queued,
        "tasks.release" => {
            it.attempts -= 1;
            it.stand = Stand::Queued;
        }
        // "task 3 failed after 3 attempts: …", else "task 3 attempt 1 lost: …".
        "tasks.lose" => {
            let last = event.summary.split(' ').nth(2) == Some("failed");
            it.stand = if last { Stand::Failed } else { Stand::Queued };
        }
        "tasks.cancel" => it.stand = Stand::Cancelled,
        "tasks.verify" if event.summary.contains("accepted") => {}
        "tasks.verify" | "tasks.retry" | "tasks.reopen" => {
            it = Character { stand: Stand::Queued, attempts: 0, completions: 0, ..it };
        }
        _ => it.stand = Stand::Unknown,
    }
    it
}

/// Numbers rise by one from the first, times never fall.
pub(super) fn gaps(facts: &Facts<'_>) -> Vec<String> {
    let events = &facts.memory.events;
    let first = events.first().filter(|event| event.seq != 1);
    let mut found: Vec<String> =
        first.map(|event| format!("the log begins with event {}", event.seq)).into_iter().collect();
    for pair in events.windows(2) {
        let [earlier, later] = pair else { continue };
        if later.seq != earlier.seq + 1 {
            found.push(format!("event {} is followed by event {}", earlier.seq, later.seq));
        }
        if later.created_at < earlier.created_at {
            found.push(format!("event {} is older than event {}", later.seq, earlier.seq));
        }
    }
    found
}

/// Only a queued task is claimed, only a held one finished, and only by its holder; once a generation.
pub(super) fn moves(facts: &Facts<'_>) -> Vec<String> {
    tell(facts, |step| {
        let (id, kind) = (step.id, step.event.kind.as_str());
        let Some(before) = step.before else {
            return (kind != "tasks.create").then(|| format!("{kind} of task {id}, which was never created"));
        };
        let token = session_of(step.event);
        match (kind, before.stand) {
            ("tasks.create", _) => Some(format!("task {id} was created twice")),
            ("tasks.claim", Stand::Queued | Stand::Unknown) | (_, Stand::Unknown) => None,
            ("tasks.claim", stand) => Some(format!("task {id} was claimed while it was {stand:?}")),
            ("tasks.finish" | "tasks.fail" | "tasks.lose" | "tasks.release", Stand::Held(holder)) => {
                let foreign = token.filter(|token| *token != holder);
                foreign.map(|token| format!("claim {token} did {kind} to task {id}, which claim {holder} held"))
            }
            ("tasks.finish" | "tasks.fail" | "tasks.lose" | "tasks.release", stand) => {
                Some(format!("{kind} of task {id} while it was {stand:?}"))
            }
            _ if step.after.completions > 1 => Some(format!("task {id} was completed twice")),
            _ => None,
        }
    })
}

/// Every claim is one attempt more than there were, and lost ones stay counted: never more than the task may have.
pub(super) fn attempts(facts: &Facts<'_>) -> Vec<String> {
    tell(facts, |step| {
        let told = step.event.data["attempt"].as_i64().filter(|_| step.event.kind == "tasks.claim")?;
        let unknown = step.before.is_none_or(|before| before.stand == Stand::Unknown);
        let counted = step.after.attempts;
        if told != counted && !unknown {
            return Some(format!("task {} was claimed as attempt {told}, it is number {counted}", step.id));
        }
        let most = facts.memory.tasks.get(&step.id)?.max_attempts;
        (told > most).then(|| format!("task {} got attempt {told} of {most}", step.id))
    })
}

/// What a task depends on is done when it is claimed.
pub(super) fn dependencies(facts: &Facts<'_>) -> Vec<String> {
    // What an edited task depended on when it was claimed, nobody knows any more.
    let edits = facts.memory.events.iter().filter(|event| event.kind == "tasks.edit");
    let edited: BTreeSet<TaskId> = edits.filter_map(|event| event.task_id).collect();
    tell(facts, |step| {
        if step.event.kind != "tasks.claim" || edited.contains(&step.id) {
            return None;
        }
        let task = facts.memory.tasks.get(&step.id)?;
        let is_open = |id: &&TaskId| {
            let stand = step.all.get(id).map_or(Stand::Queued, |it| it.stand);
            !matches!(stand, Stand::Done | Stand::Unknown)
        };
        let early = task.depends_on.iter().find(is_open)?;
        let stand = step.all.get(early).map_or(Stand::Queued, |it| it.stand);
        Some(format!("task {} was claimed while task {early} was {stand:?}", step.id))
    })
}

pub(super) fn reviews(facts: &Facts<'_>) -> Vec<String> {
    tell(facts, |step| {
        let worker = step.before.map_or("", |before| before.worker.as_str());
        let own = step.event.kind == "tasks.verify" && !worker.is_empty() && step.event.actor == worker;
        own.then(|| format!("{worker} verified task {}, its own work", step.id))
    })
}
