//! What was acknowledged is there in the end, what was refused is not.

use std::collections::{BTreeMap, BTreeSet};

use mi_core::ids::{ClaimToken, TaskId};
use mi_core::tasks::status::Status;

use super::check::{Facts, Written};
use super::deed::{Ask, Deed, Moment, Said, Write};
use super::memory::Remembered;

/// Each task that was acknowledged is there under its number, as it was; no request made two.
pub(super) fn creates(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (deed, title) in created(facts) {
        let Said::Created(id) = deed.said else { continue };
        match facts.memory.tasks.get(&id) {
            None => found.push(format!("task {id} was acknowledged and is missing")),
            // A title may be edited.
            Some(task) if task.title != *title && !may_be_edited(facts, id) => {
                found.push(format!("task {id} was acknowledged as {title:?} and is {:?}", task.title));
            }
            Some(_) => {}
        }
    }
    let mut titles: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, title) in created(facts) {
        *titles.entry(title).or_default() += 1;
    }
    let mut there: BTreeMap<&str, usize> = BTreeMap::new();
    for task in facts.memory.tasks.values() {
        *there.entry(task.title.as_str()).or_default() += 1;
    }
    let twice = there.iter().filter(|(title, count)| titles.get(*title).is_some_and(|asked| *count > asked));
    found.extend(twice.map(|(title, count)| format!("{title:?} was created {count} times")));
    found
}

fn created<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a Deed, &'a String)> {
    facts.history.iter().filter_map(|deed| match &deed.ask {
        Ask::Create { title, .. } => Some((deed, title)),
        Ask::Claim { .. }
        | Ask::Write { .. }
        | Ask::Verify { .. }
        | Ask::Retry { .. }
        | Ask::Cancel { .. }
        | Ask::Other { .. } => None,
    })
}

fn may_be_edited(facts: &Facts<'_>, id: TaskId) -> bool {
    let other = |deed: &&Deed| matches!(deed.ask, Ask::Other { .. });
    facts.tasks.get(&id).is_some_and(|of_task| of_task.openings.iter().any(other))
}

pub(super) fn refused_creates(facts: &Facts<'_>) -> Vec<String> {
    let there: BTreeSet<&str> = facts.memory.tasks.values().map(|task| task.title.as_str()).collect();
    let possible: BTreeSet<&str> =
        created(facts).filter(|(deed, _)| deed.said.may_have_happened()).map(|(_, title)| title.as_str()).collect();
    let refused = created(facts).filter(|(deed, _)| matches!(deed.said, Said::No { .. }));
    refused
        .filter(|(_, title)| there.contains(title.as_str()) && !possible.contains(title.as_str()))
        .map(|(_, title)| format!("{title:?} was refused and is there"))
        .collect()
}

/// The last acknowledged end of a task still stands, unless something may have opened the task again or cancelled it.
pub(super) fn ends(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, of_task) in &facts.tasks {
        let is_end = |written: &&Written<'_>| {
            matches!(written.write, Write::Done(_) | Write::Fail(_)) && written.deed.said.is_yes()
        };
        let Some(last) = of_task.writes.iter().filter(is_end).max_by_key(|written| written.deed.begun) else {
            continue;
        };
        if facts.may_have_reopened(*id, last.deed.begun, Moment::NEVER) {
            continue;
        }
        let stands = facts.memory.tasks.get(id).is_some_and(|task| is_there(task, last.write));
        if !stands {
            let now = facts.memory.tasks.get(id).map(|task| (task.status, &task.result, &task.error));
            found.push(format!("claim {} ended task {id} with {:?}, which is {now:?}", last.token, last.write));
        }
    }
    found
}

fn is_there(task: &Remembered, write: &Write) -> bool {
    match write {
        Write::Done(result) => task.status == Status::Done && task.result.as_deref() == Some(result.trim()),
        Write::Fail(error) => task.status == Status::Failed && task.error.as_deref() == Some(error.trim()),
        Write::Renew
        | Write::Start
        | Write::Log(_)
        | Write::Comment(_)
        | Write::Artifact(_)
        | Write::Split
        | Write::Block
        | Write::Release => true,
    }
}

/// Notes are compared where the office told of them; their texts differ from each other.
pub(super) fn notes(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, of_task) in &facts.tasks {
        let Some(task) = facts.memory.tasks.get(id) else { continue };
        let notes: BTreeSet<&str> = task.notes.iter().chain(&task.artifacts).map(String::as_str).collect();
        for written in of_task.writes.iter().filter(|written| written.deed.said.is_yes()) {
            let (Write::Log(text) | Write::Comment(text) | Write::Artifact(text)) = written.write else { continue };
            if !notes.contains(text.as_str()) {
                found.push(format!("task {id}: {text:?} of claim {} was acknowledged and is missing", written.token));
            }
        }
    }
    found
}

pub(super) fn results(facts: &Facts<'_>) -> Vec<String> {
    let blank = |text: Option<&str>| text.is_none_or(|text| text.trim().is_empty());
    let there = facts.memory.tasks.iter();
    let there = there.filter(|(_, task)| task.status == Status::Done && blank(task.result.as_deref()));
    let mut found: Vec<String> = there.map(|(id, _)| format!("task {id} is done without a result")).collect();
    for (id, of_task) in &facts.tasks {
        for written in of_task.writes.iter().filter(|written| written.deed.said.is_yes()) {
            if matches!(written.write, Write::Done(result) if blank(Some(result))) {
                found.push(format!("task {id}: claim {} was allowed to be done without a result", written.token));
            }
        }
    }
    found
}

/// Creations, claims and ends that were acknowledged have their event.
pub(super) fn events(facts: &Facts<'_>) -> Vec<String> {
    let log = &facts.memory.events;
    let told = |kind: &str| -> BTreeSet<(TaskId, Option<ClaimToken>)> {
        let events = log.iter().filter(|event| event.kind == kind);
        events.filter_map(|event| Some((event.task_id?, event.data["session"].as_i64().map(ClaimToken)))).collect()
    };
    let (claims, mut finishes, fails) = (told("tasks.claim"), told("tasks.finish"), told("tasks.fail"));
    // `done` said again after its late result was accepted is the same fact.
    finishes.extend(told("tasks.accept_late"));
    let creations: BTreeSet<TaskId> = told("tasks.create").into_iter().map(|(id, _)| id).collect();
    let mut missing = Vec::new();
    for deed in facts.history.iter().filter(|deed| deed.said.is_yes()) {
        match (&deed.ask, &deed.said) {
            (_, Said::Created(id)) if !creations.contains(id) => missing.push(format!("the creation of task {id}")),
            (_, Said::Granted { task, token, .. }) if !claims.contains(&(*task, Some(*token))) => {
                missing.push(format!("claim {token} of task {task}"));
            }
            (Ask::Write { task, token, write: Write::Done(_) }, _) if !finishes.contains(&(*task, Some(*token))) => {
                missing.push(format!("the end of task {task} by claim {token}"));
            }
            (Ask::Write { task, token, write: Write::Fail(_) }, _) if !fails.contains(&(*task, Some(*token))) => {
                missing.push(format!("the failure of task {task} by claim {token}"));
            }
            _ => {}
        }
    }
    missing.into_iter().map(|what| format!("{what} has no event")).collect()
}
