//! What a move carries along: counters, readiness, the parent, the dependents.
//!
//! Every change of a task's status passes through [`settle`], so that the
//! materialised facts (open subtasks, open dependencies, ready) can't drift.

use mi_core::ids::{AgentName, TaskId};
use mi_core::limits::SPLIT_ROUNDS_MAX;
use mi_core::tasks::machine::Move;
use mi_core::tasks::rules::{AfterLoss, ContainerOutcome, Part, after_loss, container_outcome};
use mi_core::tasks::status::{BlockedKind, Status, Verification};
use serde_json::{Value, json};

use super::calls;
use super::chain;
use super::reviewers;
use super::service::ARTIFACTS_SHOWN_MAX;
use super::store::{self, TaskRow};
use super::times;
use crate::checks;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent};
use crate::infra::fault::{self, Fault};
use crate::infra::keys::sha256_hex;
use crate::infra::wakeups::Wake;
use crate::sessions;

/// Where a task stood before a move.
#[derive(Debug, Clone, Copy)]
struct Before {
    status: Status,
    open: bool,
    accepted: bool,
}

/// Loads a task that must exist.
pub fn need(act: &mut Act<'_>, id: TaskId) -> Result<TaskRow, Fault> {
    store::get(act.tx, act.office, id)?.ok_or_else(|| fault::no_such_task(id))
}

/// Moves `task` to `to` (already judged by the machine) and saves it with all that follows.
/// The caller has set the fields that belong to the new status.
pub fn settle(act: &mut Act<'_>, task: &mut TaskRow, from: (Status, Verification), to: Status) -> Result<(), Fault> {
    shift(act, task, from, to)?;
    close_if_due(act, task.id)
}

/// As [`settle`], but a container stays open even if none of its parts is: the caller brings some back and then calls
/// [`close_if_due`].
pub fn shift(act: &mut Act<'_>, task: &mut TaskRow, from: (Status, Verification), to: Status) -> Result<(), Fault> {
    let to = if to == Status::Queued { to_the_queue(act, task)? } else { to };
    checks::service::follow(act, task, from, to)?;
    let before = Before { status: from.0, open: from.0.is_open(from.1), accepted: from.0.is_accepted(from.1) };
    if before.open {
        times::note(act, task)?;
    }
    task.status = to;
    task.updated_at = act.now;
    task.completed_at = if task.is_open() { None } else { Some(act.now) };
    if to == Status::Queued {
        task.claimed_by = None;
        task.session = None;
        if before.status != to {
            task.queued_at = Some(act.now);
        }
    }
    if before.status != to {
        act.count_task(Some(before.status), to);
    }
    store::save(act.tx, act.office, task)?;
    offer(act, task)?;
    if before.open != task.is_open() {
        parent_changed(act, task)?;
    }
    if before.accepted != task.is_accepted() {
        acceptance_changed(act, task)?;
    }
    match to {
        Status::Failed if sabotage!(FailedSatisfies) => {
            acceptance_changed(act, &TaskRow { status: Status::Done, ..task.clone() })
        }
        Status::Failed => break_dependents(act, task, BlockedKind::DependencyFailed),
        Status::Cancelled => break_dependents(act, task, BlockedKind::DependencyCancelled),
        Status::Queued | Status::Done if matches!(before.status, Status::Failed | Status::Cancelled) => {
            mend_dependents(act, task)
        }
        Status::Queued | Status::Claimed | Status::Running | Status::Blocked | Status::Done => Ok(()),
    }
}

/// What goes back to the queue leaves no sandbox at work on it, and waits there only if nothing that it needs has
/// broken meanwhile: otherwise it is blocked.
fn to_the_queue(act: &mut Act<'_>, task: &mut TaskRow) -> Result<Status, Fault> {
    if let Some(session) = task.session {
        sessions::service::hurry(act, session)?;
    }
    let broken = if task.depends_on.is_some() { broken_dependency(act, task)? } else { None };
    let Some((broken, kind)) = broken else { return chain::into_queue(act, task) };
    block_by(act, task, &broken, kind)?;
    Ok(Status::Blocked)
}

/// Closes a container that has nothing open any more.
pub fn close_if_due(act: &mut Act<'_>, id: TaskId) -> Result<(), Fault> {
    let task = need(act, id)?;
    if task.readiness().is_container_due() { close_container(act, task) } else { Ok(()) }
}

/// A ready task wakes one who waits for it, or one who sleeps if nobody is up; one whose time has not come is offered by the sweep.
pub fn offer(act: &mut Act<'_>, task: &TaskRow) -> Result<(), Fault> {
    if !task.readiness().is_ready() {
        return Ok(());
    }
    if task.offered_at().is_some_and(|at| at > act.now) {
        act.wake(Wake::Due);
        return Ok(());
    }
    let assigned: Option<AgentName> = task.assigned.as_ref().and_then(|name| name.parse().ok());
    if task.assigned.is_some() && assigned.is_none() {
        return Ok(());
    }
    act.wake(Wake::TaskReady { office: act.office, assigned });
    calls::for_task(act, task)
}

/// The parent has one open subtask more or less.
fn parent_changed(act: &mut Act<'_>, task: &TaskRow) -> Result<(), Fault> {
    let Some(id) = task.parent else { return Ok(()) };
    let mut parent = need(act, id)?;
    parent.open_subtasks += if task.is_open() { 1 } else { -1 };
    debug_assert!(parent.open_subtasks >= 0 && parent.open_subtasks <= parent.subtask_count);
    if task.is_open() && matches!(parent.status, Status::Done | Status::Failed) {
        return reopen(act, parent, "system");
    }
    store::save(act.tx, act.office, &parent)?;
    after_waiting(act, parent)
}

/// A finished parent has an open subtask again: it isn't finished any more. Its result stays in its history.
pub fn reopen(act: &mut Act<'_>, mut parent: TaskRow, actor: &str) -> Result<(), Fault> {
    let from = (parent.status, parent.verification);
    let to = check(parent.id, Move::Reopen, from.0)?;
    reviewers::call_off(act, &parent, None)?;
    parent.result = None;
    parent.error = None;
    parent.attempts = 0;
    parent.started_at = None;
    parent.verification = Verification::None;
    record(act, &parent, "tasks.reopen", actor, format!("task {} reopened by a subtask", parent.id))?;
    settle(act, &mut parent, from, to)
}

/// Dependents have one open dependency less (accepted now) or more (no longer accepted).
fn acceptance_changed(act: &mut Act<'_>, task: &TaskRow) -> Result<(), Fault> {
    for id in store::dependent_ids(act.tx, act.office, task.id)? {
        // Each is read when its turn comes: the one before may have moved it.
        let mut dependent = need(act, id)?;
        dependent.open_dependencies += if task.is_accepted() { -1 } else { 1 };
        debug_assert!(dependent.open_dependencies >= 0);
        store::save(act.tx, act.office, &dependent)?;
        if !task.is_accepted() {
            continue;
        }
        if has_what_it_waited_for(&dependent) {
            unblock(act, &mut dependent, "system")?;
        } else {
            after_waiting(act, dependent)?;
        }
    }
    Ok(())
}

/// Its claimer blocked it on other tasks, and all of them are accepted.
pub fn has_what_it_waited_for(task: &TaskRow) -> bool {
    task.status == Status::Blocked && task.blocked_kind == Some(BlockedKind::Dependency) && task.open_dependencies == 0
}

/// Something that a task waited for is over: offer it, or close it if it is a container.
fn after_waiting(act: &mut Act<'_>, task: TaskRow) -> Result<(), Fault> {
    offer(act, &task)?;
    close_if_due(act, task.id)
}

/// Closes a container whose parts are all finished.
fn close_container(act: &mut Act<'_>, mut task: TaskRow) -> Result<(), Fault> {
    let children = store::children(act.tx, act.office, task.id)?;
    let parts: Vec<Part<'_>> = children.iter().map(part).collect();
    let from = (task.status, task.verification);
    task.verification = Verification::None;
    let to = match container_outcome(&parts) {
        ContainerOutcome::Done { result } => {
            task.result = Some(bounded(result));
            task.error = None;
            Status::Done
        }
        ContainerOutcome::Failed { error } => {
            task.error = Some(error);
            Status::Failed
        }
    };
    check(task.id, Move::Close, from.0)?;
    record(act, &task, "tasks.close", "system", format!("task {} closed: {to}", task.id))?;
    settle(act, &mut task, from, to)?;
    let row = act.next_row();
    store::notes::keep_result(act.tx, act.office, row, &task, act.now)?;
    Ok(())
}

fn part(child: &TaskRow) -> Part<'_> {
    Part {
        id: child.id.0,
        title: &child.title,
        status: child.status,
        verification: child.verification,
        result: child.result.as_deref().unwrap_or_default(),
    }
}

/// Results of many parts together keep to the limit of one result.
fn bounded(mut text: String) -> String {
    let limit = mi_core::limits::RESULT_BYTES_MAX;
    if text.len() > limit {
        let mut end = limit;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

fn break_dependents(act: &mut Act<'_>, task: &TaskRow, kind: BlockedKind) -> Result<(), Fault> {
    for id in store::dependent_ids(act.tx, act.office, task.id)? {
        let mut dependent = need(act, id)?;
        let waits_for_it =
            dependent.status == Status::Blocked && dependent.blocked_kind == Some(BlockedKind::Dependency);
        if Move::Break.target(dependent.status).is_err() && !waits_for_it {
            continue;
        }
        break_by(act, &mut dependent, task, kind)?;
    }
    Ok(())
}

/// Blocked, by something that it can't go on without.
fn break_by(act: &mut Act<'_>, task: &mut TaskRow, broken: &TaskRow, kind: BlockedKind) -> Result<(), Fault> {
    let from = (task.status, task.verification);
    block_by(act, task, broken, kind)?;
    settle(act, task, from, Status::Blocked)
}

fn block_by(act: &mut Act<'_>, task: &mut TaskRow, broken: &TaskRow, kind: BlockedKind) -> Result<(), Fault> {
    task.blocked_kind = Some(kind);
    task.blocked_reason = Some(format!("task {} ({}) {}", broken.id, broken.title, broken.status));
    record(act, task, "tasks.block", "system", format!("task {} blocked: {kind}", task.id))
}

/// What broke is offered again: those blocked by it wait for it as before, unless another one is broken too.
fn mend_dependents(act: &mut Act<'_>, task: &TaskRow) -> Result<(), Fault> {
    for id in store::dependent_ids(act.tx, act.office, task.id)? {
        let mut dependent = need(act, id)?;
        let broken =
            matches!(dependent.blocked_kind, Some(BlockedKind::DependencyFailed | BlockedKind::DependencyCancelled));
        if dependent.status != Status::Blocked || !broken || still_broken(act, &dependent)? {
            continue;
        }
        unblock(act, &mut dependent, "system")?;
    }
    Ok(())
}

pub fn still_broken(act: &mut Act<'_>, task: &TaskRow) -> Result<bool, Fault> {
    Ok(broken_dependency(act, task)?.is_some())
}

/// What it can't go on without, and in which way that broke.
fn broken_dependency(act: &mut Act<'_>, task: &TaskRow) -> Result<Option<(TaskRow, BlockedKind)>, Fault> {
    let dependencies = store::dependencies(act.tx, act.office, task.id)?;
    Ok(dependencies.into_iter().find_map(|dependency| match dependency.status {
        Status::Failed => Some((dependency, BlockedKind::DependencyFailed)),
        Status::Cancelled => Some((dependency, BlockedKind::DependencyCancelled)),
        Status::Queued | Status::Claimed | Status::Running | Status::Blocked | Status::Done => None,
    }))
}

/// What blocked it is over: it waits in the queue again.
pub fn unblock(act: &mut Act<'_>, task: &mut TaskRow, actor: &str) -> Result<(), Fault> {
    let from = (task.status, task.verification);
    check(task.id, Move::Unblock, from.0)?;
    task.blocked_kind = None;
    task.blocked_reason = None;
    task.blocked_until = None;
    record(act, task, "tasks.unblock", actor, format!("task {} unblocked", task.id))?;
    settle(act, task, from, Status::Queued)
}

/// Gives a held task back without judgement: the attempt doesn't count.
pub fn release(act: &mut Act<'_>, task: &mut TaskRow, actor: &str, reason: &str) -> Result<(), Fault> {
    let from = (task.status, task.verification);
    check(task.id, Move::Release, from.0)?;
    task.attempts -= 1;
    task.started_at = None;
    record(act, task, "tasks.release", actor, format!("task {} given back: {reason}", task.id))?;
    settle(act, task, from, Status::Queued)
}

/// Its holder gives it back: with open subtasks it was split, else nothing is said about the work.
pub fn give_back(act: &mut Act<'_>, task: &mut TaskRow, actor: &str, reason: &str) -> Result<(), Fault> {
    if task.open_subtasks > 0 { session_over(act, task, reason) } else { release(act, task, actor, reason) }
}

/// The session that held the task is over and the task isn't finished.
pub fn session_over(act: &mut Act<'_>, task: &mut TaskRow, cause: &str) -> Result<(), Fault> {
    if task.open_subtasks > 0 && task.split_rounds < SPLIT_ROUNDS_MAX {
        return split(act, task);
    }
    lose(act, task, cause)
}

/// It was split: whoever added the subtasks takes it again for the synthesis.
fn split(act: &mut Act<'_>, task: &mut TaskRow) -> Result<(), Fault> {
    task.split_rounds += 1;
    let holder = task.claimed_by.as_ref().map(|name| name.as_str().to_owned());
    if task.assigned.is_none() && holder.is_some() {
        let children = store::children(act.tx, act.office, task.id)?;
        let own = children.iter().any(|child| Some(&child.created_by) == holder.as_ref());
        task.assigned = if own { holder } else { None };
    }
    release(act, task, "system", "it waits for its subtasks")
}

/// A counted attempt is lost: offered again after a pause, or failed at the limit.
pub fn lose(act: &mut Act<'_>, task: &mut TaskRow, cause: &str) -> Result<(), Fault> {
    task.attempts -= i64::from(sabotage!(AttemptsNotCounted));
    let from = (task.status, task.verification);
    Move::Lose.targets(from.0).map_err(|refused| fault::illegal_transition(task.id, refused))?;
    let (to, summary) = match after_loss(task.attempts, task.max_attempts, act.now) {
        AfterLoss::RequeueAt(at) => {
            task.backoff_until = Some(at);
            task.started_at = None;
            (Status::Queued, format!("task {} attempt {} lost: {cause}", task.id, task.attempts))
        }
        AfterLoss::Fail => {
            task.error =
                Some(format!("{} of {} attempts were lost, the last one: {cause}", task.attempts, task.max_attempts));
            (Status::Failed, format!("task {} failed after {} attempts: {cause}", task.id, task.attempts))
        }
    };
    note(act, task, "attempt_lost", cause)?;
    record(act, task, "tasks.lose", "system", summary)?;
    settle(act, task, from, to)
}

/// Asks the machine; its refusal names both statuses.
pub fn check(id: TaskId, mv: Move, from: Status) -> Result<Status, Fault> {
    mv.target(from).map_err(|refused| fault::illegal_transition(id, refused))
}

/// One event about a task.
pub fn record(
    act: &mut Act<'_>,
    task: &TaskRow,
    kind: &'static str,
    actor: &str,
    summary: String,
) -> Result<(), Fault> {
    let data = json!({"attempt": task.attempts, "session": task.session.map(|s| s.0)});
    record_with(act, task, kind, actor, summary, data)
}

/// As [`record`], with the digests of what was reported: so the chain vouches for the proof.
pub fn record_result(
    act: &mut Act<'_>,
    task: &TaskRow,
    kind: &'static str,
    actor: &str,
    summary: String,
) -> Result<(), Fault> {
    let text = task.result.as_ref().or(task.error.as_ref()).map_or("", String::as_str);
    let mut artifacts = store::notes::artifacts(act.tx, act.office, task.id, ARTIFACTS_SHOWN_MAX)?;
    artifacts.retain(|artifact| artifact.session == task.session);
    let linked: Vec<Value> =
        artifacts.iter().map(|artifact| json!({"path": artifact.path, "sha256": artifact.sha256})).collect();
    let data = json!({
        "attempt": task.attempts, "session": task.session.map(|s| s.0),
        "result_sha256": sha256_hex(text.as_bytes()), "artifacts": linked,
    });
    record_with(act, task, kind, actor, summary, data)
}

fn record_with(
    act: &mut Act<'_>,
    task: &TaskRow,
    kind: &'static str,
    actor: &str,
    summary: String,
    data: Value,
) -> Result<(), Fault> {
    let agent = task.claimed_by.clone();
    act.event(NewEvent {
        category: Category::Task,
        kind,
        actor,
        agent: agent.as_ref(),
        task: Some(task.id),
        summary,
        data,
    })?;
    Ok(())
}

/// A line of the server's in the task's log.
pub fn note(act: &mut Act<'_>, task: &TaskRow, event: &str, message: &str) -> Result<(), Fault> {
    let log = store::notes::NewLog {
        id: act.next_row(),
        agent: "system",
        event: Some(event),
        message,
        session: task.session,
        attempt: Some(task.attempts),
        at: act.now,
    };
    store::notes::add_log(act.tx, act.office, task.id, &log)?;
    Ok(())
}
