//! Deadlines: a task that isn't finished by then is late, and that is all.
//!
//! Each missed deadline is marked once, with its event and the reason: by the sweep, or by the move that ends the
//! task before the sweep came by.

use mi_core::ids::OfficeId;
use mi_core::tasks::deadline::{Standing, finished_late, is_late, why_late};
use mi_core::tasks::why::Why;
use mi_core::time::Time;
use mi_core::wire::tasks::{CreateTask, UpdateTask};

use super::store::{self, TaskRow};
use super::{cards, flow};
use crate::infra::act::{Act, Head};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;

/// Marks a task that is (or was until now) open and whose deadline has passed, with its event; nothing the second time.
pub fn note(act: &mut Act<'_>, task: &mut TaskRow) -> Result<(), Fault> {
    if task.late_at.is_some() || !is_late(task.deadline, None, act.now) {
        return Ok(());
    }
    let why = why_late(&standing(act.tx, act.office, &act.head, act.now, task)?);
    store::times::mark(act.tx, act.office, task.id, act.now, &why)?;
    flow::record(act, task, "tasks.late", "system", format!("task {} is late: {}", task.id, why.message))?;
    task.late_at = Some(act.now);
    task.late_code = Some(why.code);
    task.late_message = Some(why.message);
    Ok(())
}

/// Why it is late, for its card; none if it isn't.
pub fn shown(tx: &mut dyn Tx, office: OfficeId, head: &Head, now: Time, row: &TaskRow) -> Result<Option<Why>, Fault> {
    let Some(deadline) = row.deadline.filter(|_| is_late(row.deadline, row.completed_at, now)) else {
        return Ok(None);
    };
    let marked = match (&row.late_code, &row.late_message) {
        (Some(code), Some(message)) => Some(Why::of(code, message.clone())),
        _ => None,
    };
    match row.completed_at {
        Some(at) => Ok(Some(finished_late(marked, deadline, at))),
        None if marked.is_some() => Ok(marked),
        None => Ok(Some(why_late(&standing(tx, office, head, now, row)?))),
    }
}

fn standing(tx: &mut dyn Tx, office: OfficeId, head: &Head, now: Time, row: &TaskRow) -> Result<Standing, Fault> {
    if row.status.is_held() {
        let since = match row.session {
            Some(session) => store::times::held_since(tx, office, session)?,
            None => None,
        };
        let by = row.claimed_by.as_ref().map_or("an agent", |name| name.as_str()).to_owned();
        return Ok(Standing::Held { by, since });
    }
    let why = cards::explain(tx, office, head, now, row)?;
    Ok(why.map_or(Standing::Unverified, Standing::Waiting))
}

/// Takes over what a new task says of time.
pub fn draft(act: &mut Act<'_>, task: &mut TaskRow, wish: &CreateTask) -> Result<(), Fault> {
    task.wanted_not_before = wish.not_before.and_then(|moment| moment.seen_at(act.now));
    task.deadline = wish.deadline.and_then(|moment| moment.seen_at(act.now));
    check(act, task)
}

pub fn has_edits(wish: &UpdateTask) -> bool {
    wish.not_before.is_some() || wish.deadline.is_some()
}

/// Takes over what an edit says of time; the row's other fields are saved by the edit.
pub fn edit(act: &mut Act<'_>, task: &mut TaskRow, wish: &UpdateTask) -> Result<(), Fault> {
    if !has_edits(wish) {
        return Ok(());
    }
    if let Some(moment) = wish.not_before {
        task.wanted_not_before = moment.seen_at(act.now);
    }
    let deadline = wish.deadline.map_or(task.deadline, |moment| moment.seen_at(act.now));
    if deadline == task.deadline {
        return check_order(task);
    }
    task.deadline = deadline;
    task.late_at = None;
    task.late_code = None;
    task.late_message = None;
    check(act, task)?;
    Ok(store::times::save_deadline(act.tx, act.office, task)?)
}

fn check(act: &mut Act<'_>, task: &TaskRow) -> Result<(), Fault> {
    let Some(deadline) = task.deadline else { return Ok(()) };
    if deadline <= act.now {
        return Err(fault::bad_request(format!("the deadline {deadline} has passed already"))
            .hint("send a later one: RFC 3339, or a length from now such as +2h"));
    }
    check_order(task)?;
    act.wake(Wake::Due);
    Ok(())
}

fn check_order(task: &TaskRow) -> Result<(), Fault> {
    match (task.wanted_not_before, task.deadline) {
        (Some(begin), Some(deadline)) if deadline <= begin => {
            let sentence = format!("the task isn't to begin before {begin}, which is after its deadline {deadline}");
            Err(fault::bad_request(sentence).hint("move notBefore or deadline"))
        }
        _ => Ok(()),
    }
}
