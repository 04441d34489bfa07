//! `tasks.update`: moves reported by the claimer, and edits by those whose task it is.

use mi_core::limits;
use mi_core::problem::Code;
use mi_core::tasks::machine::Move;
use mi_core::tasks::status::{BlockedKind, Kind, Status, Verification};
use mi_core::time::{Millis, Time};
use mi_core::wire::tasks::{Task, UpdateTask};

use super::store::{self, TaskRow};
use super::{cards, chain, claim, flow, late, needs, review, reviewers, service, times};
use crate::checks;
use crate::credits::purses;
use crate::infra::act::{Act, Claim};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::sessions;
use mi_core::ids::TaskId;

pub fn update(act: &mut Act<'_>, member: &Member, id: TaskId, wish: &UpdateTask) -> Result<Task, Fault> {
    let mut task = flow::need(act, id)?;
    if let Claim::Stale(token) = act.claim
        && !sabotage!(StaleUpdate)
    {
        return late::told(act, member, &task, token, wish);
    }
    if wish.budget.is_some() {
        set_budget(act, member, id, wish)?;
        task = flow::need(act, id)?;
    }
    if has_edits(wish) {
        edit(act, member, &mut task, wish)?;
    }
    match wish.status {
        None if !has_edits(wish) && wish.budget.is_none() => {
            return Err(fault::bad_request("nothing to change: send a status or a field to edit"));
        }
        None => {}
        Some(status) => move_to(act, member, &mut task, status, wish)?,
    }
    let fresh = flow::need(act, id)?;
    cards::card(act.tx, act.office, &act.head, act.now, &fresh)
}

/// Money is an operator's; a budget may change while somebody is at the task, since what is spent stays spent.
fn set_budget(act: &mut Act<'_>, member: &Member, id: TaskId, wish: &UpdateTask) -> Result<(), Fault> {
    match member {
        Member::Agent { .. } => return Err(fault::operator_only()),
        Member::Person(_) => {}
    }
    purses::set_of_task(act, id, wish.budget)?;
    let task = flow::need(act, id)?;
    flow::record(act, &task, "tasks.budget", member.name(), format!("the budget of task {id} was changed"))
}

fn move_to(act: &mut Act<'_>, member: &Member, task: &mut TaskRow, to: Status, wish: &UpdateTask) -> Result<(), Fault> {
    match to {
        Status::Running => {
            claim::must_hold(act, task, member)?;
            flow::check(task.id, Move::Start, task.status)?;
            claim::started(act, task)
        }
        Status::Done => finish(act, member, task, wish.result.as_deref()),
        Status::Failed => fail(act, member, task, wish.error.as_deref().or(wish.reason.as_deref())),
        Status::Blocked => block(act, member, task, wish),
        Status::Queued => queue_again(act, member, task, wish.reason.as_deref()),
        Status::Cancelled => review::cancel_task(act, member, task, wish.reason.as_deref()),
        Status::Claimed => Err(Fault::new(
            Code::IllegalTransition,
            format!("task {} is {} and becomes claimed only by a claim", task.id, task.status),
        )
        .hint("mi tasks claim takes the next task")),
    }
}

/// Done, with a result. Said twice with the same words it is the same fact.
fn finish(act: &mut Act<'_>, member: &Member, task: &mut TaskRow, result: Option<&str>) -> Result<(), Fault> {
    let result =
        result.map(str::trim).filter(|text| !text.is_empty() || sabotage!(DoneWithoutResult)).ok_or_else(|| {
            Fault::new(Code::ResultRequired, format!("task {} can't be done without a result", task.id))
                .hint("say what was accomplished: --result \"…\"")
        })?;
    if result.len() > limits::RESULT_BYTES_MAX {
        return Err(fault::too_long("the result", limits::RESULT_BYTES_MAX, "bytes")
            .hint("write it to a file on the drive, link it as an artifact, and summarise it here"));
    }
    let from = (task.status, task.verification);
    let to = flow::check(task.id, Move::Finish, from.0)?;
    claim::must_hold(act, task, member)?;
    if task.open_subtasks > 0 {
        return Err(subtasks_open(task));
    }
    reviewers::refuse_without_verdict(act, task)?;
    task.result = Some(result.to_owned());
    task.error = None;
    task.verification = needs_judgement(act, task)?;
    task.started_at = task.started_at.or(Some(act.now));
    end_claim(act, task, "done")?;
    if sabotage!(DoubleCompletion) {
        flow::record(act, task, "tasks.finish", member.name(), format!("task {} done", task.id))?;
    }
    flow::record_result(act, task, "tasks.finish", member.name(), format!("task {} done", task.id))?;
    flow::settle(act, task, from, to)?;
    let row = act.next_row();
    store::notes::keep_result(act.tx, act.office, row, task, act.now)?;
    reviewers::ask_if_pending(act, task)
}

pub fn subtasks_open(task: &TaskRow) -> Fault {
    let parts = if task.open_subtasks == 1 { "subtask" } else { "subtasks" };
    let sentence = format!("task {} has {} open {parts}", task.id, task.open_subtasks);
    Fault::new(Code::SubtasksOpen, sentence).hint("release it: it is offered to you again when they are finished")
}

/// How a task stands when it is reported done: judged by nobody, or waiting for a judgement.
pub fn needs_judgement(act: &mut Act<'_>, task: &TaskRow) -> Result<Verification, Fault> {
    let wanted = act.head.settings.require_verification.iter().any(|kind| kind == task.kind.as_str());
    Ok(if wanted && task.kind != Kind::Verify { Verification::Pending } else { Verification::None })
}

fn fail(act: &mut Act<'_>, member: &Member, task: &mut TaskRow, error: Option<&str>) -> Result<(), Fault> {
    let error = needed(error, task.id, "failed", "--error")?;
    let from = (task.status, task.verification);
    let to = flow::check(task.id, Move::Fail, from.0)?;
    claim::must_hold(act, task, member)?;
    task.error = Some(error);
    end_claim(act, task, "failed")?;
    flow::record_result(act, task, "tasks.fail", member.name(), format!("task {} failed", task.id))?;
    flow::settle(act, task, from, to)?;
    let row = act.next_row();
    store::notes::keep_result(act.tx, act.office, row, task, act.now)?;
    Ok(())
}

fn needed(text: Option<&str>, id: TaskId, status: &str, flag: &str) -> Result<String, Fault> {
    let text = text.map(str::trim).filter(|text| !text.is_empty()).ok_or_else(|| {
        Fault::new(Code::ReasonRequired, format!("task {id} can't become {status} without saying why"))
            .hint(format!("say why: {flag} \"…\""))
    })?;
    if text.len() > limits::MESSAGE_BYTES_MAX {
        return Err(fault::too_long("the reason", limits::MESSAGE_BYTES_MAX, "bytes"));
    }
    Ok(text.to_owned())
}

fn block(act: &mut Act<'_>, member: &Member, task: &mut TaskRow, wish: &UpdateTask) -> Result<(), Fault> {
    let reason = needed(wish.reason.as_deref().or(wish.error.as_deref()), task.id, "blocked", "--reason")?;
    let need = needs::read(wish)?;
    let kind = need.kind;
    if !kind.may_be_reported() {
        return Err(fault::bad_request(format!("{kind} is found by the server, it can't be reported")));
    }
    let from = (task.status, task.verification);
    let to = flow::check(task.id, Move::Block, from.0)?;
    claim::must_hold(act, task, member)?;
    task.attempts -= 1;
    chain::touch(act, member, task)?;
    task.blocked_kind = Some(kind);
    task.blocked_reason = Some(reason);
    task.blocked_until = blocked_until(act, kind, wish)?;
    if let Some(ids) = named_dependencies(wish) {
        wait_for_more(act, task, ids)?;
    }
    end_claim(act, task, "blocked")?;
    flow::record(act, task, "tasks.block", member.name(), format!("task {} blocked: {kind}", task.id))?;
    flow::settle(act, task, from, to)?;
    needs::remember(act, member, task, need)?;
    if named_dependencies(wish).is_some() && flow::has_what_it_waited_for(task) {
        pause(act, task);
        return flow::unblock(act, task, "system");
    }
    Ok(())
}

/// A block by quota ends at the time that the claimer names, or after a while.
fn blocked_until(act: &Act<'_>, kind: BlockedKind, wish: &UpdateTask) -> Result<Option<Time>, Fault> {
    let latest = act.now + Millis::seconds(limits::QUOTA_WAIT_SECONDS_MAX);
    match (kind, wish.blocked_until) {
        (BlockedKind::Quota, None) => Ok(Some(act.now + Millis::seconds(limits::QUOTA_WAIT_SECONDS_DEFAULT))),
        (BlockedKind::Quota, Some(at)) if at <= latest => Ok(Some(at)),
        (BlockedKind::Quota, Some(_)) => Err(fault::bad_request("blockedUntil lies more than 31 days ahead")),
        (_, None) => Ok(None),
        (_, Some(_)) => Err(fault::bad_request("blockedUntil goes with blockedKind quota only")),
    }
}

/// What a claimer blocks on: not an edit of the task, but a part of its report.
fn named_dependencies(wish: &UpdateTask) -> Option<&[String]> {
    let reports = wish.status == Some(Status::Blocked) && wish.blocked_kind == Some(BlockedKind::Dependency);
    wish.depends_on.as_deref().filter(|_| reports)
}

/// The tasks that the claimer found it needs, besides those known before.
fn wait_for_more(act: &mut Act<'_>, task: &mut TaskRow, ids: &[String]) -> Result<(), Fault> {
    let known = store::dependency_ids(act.tx, act.office, task.id)?;
    let mut all: Vec<String> = known.iter().map(ToString::to_string).collect();
    all.extend(ids.iter().cloned());
    let dependencies = acyclic(act, task, &all)?;
    let status = task.status;
    service::wait_for(act, task, &dependencies)?;
    task.status = status;
    for id in dependencies.iter().filter(|id| !known.contains(id)) {
        store::add_dependency(act.tx, act.office, task.id, *id)?;
    }
    store::save_edits(act.tx, act.office, task)?;
    Ok(())
}

/// The attempt doesn't count, so without a pause a task could be taken and given back for ever.
fn pause(act: &Act<'_>, task: &mut TaskRow) {
    task.backoff_until = Some(act.now + Millis::seconds(limits::RETRY_BACKOFF_SECONDS[0]));
}

/// Back to the queue: released by the claimer, or unblocked by an operator or the creator.
fn queue_again(act: &mut Act<'_>, member: &Member, task: &mut TaskRow, reason: Option<&str>) -> Result<(), Fault> {
    if task.status != Status::Blocked {
        flow::check(task.id, Move::Release, task.status)?;
        claim::must_hold(act, task, member)?;
        end_claim(act, task, "released")?;
        pause(act, task);
        if task.open_subtasks == 0 {
            chain::touch(act, member, task)?;
        }
        return flow::give_back(act, task, member.name(), reason.unwrap_or("released"));
    }
    must_own(task, member)?;
    chain::touch(act, member, task)?;
    if flow::still_broken(act, task)? {
        let sentence = format!("task {} needs a task that failed or was cancelled", task.id);
        return Err(Fault::new(Code::IllegalTransition, sentence).hint("retry that task, or edit dependsOn"));
    }
    flow::unblock(act, task, member.name())
}

/// The claim of the task ends with it; its runner may still wind down.
fn end_claim(act: &mut Act<'_>, task: &TaskRow, how: &str) -> Result<(), Fault> {
    match task.session {
        Some(session) => sessions::service::settle(act, session, how),
        None => Ok(()),
    }
}

/// Operator, creator, assignee or claimer.
pub fn must_own(task: &TaskRow, member: &Member) -> Result<(), Fault> {
    let Member::Agent { name, .. } = member else { return Ok(()) };
    let own = task.created_by == name.as_str()
        || task.assigned.as_deref() == Some(name.as_str())
        || (task.status.is_held() && task.claimed_by.as_ref() == Some(name));
    if own {
        return Ok(());
    }
    Err(Fault::new(Code::NotYours, format!("task {} is neither yours nor assigned to you", task.id))
        .hint("comment on it instead, or ask its creator"))
}

fn has_edits(wish: &UpdateTask) -> bool {
    wish.title.is_some()
        || wish.description.is_some()
        || wish.priority.is_some()
        || wish.assigned_agent.is_some()
        || (wish.depends_on.is_some() && named_dependencies(wish).is_none())
        || wish.required_tools.is_some()
        || times::has_edits(wish)
        || wish.checks.is_some()
}

fn edit(act: &mut Act<'_>, member: &Member, task: &mut TaskRow, wish: &UpdateTask) -> Result<(), Fault> {
    must_own(task, member)?;
    if task.status.is_held() {
        let holder = task.claimed_by.as_ref().map_or("an agent", |name| name.as_str());
        let sentence = format!("task {} is held by {holder} and can't be edited now", task.id);
        return Err(Fault::new(Code::TaskHeld, sentence).hint("comment on it, or cancel it and retry with changes"));
    }
    if let Some(title) = &wish.title {
        task.title = service::checked_title(title)?;
    }
    if let Some(text) = &wish.description {
        service::check_description(Some(text))?;
        task.description = Some(text.clone()).filter(|text| !text.is_empty());
    }
    if wish.priority.is_some() {
        task.priority = service::checked_priority(wish.priority)?;
    }
    if let Some(tools) = &wish.required_tools {
        task.required_tools = service::checked_tools(Some(tools))?;
    }
    times::edit(act, task, wish)?;
    if let Some(wishes) = &wish.checks {
        checks::service::change(act, member, task, wishes)?;
    }
    let from = (task.status, task.verification);
    if wish.assigned_agent.is_some() {
        task.assigned = service::checked_assignee(act.tx, act.office, wish.assigned_agent.as_deref())?;
    }
    chain::touch(act, member, task)?;
    let mut to = task.status;
    if let Some(ids) = wish.depends_on.as_ref().filter(|_| named_dependencies(wish).is_none()) {
        to = depend(act, task, ids)?;
    }
    task.updated_at = act.now;
    store::save_edits(act.tx, act.office, task)?;
    flow::record(act, task, "tasks.edit", member.name(), format!("task {} edited", task.id))?;
    flow::settle(act, task, from, to)
}

/// The tasks named, none of which waits for this one.
fn acyclic(act: &mut Act<'_>, task: &TaskRow, ids: &[String]) -> Result<Vec<TaskId>, Fault> {
    let dependencies = service::parse_ids(Some(ids))?;
    for id in &dependencies {
        if service::reaches(act, *id, task.id)? {
            let sentence = format!("task {} and task {id} would wait for each other", task.id);
            return Err(Fault::new(Code::DependencyCycle, sentence).hint("drop one of the dependencies"));
        }
    }
    Ok(dependencies)
}

/// New dependencies; gives the status that follows.
fn depend(act: &mut Act<'_>, task: &mut TaskRow, ids: &[String]) -> Result<Status, Fault> {
    let waiting = matches!(task.status, Status::Queued | Status::Blocked);
    if !waiting {
        return Err(fault::bad_request(format!("task {} is {} and waits for nothing", task.id, task.status)));
    }
    let dependencies = acyclic(act, task, ids)?;
    let was = task.status;
    let broken = matches!(task.blocked_kind, Some(BlockedKind::DependencyFailed | BlockedKind::DependencyCancelled));
    if broken {
        task.blocked_kind = None;
        task.blocked_reason = None;
    }
    task.status = if broken { Status::Queued } else { was };
    service::wait_for(act, task, &dependencies)?;
    let to = task.status;
    task.status = was;
    store::clear_dependencies(act.tx, act.office, task.id)?;
    for id in &dependencies {
        store::add_dependency(act.tx, act.office, task.id, *id)?;
    }
    Ok(to)
}
