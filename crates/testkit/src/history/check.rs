//! All rules, and the facts that they share.

use std::collections::BTreeMap;
use std::fmt;

use mi_core::ids::{ClaimToken, TaskId};

use super::deed::{Ask, Deed, Ending, Moment, Said, Write};
use super::memory::Memory;
use super::{kept, spans, story};

/// What must never be, and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub rule: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// One promise, and the function that finds where it was broken.
pub struct Rule {
    pub name: &'static str,
    find: fn(&Facts<'_>) -> Vec<String>,
}

const fn rule(name: &'static str, find: fn(&Facts<'_>) -> Vec<String>) -> Rule {
    Rule { name, find }
}

pub const RULES: [Rule; 18] = [
    rule("no acknowledged create is lost", kept::creates),
    rule("what was refused isn't there", kept::refused_creates),
    rule("no acknowledged end is lost", kept::ends),
    rule("no acknowledged note is lost", kept::notes),
    rule("done has a result", kept::results),
    rule("what was acknowledged is in the log", kept::events),
    rule("claims of one task never overlap", spans::overlaps),
    rule("attempts of one task never overlap", spans::attempts),
    rule("tokens rise", spans::tokens),
    rule("no stale write is accepted", spans::stale_writes),
    rule("no live claim is refused", spans::refused_while_held),
    rule("one completion a generation", spans::completions),
    rule("no start before its dependencies", spans::early_starts),
    rule("events have no gap", story::gaps),
    rule("the log tells a legal story", story::moves),
    rule("attempts are counted", story::attempts),
    rule("dependencies come first in the log", story::dependencies),
    rule("nobody reviews the own work", story::reviews),
];

/// Everything that is wrong with a run; nothing if it may have happened as promised.
pub fn check(history: &[Deed], memory: &Memory) -> Vec<Violation> {
    let facts = Facts::new(history, memory);
    RULES
        .iter()
        .flat_map(|rule| (rule.find)(&facts).into_iter().map(|what| Violation { rule: rule.name, what }))
        .collect()
}

/// A claim that was granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    pub task: TaskId,
    pub token: ClaimToken,
    pub begun: Moment,
    /// When its client heard of it.
    pub heard: Moment,
    pub lease_micros: u64,
}

/// A write in the name of a claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'a> {
    pub token: ClaimToken,
    pub write: &'a Write,
    pub deed: &'a Deed,
}

/// What happened around one task.
#[derive(Default)]
pub(super) struct OfTask<'a> {
    /// In the order in which their clients heard of them.
    pub grants: Vec<Grant>,
    pub writes: Vec<Written<'a>>,
    /// What may have ended a claim of it.
    pub endings: Vec<&'a Deed>,
    /// What may have begun a new generation of it.
    pub openings: Vec<&'a Deed>,
    /// The same of anything below it.
    pub openings_below: Vec<&'a Deed>,
}

/// The history by tasks.
pub(super) struct Facts<'a> {
    pub history: &'a [Deed],
    pub memory: &'a Memory,
    pub tasks: BTreeMap<TaskId, OfTask<'a>>,
    /// Deeds that may have ended any claim.
    pub endings_of_all: Vec<&'a Deed>,
}

impl<'a> Facts<'a> {
    fn new(history: &'a [Deed], memory: &'a Memory) -> Self {
        let mut facts = Self { history, memory, tasks: BTreeMap::new(), endings_of_all: Vec::new() };
        for deed in history {
            facts.note_claim(deed);
            facts.note_effects(deed);
        }
        for of_task in facts.tasks.values_mut() {
            of_task.grants.sort_by_key(|grant| (grant.heard, grant.token));
        }
        facts
    }

    fn of(&mut self, task: TaskId) -> &mut OfTask<'a> {
        self.tasks.entry(task).or_default()
    }

    fn note_claim(&mut self, deed: &'a Deed) {
        if let Said::Granted { task, token, lease_micros } = deed.said {
            let grant = Grant { task, token, begun: deed.begun, heard: deed.over(), lease_micros };
            self.of(task).grants.push(grant);
        }
        if let Ask::Write { task, token, write } = &deed.ask {
            self.of(*task).writes.push(Written { token: *token, write, deed });
        }
    }

    fn note_effects(&mut self, deed: &'a Deed) {
        if !deed.said.may_have_happened() {
            return;
        }
        match deed.may_end() {
            Ending::Nothing => {}
            Ending::Task(task) | Ending::ClaimOf(task) => self.of(task).endings.push(deed),
            Ending::EveryClaim => self.endings_of_all.push(deed),
        }
        match &deed.ask {
            Ask::Retry { task }
            | Ask::Verify { task, accepted: false }
            | Ask::Create { parent: Some(task), .. }
            | Ask::Write { task, write: Write::Split, .. }
            | Ask::Other { may_end: Ending::Task(task), .. } => self.note_opening(*task, deed),
            Ask::Create { parent: None, .. }
            | Ask::Claim { .. }
            | Ask::Write { .. }
            | Ask::Verify { .. }
            | Ask::Cancel { .. }
            | Ask::Other { may_end: Ending::Nothing | Ending::ClaimOf(_) | Ending::EveryClaim, .. } => {}
        }
    }

    /// A subtask that is opened again opens those above it.
    fn note_opening(&mut self, task: TaskId, deed: &'a Deed) {
        self.of(task).openings.push(deed);
        let mut at = self.parent(task);
        for _ in 0..=self.memory.tasks.len() {
            let Some(above) = at else { return };
            self.of(above).openings_below.push(deed);
            at = self.parent(above);
        }
    }

    fn parent(&self, task: TaskId) -> Option<TaskId> {
        self.memory.tasks.get(&task).and_then(|task| task.parent)
    }

    /// Deeds that may have ended a claim of `task`: of its own, of an ancestor that takes it along, of everybody's.
    pub fn endings(&self, task: TaskId) -> Vec<&'a Deed> {
        let mut found: Vec<&Deed> = self.endings_of_all.clone();
        let mut at = Some(task);
        for _ in 0..=self.memory.tasks.len() {
            let Some(id) = at else { break };
            if let Some(of_task) = self.tasks.get(&id) {
                let takes_along = |deed: &&&Deed| id == task || matches!(deed.ask, Ask::Cancel { .. });
                found.extend(of_task.endings.iter().filter(takes_along));
            }
            at = self.memory.tasks.get(&id).and_then(|task| task.parent);
        }
        found
    }

    /// Whether a new generation of `task` may have begun between two moments.
    pub fn may_have_reopened(&self, task: TaskId, from: Moment, until: Moment) -> bool {
        let between = |deed: &&Deed| deed.begun < until && deed.over() > from;
        let own = self
            .tasks
            .get(&task)
            .is_some_and(|of_task| of_task.openings.iter().chain(&of_task.openings_below).any(&between));
        own || self.retried_from_above(task, &between)
    }

    /// Retrying a container retries its parts.
    fn retried_from_above(&self, task: TaskId, between: &impl Fn(&&Deed) -> bool) -> bool {
        let mut at = self.memory.tasks.get(&task).and_then(|task| task.parent);
        for _ in 0..=self.memory.tasks.len() {
            let Some(id) = at else { return false };
            let retries = self.tasks.get(&id).map_or(&[][..], |of_task| of_task.openings.as_slice());
            if retries.iter().any(|deed| matches!(deed.ask, Ask::Retry { .. }) && between(deed)) {
                return true;
            }
            at = self.memory.tasks.get(&id).and_then(|task| task.parent);
        }
        false
    }
}
