//! Late results: what a claim reported after it was lost.
//!
//! They are kept with the proof of their attempt and never count by themselves: an
//! operator accepts one, whatever became of the task meanwhile, or drops it.

use mi_core::ids::{ClaimToken, TaskId};
use mi_core::limits;
use mi_core::problem::Code;
use mi_core::tasks::machine::Move;
use mi_core::tasks::status::Status;
use mi_core::wire::tasks::{LateResult, LateState, Task, UpdateTask};

use super::store::late::{self as rows, NewLate};
use super::store::{self, TaskRow};
use super::update::{needs_judgement, subtasks_open};
use super::{cards, flow, reviewers};
use crate::infra::act::Act;
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::sessions;

/// A report with a claim that is not the live one. Said twice it is the same fact, an outcome is kept, and
/// everything is refused.
pub fn told(
    act: &mut Act<'_>,
    member: &Member,
    task: &TaskRow,
    token: ClaimToken,
    wish: &UpdateTask,
) -> Result<Task, Fault> {
    if is_repeated(task, token, wish) {
        return cards::card(act.tx, act.office, &act.head, act.now, task);
    }
    if !keep(act, member, task, token, wish)? {
        return Err(fault::stale_claim(token));
    }
    act.keep_and_refuse(kept(task.id, token));
    cards::card(act.tx, act.office, &act.head, act.now, task)
}

fn kept(id: TaskId, token: ClaimToken) -> Fault {
    Fault::new(
        Code::StaleClaim,
        format!("claim {token} is no longer the live one; its result is kept beside task {id}"),
    )
    .hint("stop working on this task; an operator decides whether the result counts")
}

/// `done` once more with the same claim and result changes nothing.
fn is_repeated(task: &TaskRow, token: ClaimToken, wish: &UpdateTask) -> bool {
    let same_result = wish.result.as_deref().map(str::trim) == task.result.as_deref();
    wish.status == Some(Status::Done) && task.status == Status::Done && task.session == Some(token) && same_result
}

/// Whether the report is an outcome of a lost attempt of this task, and is now among the late results.
fn keep(
    act: &mut Act<'_>,
    member: &Member,
    task: &TaskRow,
    token: ClaimToken,
    wish: &UpdateTask,
) -> Result<bool, Fault> {
    let Some((status, text)) = outcome(wish) else { return Ok(false) };
    let Some(session) = sessions::service::get(act.tx, act.office, token)? else { return Ok(false) };
    let own = match member {
        Member::Person(_) => true,
        Member::Agent { id, .. } => *id == session.agent_id,
    };
    let said_in_time = store::notes::has_result(act.tx, act.office, task.id, token, (status, text))?;
    if session.task != Some(task.id) || !own || said_in_time {
        return Ok(false);
    }
    if rows::is_kept(act.tx, act.office, task.id, token, (status, text))? {
        return Ok(true);
    }
    let counts = rows::count(act.tx, act.office, task.id, token)?;
    let full = counts.of_task >= limits::LATE_RESULTS_PER_TASK_MAX;
    if full || counts.of_claim >= limits::LATE_RESULTS_PER_CLAIM_MAX {
        return Ok(false);
    }
    let id = counts.of_task + 1;
    let new = NewLate { session: token, attempt: session.attempt, agent: &session.agent, status, text, at: act.now };
    rows::insert(act.tx, act.office, task.id, id, &new)?;
    let summary = format!("task {}: a late {status} of claim {token} by {} is kept", task.id, session.agent);
    flow::record(act, task, "tasks.keep_late", session.agent.as_str(), summary)?;
    Ok(true)
}

/// The outcome that a report brings, if it is a whole one.
fn outcome(wish: &UpdateTask) -> Option<(Status, &str)> {
    let (status, text) = match wish.status? {
        Status::Done => (Status::Done, wish.result.as_deref()),
        Status::Failed => (Status::Failed, wish.error.as_deref().or(wish.reason.as_deref())),
        Status::Queued | Status::Claimed | Status::Running | Status::Blocked | Status::Cancelled => return None,
    };
    let text = text.map(str::trim).filter(|text| !text.is_empty() && text.len() <= limits::RESULT_BYTES_MAX)?;
    Some((status, text))
}

/// An operator lets a late result count: the task is done by it, and whoever works on it now must stop.
pub fn accept(act: &mut Act<'_>, member: &Member, id: TaskId, number: i64) -> Result<Task, Fault> {
    let mut task = flow::need(act, id)?;
    let late = undecided(act, id, number)?;
    if late.status != Status::Done {
        let sentence = format!("late result {number} of task {id} is a failure, which can't be accepted");
        return Err(Fault::new(Code::IllegalTransition, sentence).hint(format!("mi tasks late drop {id} {number}")));
    }
    let from = (task.status, task.verification);
    let to = flow::check(id, Move::AcceptLate, task.status)?;
    if task.open_subtasks > 0 {
        return Err(subtasks_open(&task));
    }
    reviewers::refuse_without_verdict(act, &task)?;
    if task.status.is_held()
        && let Some(session) = task.session
    {
        sessions::service::withdraw(act, session, "a late result was accepted")?;
    }
    take_over(act, &mut task, &late)?;
    rows::decide(act.tx, act.office, id, number, LateState::Accepted, member.name(), act.now)?;
    let summary = format!("task {id}: late result {number} of {} accepted", late.agent);
    flow::record_result(act, &task, "tasks.accept_late", member.name(), summary)?;
    flow::settle(act, &mut task, from, to)?;
    let row = act.next_row();
    store::notes::keep_result(act.tx, act.office, row, &task, act.now)?;
    reviewers::ask_if_pending(act, &task)?;
    let fresh = flow::need(act, id)?;
    cards::card(act.tx, act.office, &act.head, act.now, &fresh)
}

/// The task as the lost attempt would have left it.
fn take_over(act: &mut Act<'_>, task: &mut TaskRow, late: &LateResult) -> Result<(), Fault> {
    task.claimed_by = Some(late.agent.clone());
    task.session = Some(late.session);
    task.result = Some(late.text.clone());
    task.error = None;
    task.blocked_kind = None;
    task.blocked_reason = None;
    task.blocked_until = None;
    task.backoff_until = None;
    task.verification = needs_judgement(act, task)?;
    task.started_at = task.started_at.or(Some(late.created_at));
    Ok(())
}

/// An operator lets it go: it stays in the list, and counts for nothing.
pub fn drop(act: &mut Act<'_>, member: &Member, id: TaskId, number: i64) -> Result<LateResult, Fault> {
    let task = flow::need(act, id)?;
    let late = undecided(act, id, number)?;
    rows::decide(act.tx, act.office, id, number, LateState::Dropped, member.name(), act.now)?;
    let summary = format!("task {id}: late result {number} of {} dropped", late.agent);
    flow::record(act, &task, "tasks.drop_late", member.name(), summary)?;
    need(act, id, number)
}

fn need(act: &mut Act<'_>, id: TaskId, number: i64) -> Result<LateResult, Fault> {
    rows::get(act.tx, act.office, id, number)?.ok_or_else(|| {
        Fault::new(Code::NoSuchLateResult, format!("task {id} has no late result {number}"))
            .hint(format!("mi tasks late list {id} shows them"))
    })
}

fn undecided(act: &mut Act<'_>, id: TaskId, number: i64) -> Result<LateResult, Fault> {
    let late = need(act, id, number)?;
    if late.state == LateState::Waiting {
        return Ok(late);
    }
    let sentence = format!("late result {number} of task {id} was {} already", late.state);
    Err(Fault::new(Code::IllegalTransition, sentence).hint(format!("mi tasks late list {id} shows who decided")))
}
