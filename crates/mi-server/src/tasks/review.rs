//! Judgements about work: verify, retry, cancel.

use mi_core::ids::{AgentName, TaskId};
use mi_core::limits;
use mi_core::problem::Code;
use mi_core::tasks::machine::Move;
use mi_core::tasks::status::{Kind, Status, Verification};
use mi_core::wire::tasks::{CancelTask, Comment, RetryTask, Review, Task, VerifyTask};

use super::store::{self, TaskRow};
use super::update::{must_own, needs_judgement};
use super::{cards, chain, flow, reviewers, service};
use crate::checks;
use crate::infra::act::Act;
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::sessions;

/// Who judges when the server's own checks do.
pub const CHECKS: &str = "checks";
/// How often agents together may retry one task.
const AGENT_RETRIES_MAX: i64 = 3;

fn answer(act: &mut Act<'_>, id: TaskId) -> Result<Task, Fault> {
    let task = flow::need(act, id)?;
    cards::card(act.tx, act.office, &act.head, act.now, &task)
}

/// Accepts or rejects a done task; the caller is the reviewer.
pub fn verify(act: &mut Act<'_>, member: &Member, id: TaskId, wish: &VerifyTask) -> Result<Task, Fault> {
    let mut task = flow::need(act, id)?;
    if task.status != Status::Done {
        let sentence = format!("task {id} is {} and only done tasks are verified", task.status);
        let hint = format!("mi tasks watch {id} follows it to its end");
        return Err(Fault::new(Code::IllegalTransition, sentence).hint(hint));
    }
    let judged = matches!(task.verification, Verification::Accepted | Verification::Rejected);
    let container = task.readiness().is_container();
    if judged || container || task.kind == Kind::Verify {
        let why = if judged { "was judged already" } else { "is of a sort that is never verified" };
        return Err(
            Fault::new(Code::IllegalTransition, format!("task {id} {why}")).hint("create a new task for further work")
        );
    }
    refuse_own_work(act, &task, member)?;
    if wish.accepted {
        override_checks(act, member, &task)?;
        judge(act, member, &task, wish)?;
        accept(act, member.name(), &mut task)?
    } else {
        reject(act, member, &mut task, wish)?
    }
    answer(act, id)
}

fn refuse_own_work(act: &mut Act<'_>, task: &TaskRow, member: &Member) -> Result<(), Fault> {
    let Member::Agent { name, .. } = member else { return Ok(()) };
    if reviewers::is_involved(act.tx, act.office, task, name)? && !sabotage!(SelfReview) {
        let sentence = format!("{name} had a hand in task {} and can't verify it", task.id);
        return Err(Fault::new(Code::SelfReview, sentence).hint("ask an agent that wasn't involved, or an operator"));
    }
    Ok(())
}

/// An operator may be satisfied before the checks are; that is written down. Nobody else's word replaces them.
fn override_checks(act: &mut Act<'_>, member: &Member, task: &TaskRow) -> Result<(), Fault> {
    match (checks::service::are_open(act.tx, act.office, task.id)?, member) {
        (false, _) => Ok(()),
        (true, Member::Agent { .. }) => Err(checks::faults::pending(task.id)),
        (true, Member::Person(_)) => {
            let note = format!("{} accepted it before its checks had passed", member.name());
            flow::note(act, task, "checks_overridden", &note)
        }
    }
}

/// All checks of a done task hold. Where the office wants a reviewer as well, one is asked now.
pub fn checks_passed(act: &mut Act<'_>, task: &mut TaskRow) -> Result<(), Fault> {
    let wants_reviewer = needs_judgement(act, task)? == Verification::Pending;
    if wants_reviewer && !task.readiness().is_container() {
        flow::note(act, task, "checks_passed", "its checks passed; it waits for a reviewer")?;
        return reviewers::ask_if_pending(act, task);
    }
    verdict(act, task, (CHECKS, None), (true, None))?;
    accept(act, CHECKS, task)
}

/// A check of a done task doesn't hold: back to the queue, as after any rejection. A container has nobody to send it to.
pub fn checks_failed(act: &mut Act<'_>, task: &mut TaskRow, head: &str, comment: &str) -> Result<(), Fault> {
    verdict(act, task, (CHECKS, None), (false, Some(head)))?;
    if !task.readiness().is_container() {
        return send_back(act, CHECKS, task, head, comment);
    }
    comment_on_rejection(act, CHECKS, task, comment)?;
    let from = (task.status, task.verification);
    task.verification = Verification::None;
    task.error = Some(head.to_owned());
    flow::record(act, task, "tasks.verify", CHECKS, format!("task {} rejected", task.id))?;
    flow::settle(act, task, from, Status::Failed)
}

fn accept(act: &mut Act<'_>, reviewer: &str, task: &mut TaskRow) -> Result<(), Fault> {
    let from = (task.status, task.verification);
    task.verification = Verification::Accepted;
    flow::record(act, task, "tasks.verify", reviewer, format!("task {} accepted", task.id))?;
    flow::settle(act, task, from, Status::Done)
}

/// As `verify` was told.
fn judge(act: &mut Act<'_>, member: &Member, task: &TaskRow, wish: &VerifyTask) -> Result<(), Fault> {
    let comments = wish.comments.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if comments.is_some_and(|text| text.len() > limits::MESSAGE_BYTES_MAX) {
        return Err(fault::too_long("the comment", limits::MESSAGE_BYTES_MAX, "bytes"));
    }
    verdict(act, task, (member.name(), member.agent()), (wish.accepted, comments))
}

/// The verdict is written down, and whoever else was asked for one needs to give none.
fn verdict(
    act: &mut Act<'_>,
    task: &TaskRow,
    (reviewer, agent): (&str, Option<&AgentName>),
    (accepted, comments): (bool, Option<&str>),
) -> Result<(), Fault> {
    let review = Review {
        id: act.next_row(),
        session: task.session,
        reviewer: reviewer.to_owned(),
        accepted,
        comments: comments.map(str::to_owned),
        created_at: act.now,
    };
    store::notes::add_review(act.tx, act.office, task.id, &review)?;
    reviewers::call_off(act, task, agent)
}

fn reject(act: &mut Act<'_>, member: &Member, task: &mut TaskRow, wish: &VerifyTask) -> Result<(), Fault> {
    let comment = wish.comments.as_deref().map(str::trim).filter(|text| !text.is_empty()).ok_or_else(|| {
        Fault::new(Code::ReasonRequired, format!("a rejection of task {} needs a comment", task.id))
            .hint("say what has to change: --comments \"…\"")
    })?;
    refuse_if_built_on(act, task)?;
    refuse_below_cancelled(act, task)?;
    judge(act, member, task, wish)?;
    chain::touch(act, member, task)?;
    send_back(act, member.name(), task, comment, comment)
}

fn comment_on_rejection(act: &mut Act<'_>, reviewer: &str, task: &TaskRow, comment: &str) -> Result<(), Fault> {
    let row = Comment {
        id: act.next_row(),
        agent: reviewer.to_owned(),
        message: format!("rejected: {comment}"),
        created_at: act.now,
    };
    Ok(store::notes::add_comment(act.tx, act.office, task.id, &row)?)
}

/// Rejected: offered again with the comment, or failed for good with `why` the third time.
fn send_back(act: &mut Act<'_>, reviewer: &str, task: &mut TaskRow, why: &str, comment: &str) -> Result<(), Fault> {
    comment_on_rejection(act, reviewer, task, comment)?;
    let from = (task.status, task.verification);
    task.rejections += 1;
    task.attempts = 0;
    task.verification = Verification::None;
    let to = if task.rejections >= limits::REJECTIONS_MAX {
        task.error = Some(format!("rejected {} times, the last time: {why}", task.rejections));
        Status::Failed
    } else {
        task.started_at = None;
        Status::Queued
    };
    flow::record(act, task, "tasks.verify", reviewer, format!("task {} rejected", task.id))?;
    flow::settle(act, task, from, to)
}

/// Work that others build on can't be taken back under them; neither can that of a parent which would be open again.
pub fn refuse_if_built_on(act: &mut Act<'_>, task: &TaskRow) -> Result<(), Fault> {
    let mut finished = Some(task.clone());
    while let Some(task) = finished {
        let dependents = store::dependents(act.tx, act.office, task.id)?;
        if let Some(started) = dependents.iter().find(|d| d.status.is_held() || d.status == Status::Done) {
            let sentence = format!("task {} already builds on task {}", started.id, task.id);
            let fault = Fault::new(Code::DependentsStarted, sentence);
            return Err(fault.hint("cancel that task first, or create a new one"));
        }
        let parent = task.parent.map(|id| flow::need(act, id)).transpose()?;
        finished = parent.filter(|parent| parent.status == Status::Done);
    }
    Ok(())
}

/// What was called off as a whole doesn't come back in parts.
fn refuse_below_cancelled(act: &mut Act<'_>, task: &TaskRow) -> Result<(), Fault> {
    let Some(id) = task.parent else { return Ok(()) };
    if flow::need(act, id)?.status != Status::Cancelled {
        return Ok(());
    }
    let sentence = format!("task {} belongs to task {id}, which is cancelled", task.id);
    Err(Fault::new(Code::ParentCancelled, sentence).hint(format!("mi tasks retry {id} brings it back")))
}

/// Brings a failed or cancelled task back; a container brings back its failed parts.
pub fn retry(act: &mut Act<'_>, member: &Member, id: TaskId, wish: &RetryTask) -> Result<Task, Fault> {
    let mut task = flow::need(act, id)?;
    flow::check(id, Move::Retry, task.status)?;
    refuse_below_cancelled(act, &task)?;
    may_retry(act, &mut task, member)?;
    service::check_description(wish.updated_description.as_deref())?;
    if let Some(text) = &wish.updated_description {
        task.description = Some(text.clone());
        store::save_edits(act.tx, act.office, &task)?;
    }
    if wish.assigned_agent.is_some() {
        task.assigned = service::checked_assignee(act.tx, act.office, wish.assigned_agent.as_deref())?;
    }
    if let Some(reason) = &wish.reason {
        flow::note(act, &task, "retry", mi_core::ids::excerpt(reason).as_str())?;
    }
    revive(act, member, task)?;
    answer(act, id)
}

/// A container first, so that its parts come back below one that is open; it closes again only if none did.
fn revive(act: &mut Act<'_>, member: &Member, mut task: TaskRow) -> Result<(), Fault> {
    let from = (task.status, task.verification);
    task.attempts = 0;
    task.rejections = 0;
    task.split_rounds = 0;
    task.error = None;
    task.backoff_until = None;
    task.started_at = None;
    chain::touch(act, member, &mut task)?;
    flow::record(act, &task, "tasks.retry", member.name(), format!("task {} retried", task.id))?;
    flow::shift(act, &mut task, from, Status::Queued)?;
    if task.readiness().is_container() {
        for child in store::children(act.tx, act.office, task.id)? {
            if matches!(child.status, Status::Failed | Status::Cancelled) {
                revive(act, member, child)?;
            }
        }
    }
    flow::close_if_due(act, task.id)
}

/// Operator, creator, assignee, or whoever holds the parent.
fn may_retry(act: &mut Act<'_>, task: &mut TaskRow, member: &Member) -> Result<(), Fault> {
    let Member::Agent { name, .. } = member else { return Ok(()) };
    let holds_parent = match task.parent {
        None => false,
        Some(id) => {
            let parent = flow::need(act, id)?;
            parent.status.is_held() && parent.claimed_by.as_ref() == Some(name)
        }
    };
    if !holds_parent {
        must_own(task, member)?;
    }
    if task.agent_retries >= AGENT_RETRIES_MAX {
        let sentence = format!("agents retried task {} {AGENT_RETRIES_MAX} times already", task.id);
        return Err(Fault::new(Code::NotYours, sentence).hint("ask an operator"));
    }
    task.agent_retries += 1;
    Ok(())
}

pub fn cancel(act: &mut Act<'_>, member: &Member, id: TaskId, wish: &CancelTask) -> Result<Task, Fault> {
    let mut task = flow::need(act, id)?;
    cancel_task(act, member, &mut task, wish.reason.as_deref())?;
    answer(act, id)
}

/// Cancels the task with its open subtasks; whoever holds one of them must stop.
pub fn cancel_task(act: &mut Act<'_>, member: &Member, task: &mut TaskRow, reason: Option<&str>) -> Result<(), Fault> {
    flow::check(task.id, Move::Cancel, task.status)?;
    if let Member::Agent { name, .. } = member
        && task.created_by != name.as_str()
    {
        let sentence = format!("task {} was created by {}", task.id, task.created_by);
        return Err(Fault::new(Code::NotYours, sentence).hint("only its creator or an operator cancels a task"));
    }
    cancel_tree(act, member, task.id, reason.unwrap_or("cancelled"))
}

/// From the top down, so that no container closes itself while its parts go.
fn cancel_tree(act: &mut Act<'_>, member: &Member, id: TaskId, reason: &str) -> Result<(), Fault> {
    let mut task = flow::need(act, id)?;
    // What is done and waits for a judgement is open as well: nobody is to judge it, and no check to send it back.
    let unjudged = task.status == Status::Done && task.verification == Verification::Pending;
    let mv = if unjudged { Move::CallOff } else { Move::Cancel };
    let Ok(to) = mv.target(task.status) else { return Ok(()) };
    reviewers::call_off(act, &task, None)?;
    let from = (task.status, task.verification);
    if task.status.is_held()
        && let Some(session) = task.session
    {
        sessions::service::withdraw(act, session, "cancelled")?;
    }
    task.error = Some(mi_core::ids::excerpt(reason));
    flow::record(act, &task, "tasks.cancel", member.name(), format!("task {id} cancelled"))?;
    flow::settle(act, &mut task, from, to)?;
    for child in store::children(act.tx, act.office, id)? {
        cancel_tree(act, member, child.id, reason)?;
    }
    Ok(())
}
