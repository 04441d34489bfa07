//! Who held a task when, as far as their clients could be certain.
//!
//! A claim is certainly held from the moment its client heard of it until the first of: something was sent that may
//! end it, or its lease may be over. The lease runs from the server's moment of the grant or renewal, which lies
//! between sending and hearing, so it certainly runs from the sending. And whatever the lease says: a write that was
//! accepted shows that the claim was held when that write was sent.

use std::collections::BTreeSet;

use mi_core::ids::{ClaimToken, TaskId};

use super::check::{Facts, Grant, OfTask, Written};
use super::deed::{Ask, Deed, Moment, Said, Write};

/// By so much the server's clock, which counts milliseconds, may run ahead of ours.
const CLOCK_SLACK_MICROS: u64 = 10_000;

/// While a claim was certainly held.
struct Span {
    grant: Grant,
    until: Moment,
}

/// Two claims of one task were certainly held at the same moment.
pub(super) fn overlaps(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, of_task) in &facts.tasks {
        let mut spans = certain_spans(facts, *id, of_task);
        spans.sort_by_key(|span| span.grant.heard);
        let mut longest: Option<&Span> = None;
        for span in &spans {
            if let Some(before) = longest.filter(|before| before.until > span.grant.heard) {
                let (first, second) = (before.grant.token, span.grant.token);
                found.push(format!("task {id} was held by claim {first} and by claim {second} at once"));
            }
            if longest.is_none_or(|before| span.until > before.until) {
                longest = Some(span);
            }
        }
    }
    found
}

fn certain_spans(facts: &Facts<'_>, id: TaskId, of_task: &OfTask<'_>) -> Vec<Span> {
    let spans = of_task.grants.iter().map(|grant| Span { grant: *grant, until: held_until(facts, id, of_task, grant) });
    spans.filter(|span| span.until > span.grant.heard).collect()
}

fn held_until(facts: &Facts<'_>, id: TaskId, of_task: &OfTask<'_>, grant: &Grant) -> Moment {
    let own = || of_task.writes.iter().filter(|written| written.token == grant.token);
    let accepted = own().filter(|written| written.deed.said.is_yes() && !is_repeated_end(own(), written));
    let last_accepted = accepted.map(|written| written.deed.begun).max().unwrap_or_default();
    let renewals = own().filter(|written| *written.write == Write::Renew && written.deed.said.is_yes());
    let renewed = renewals.map(|written| written.deed.begun).max().unwrap_or_default();
    let lease = renewed.max(grant.begun).plus(grant.lease_micros.saturating_sub(CLOCK_SLACK_MICROS));
    // What was certainly over before the claim was asked for ended another one.
    let endings = facts.endings(id).into_iter().filter(|deed| deed.over() > grant.begun);
    let ending = endings.filter(|deed| !is_of_another_claim(deed, grant.token)).map(|deed| deed.begun).min();
    last_accepted.max(lease.min(ending.unwrap_or(Moment::NEVER)))
}

/// `done` may be said again when the claim is over.
fn is_repeated_end<'a>(mut own: impl Iterator<Item = &'a Written<'a>>, written: &Written<'_>) -> bool {
    written.write.ends_claim() && own.any(|other| other.write.ends_claim() && other.deed.begun < written.deed.begun)
}

/// An end that was said in the name of another claim ends that one.
fn is_of_another_claim(deed: &Deed, token: ClaimToken) -> bool {
    matches!(&deed.ask, Ask::Write { token: other, .. } if *other != token)
}

/// The server's own record of attempts: each begins when the one before has ended.
pub(super) fn attempts(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, task) in &facts.memory.tasks {
        for pair in task.attempts.windows(2) {
            let [earlier, later] = pair else { continue };
            if later.token <= earlier.token {
                found.push(format!("task {id}: token {} came after token {}", later.token, earlier.token));
            }
            if earlier.ended_at.is_none_or(|ended_at| ended_at > later.started_at) {
                found.push(format!("task {id} ran twice at once: {earlier:?} and {later:?}"));
            }
        }
    }
    found
}

/// A claim that was asked for after another one was heard of has a larger token; no token comes twice.
pub(super) fn tokens(facts: &Facts<'_>) -> Vec<String> {
    let mut grants: Vec<Grant> = facts.tasks.values().flat_map(|of_task| of_task.grants.iter().copied()).collect();
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for grant in grants.iter().filter(|grant| !seen.insert(grant.token)) {
        found.push(format!("token {} was given out twice, the second time for task {}", grant.token, grant.task));
    }
    let mut by_begin = grants.clone();
    by_begin.sort_by_key(|grant| grant.begun);
    grants.sort_by_key(|grant| grant.heard);
    let (mut heard, mut largest) = (grants.iter().peekable(), None);
    for grant in &by_begin {
        while let Some(before) = heard.next_if(|before| before.heard < grant.begun) {
            largest = largest.max(Some(before.token));
        }
        if let Some(largest) = largest.filter(|largest| *largest >= grant.token) {
            found.push(format!("token {} was given out after token {largest}", grant.token));
        }
    }
    found
}

/// A write was accepted although its claim was certainly over: another claim had been granted, it had been ended, or
/// the task had been cancelled.
pub(super) fn stale_writes(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, of_task) in &facts.tasks {
        for written in of_task.writes.iter().filter(|written| written.deed.said.is_yes()) {
            if let Some(why) = certainly_over(facts, *id, of_task, written) {
                let (write, token) = (written.write, written.token);
                found.push(format!("task {id} took {write:?} of claim {token} though {why}"));
            }
        }
    }
    found
}

fn certainly_over(facts: &Facts<'_>, id: TaskId, of_task: &OfTask<'_>, written: &Written<'_>) -> Option<String> {
    let sent = written.deed.begun;
    // An owner may have accepted it as a late result; said again it is the same fact then.
    let decided = |deed: &&Deed| is_other(deed) && deed.begun < written.deed.over();
    if matches!(written.write, Write::Done(_)) && of_task.openings.iter().any(decided) {
        return None;
    }
    let newer = of_task.grants.iter().find(|grant| grant.heard < sent && grant.token > written.token);
    if let Some(newer) = newer {
        return Some(format!("claim {} had been granted", newer.token));
    }
    let own = || of_task.writes.iter().filter(|other| other.token == written.token && other.deed.said.is_yes());
    let is_end = |other: &&Written<'_>| other.write.ends_claim() && other.deed.over() < sent;
    if let Some(end) = own().find(is_end) {
        let again = end.write == written.write && matches!(written.write, Write::Done(_));
        return (!again).then(|| format!("it had ended with {:?}", end.write));
    }
    let grant = of_task.grants.iter().find(|grant| grant.token == written.token)?;
    let cancelled = |deed: &&&Deed| {
        let is_cancel = matches!(deed.ask, Ask::Cancel { .. }) && deed.said.is_yes();
        is_cancel && deed.over() < sent && deed.begun > grant.heard && !said_before(of_task, written, deed)
    };
    let endings = facts.endings(id);
    endings.iter().find(cancelled).map(|_| "it had been cancelled".to_owned())
}

/// The same end may have been taken before the cancellation, by a request whose answer was lost: then it was only said
/// again.
fn said_before(of_task: &OfTask<'_>, written: &Written<'_>, cancel: &Deed) -> bool {
    let same = |other: &&Written<'_>| other.token == written.token && other.write == written.write;
    let in_time = |other: &Written<'_>| other.deed.said.may_have_happened() && other.deed.begun < cancel.over();
    matches!(written.write, Write::Done(_)) && of_task.writes.iter().filter(same).any(in_time)
}

/// A write was refused as stale although its claim was certainly held all the while.
pub(super) fn refused_while_held(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, of_task) in &facts.tasks {
        for written in &of_task.writes {
            let stale = matches!(&written.deed.said, Said::No { code, .. } if code == "stale_claim");
            let Some(grant) = of_task.grants.iter().find(|grant| stale && grant.token == written.token) else {
                continue;
            };
            let held = written.deed.begun > grant.heard && written.deed.over() < held_until(facts, *id, of_task, grant);
            if held {
                found.push(format!("task {id} refused {:?} of claim {}, which held it", written.write, grant.token));
            }
        }
    }
    found
}

/// Two claims finished one task, and nothing in between may have opened it again.
pub(super) fn completions(facts: &Facts<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, of_task) in &facts.tasks {
        let is_done = |written: &&Written<'_>| matches!(written.write, Write::Done(_)) && written.deed.said.is_yes();
        let mut done: Vec<&Written<'_>> = of_task.writes.iter().filter(is_done).collect();
        done.sort_by_key(|written| written.deed.begun);
        for pair in done.windows(2) {
            let [first, second] = pair else { continue };
            let same = first.token == second.token && first.write == second.write;
            if !same && !facts.may_have_reopened(*id, first.deed.begun, second.deed.over()) {
                let (one, two) = (first.token, second.token);
                found.push(format!("task {id} was finished by claim {one} and by claim {two}"));
            }
        }
    }
    found
}

/// A claim was granted although nobody had yet asked to finish something that the task depends on. Only what the
/// recorded clients finish is known; a history in which others finish work is judged by the log alone.
pub(super) fn early_starts(facts: &Facts<'_>) -> Vec<String> {
    if facts.history.iter().any(|deed| matches!(&deed.ask, Ask::Other { what, .. } if what == OTHERS_WORK)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (id, of_task) in &facts.tasks {
        let dependencies = facts.memory.tasks.get(id).map_or(&[][..], |task| task.depends_on.as_slice());
        let Some(first) = of_task.grants.first() else { continue };
        // What it depends on may have been another task then.
        if of_task.openings.iter().any(|deed| is_other(deed)) {
            continue;
        }
        for dependency in dependencies.iter().filter(|it| !may_be_done(facts, **it, first.heard)) {
            found.push(format!("task {id} was claimed before anybody finished task {dependency}"));
        }
    }
    found
}

/// A deed of this name says that others finish tasks too: agents in pods, or the server itself.
pub const OTHERS_WORK: &str = "others work";

/// A task with subtasks may be closed by the server, an edited one may have become done by an operator's word.
fn may_be_done(facts: &Facts<'_>, id: TaskId, before: Moment) -> bool {
    let edited = facts.tasks.get(&id).is_some_and(|of_task| of_task.openings.iter().any(|deed| is_other(deed)));
    if edited || facts.memory.tasks.values().any(|task| task.parent == Some(id)) {
        return true;
    }
    let finishes = |written: &Written<'_>| {
        matches!(written.write, Write::Done(_))
            && written.deed.begun < before
            && matches!(written.deed.said, Said::Yes | Said::Lost)
    };
    facts.tasks.get(&id).is_some_and(|of_task| of_task.writes.iter().any(finishes))
}

fn is_other(deed: &Deed) -> bool {
    matches!(deed.ask, Ask::Other { .. })
}
