//! Reviewers: who is asked to judge done work that needs a judgement.
//!
//! An office names them in its setting `reviewers`. Each done task that waits for a
//! judgement then gets one task of kind `verify`; it can't be done before the verdict is
//! given, and it goes when somebody else gives it.

use mi_core::chain;
use mi_core::ids::{AgentName, OfficeId, TaskId, excerpt};
use mi_core::problem::Code;
use mi_core::tasks::machine::Move;
use mi_core::tasks::status::{Kind, Status, Verification};
use mi_core::tasks::why::Judge;

use super::flow;
use super::store::{self, TaskRow};
use crate::agents::service as agents;
use crate::checks;
use crate::infra::act::Act;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::sessions;

/// In the setting: any agent that had no hand in the work.
const ANYBODY: &str = "*";
/// Who makes these tasks, for events and `created_by`.
const SERVER: &str = "system";

/// Whom the office wants to be asked.
enum Choice {
    Named(AgentName),
    Anybody,
    Nobody,
}

/// Puts a review into the queue for a task that is done and not judged.
pub fn ask_if_pending(act: &mut Act<'_>, task: &TaskRow) -> Result<(), Fault> {
    if task.status != Status::Done || task.verification != Verification::Pending || task.kind == Kind::Verify {
        return Ok(());
    }
    // Nobody's time is spent on work that the server itself may find wanting; they are asked when its checks have passed.
    if checks::service::are_open(act.tx, act.office, task.id)? {
        return Ok(());
    }
    let assigned = match choose(act, task)? {
        Choice::Named(name) => Some(name.to_string()),
        Choice::Anybody => None,
        Choice::Nobody => return Ok(()),
    };
    let mut review = draft(act, task, assigned);
    review.id = act.next_task_id();
    store::insert(act.tx, act.office, &review)?;
    act.count_task(None, review.status);
    let summary = format!("task {} created: the judgement of task {}", review.id, task.id);
    flow::record(act, &review, "tasks.create", SERVER, summary)?;
    flow::offer(act, &review)
}

/// The first that is named, works here, and had no hand in it.
fn choose(act: &mut Act<'_>, task: &TaskRow) -> Result<Choice, Fault> {
    let settings = std::sync::Arc::clone(&act.head.settings);
    for name in settings.reviewers.iter().filter(|name| *name != ANYBODY) {
        let Some(agent) = agents::by_name(act.tx, act.office, name)? else { continue };
        if !is_involved(act.tx, act.office, task, &agent.name)? {
            return Ok(Choice::Named(agent.name));
        }
    }
    let anybody = settings.reviewers.iter().any(|name| name == ANYBODY);
    Ok(if anybody { Choice::Anybody } else { Choice::Nobody })
}

fn draft(act: &Act<'_>, task: &TaskRow, assigned: Option<String>) -> TaskRow {
    let id = task.id;
    let description = format!(
        "Task {id} is done and counts only once somebody else has judged it. Look at its result, its artifacts and \
         what it was to do (`tq show {id}`), try what can be tried, and give your verdict:\n\
         \n    tq verify {id} --accept\n    tq verify {id} --reject --comments \"what has to change\"\n\
         \nThen finish this task with what you looked at. It can't be done before the verdict."
    );
    TaskRow {
        id: TaskId(0),
        parent: None,
        depth: 0,
        title: format!("Judge task {id}: {}", excerpt(&task.title)),
        description: Some(description),
        kind: Kind::Verify,
        assigned,
        created_by: SERVER.to_owned(),
        // A judgement is never kept waiting; what follows from it may be.
        chain: chain::after(task.chain).min(act.head.settings.wake_chain_max),
        verifies: Some(id),
        created_at: act.now,
        updated_at: act.now,
        max_attempts: act.head.settings.task_max_attempts,
        priority: task.priority,
        ..TaskRow::empty()
    }
}

/// The judgement is given, or the task is no longer done: its review is called off, unless its own holder judged and
/// has to say yet what it looked at.
pub fn call_off(act: &mut Act<'_>, task: &TaskRow, judge: Option<&AgentName>) -> Result<(), Fault> {
    let Some(mut review) = store::review_of(act.tx, act.office, task.id)? else { return Ok(()) };
    let judged_by_itself = review.status.is_held() && judge.is_some() && review.claimed_by.as_ref() == judge;
    let Ok(to) = Move::Cancel.target(review.status) else { return Ok(()) };
    if judged_by_itself {
        return Ok(());
    }
    if review.status.is_held()
        && let Some(session) = review.session
    {
        sessions::service::withdraw(act, session, "judged by somebody else")?;
    }
    let from = (review.status, review.verification);
    review.error = Some(format!("task {} was judged without it", task.id));
    flow::record(act, &review, "tasks.cancel", SERVER, format!("task {} is not needed any more", review.id))?;
    flow::settle(act, &mut review, from, to)
}

/// A review says what it found only after its verdict.
pub fn refuse_without_verdict(act: &mut Act<'_>, review: &TaskRow) -> Result<(), Fault> {
    let Some(id) = review.verifies else { return Ok(()) };
    let task = flow::need(act, id)?;
    if task.status != Status::Done || task.verification != Verification::Pending {
        return Ok(());
    }
    let sentence = format!("task {} judges task {id}, which has no verdict yet", review.id);
    let hint = format!("tq verify {id} --accept, or tq verify {id} --reject --comments \"…\"");
    Err(Fault::new(Code::VerdictRequired, sentence).hint(hint))
}

/// Whether `name` may take this task as far as judging goes: nobody judges work in which they had a hand.
pub fn may_take(tx: &mut dyn Tx, office: OfficeId, review: &TaskRow, name: &AgentName) -> Result<bool, Fault> {
    let Some(id) = review.verifies else { return Ok(true) };
    let task = store::get(tx, office, id)?.ok_or_else(|| fault::no_such_task(id))?;
    Ok(!is_involved(tx, office, &task, name)?)
}

/// The worker, its hirer, and agents hired by either of them have a hand in the work.
pub fn is_involved(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow, name: &AgentName) -> Result<bool, Fault> {
    let Some(worker) = &task.claimed_by else { return Ok(false) };
    let mut hirer = |name: &str| -> Result<Option<String>, Fault> {
        let agent = agents::by_name(tx, office, name)?;
        Ok(agent.and_then(|agent| agent.spawned_by).map(|by| by.to_string()))
    };
    let (workers_hirer, own_hirer) = (hirer(worker.as_str())?, hirer(name.as_str())?);
    Ok(name == worker
        || workers_hirer.as_deref() == Some(name.as_str())
        || own_hirer.as_deref() == Some(worker.as_str())
        || (own_hirer.is_some() && own_hirer == workers_hirer))
}

/// Who is to judge, for the explanation of a task that waits for it.
pub fn judge_of(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow) -> Result<Judge, Fault> {
    if task.status != Status::Done || task.verification != Verification::Pending {
        return Ok(Judge::Anybody);
    }
    let Some(review) = store::review_of(tx, office, task.id)? else { return Ok(Judge::Anybody) };
    let id = review.id.0;
    Ok(match review.status {
        Status::Queued | Status::Claimed | Status::Running | Status::Blocked => {
            let of = review.claimed_by.filter(|_| review.status.is_held()).map(|name| name.to_string());
            Judge::Asked { review: id, of: of.or(review.assigned) }
        }
        status @ (Status::Done | Status::Failed | Status::Cancelled) => Judge::Silent { review: id, status },
    })
}
