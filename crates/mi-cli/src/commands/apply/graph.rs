//! The declared tasks as a graph: every name known, no circle, each after all that it names.

use std::collections::{BTreeMap, BTreeSet};

use mi_core::ids::TaskName;

use super::declared::Task;
use super::fields::{Complaints, did_you_mean};
use super::yaml::Place;

/// A task whose references are still words.
#[derive(Debug)]
pub struct Draft {
    pub task: Task,
    pub parent: Option<(String, Place)>,
    pub depends_on: Vec<(String, Place)>,
}

/// The tasks in an order in which they can be created; what can't be is complained about.
pub fn ordered(drafts: Vec<Draft>, complaints: &mut Complaints) -> Vec<Task> {
    let names: BTreeSet<TaskName> = drafts.iter().map(|draft| draft.task.name.clone()).collect();
    let tasks: Vec<Task> = drafts.into_iter().map(|draft| resolve(draft, &names, complaints)).collect();
    if let Some(circle) = circle(&tasks, waits_for) {
        complain(&tasks, &circle, "would wait for each other", complaints);
    } else if let Some(circle) = circle(&tasks, comes_after) {
        complain(&tasks, &circle, "name each other, so that none can be created first", complaints);
    }
    sorted(tasks)
}

fn resolve(draft: Draft, names: &BTreeSet<TaskName>, complaints: &mut Complaints) -> Task {
    let mut known = |(text, at): (String, Place), role: &str| {
        let found = names.iter().find(|name| name.as_str() == text).cloned();
        if found.is_none() {
            let hint = did_you_mean(&text, names.iter().map(TaskName::as_str));
            complaints
                .add(at, format!("task {} {role} {text:?}, which the file doesn't declare{hint}", draft.task.name));
        }
        found
    };
    let parent = draft.parent.and_then(|parent| known(parent, "is part of"));
    let mut depends_on: Vec<TaskName> = Vec::new();
    for dependency in draft.depends_on {
        if let Some(name) = known(dependency, "depends on").filter(|name| !depends_on.contains(name)) {
            depends_on.push(name);
        }
    }
    Task { parent, depends_on, ..draft.task }
}

type Edges = BTreeMap<TaskName, Vec<TaskName>>;

/// A task waits for its dependencies, and a parent for its parts.
fn waits_for(tasks: &[Task]) -> Edges {
    let mut edges: Edges = tasks.iter().map(|task| (task.name.clone(), task.depends_on.clone())).collect();
    for task in tasks {
        if let Some(parent) = task.parent.as_ref().and_then(|parent| edges.get_mut(parent)) {
            parent.push(task.name.clone());
        }
    }
    edges
}

/// What has to be there before a task can be created.
fn comes_after(tasks: &[Task]) -> Edges {
    let before = |task: &Task| task.depends_on.iter().chain(&task.parent).cloned().collect();
    tasks.iter().map(|task| (task.name.clone(), before(task))).collect()
}

fn complain(tasks: &[Task], circle: &[TaskName], what: &str, complaints: &mut Complaints) {
    let at = tasks.iter().find(|task| Some(&task.name) == circle.first()).map(|task| task.at).unwrap_or_default();
    let names: Vec<&str> = circle.iter().chain(circle.first()).map(TaskName::as_str).collect();
    complaints.add(at, format!("these tasks {what}: {}", names.join(" → ")));
}

/// One circle, if there is any: what can't be taken away from the leaves on stands on one, or behind one.
fn circle(tasks: &[Task], edges: impl Fn(&[Task]) -> Edges) -> Option<Vec<TaskName>> {
    let mut edges = edges(tasks);
    loop {
        let free: Vec<TaskName> = edges
            .iter()
            .filter(|(_, to)| to.iter().all(|name| !edges.contains_key(name)))
            .map(|(n, _)| n.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        edges.retain(|name, _| !free.contains(name));
    }
    let mut path: Vec<TaskName> = vec![edges.keys().next()?.clone()];
    loop {
        let next = edges.get(path.last()?)?.iter().find(|name| edges.contains_key(name))?.clone();
        if let Some(start) = path.iter().position(|name| *name == next) {
            return Some(path.split_off(start));
        }
        path.push(next);
    }
}

/// As in the file, except that what a task names comes first. Tasks of a circle keep their places.
fn sorted(tasks: Vec<Task>) -> Vec<Task> {
    let mut left = tasks;
    let mut sorted: Vec<Task> = Vec::with_capacity(left.len());
    loop {
        let is_open = |name: &TaskName| left.iter().any(|task| task.name == *name);
        let Some(next) = left.iter().position(|task| !task.depends_on.iter().chain(&task.parent).any(is_open)) else {
            sorted.append(&mut left);
            return sorted;
        };
        sorted.push(left.remove(next));
    }
}
