//! Chains of wake-ups through tasks: agents that give each other work for ever are stopped.
//!
//! A task that an agent makes, brings back or gives away stands one link further than that agent's session; what an
//! operator does to a task begins its chain anew. A task beyond the office's last link is not offered: it is blocked and
//! asks for an operator's word, and a comment of theirs lets it go on.

use mi_core::chain;
use mi_core::tasks::status::{BlockedKind, Status};

use super::flow;
use super::store::TaskRow;
use crate::infra::act::Act;
use crate::infra::caller::Member;
use crate::infra::fault::Fault;
use crate::sessions::chain::link;

const SYSTEM: &str = "system";

/// Somebody had a hand in what becomes of the task. Its caller saves it.
pub fn touch(act: &mut Act<'_>, member: &Member, task: &mut TaskRow) -> Result<(), Fault> {
    let link = link(act, member)?;
    task.chain = match member {
        Member::Person(_) => chain::OPERATOR,
        Member::Agent { .. } => task.chain.max(link),
    };
    Ok(())
}

/// How it goes into the queue: if its chain is too long, it waits for an operator instead.
pub fn into_queue(act: &mut Act<'_>, task: &mut TaskRow) -> Result<Status, Fault> {
    if chain::may_wake(task.chain, act.head.settings.wake_chain_max) {
        return Ok(Status::Queued);
    }
    let why = chain::stopped(task.chain);
    task.blocked_kind = Some(BlockedKind::NeedsInput);
    task.blocked_reason = Some(format!("{why}; comment on it, and it goes on"));
    flow::record(act, task, "tasks.chain_stopped", SYSTEM, format!("task {} waits for an operator: {why}", task.id))?;
    Ok(Status::Blocked)
}
