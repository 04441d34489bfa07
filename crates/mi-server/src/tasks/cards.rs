//! The shapes that clients see, with `why` for whatever waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use mi_core::ids::OfficeId;
use mi_core::tasks::status::{Status, Verification};
use mi_core::tasks::why::{Facts, Judge, OfficeState, Why, Workers, why};
use mi_core::time::Time;
use mi_core::wire::offices::OfficeStatus;
use mi_core::wire::tasks::Task;

use super::store::{self, TaskRow};
use super::{needs, reviewers, times, workers};
use crate::checks;

use crate::infra::act::Head;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;

pub fn card(tx: &mut dyn Tx, office: OfficeId, head: &Head, now: Time, row: &TaskRow) -> Result<Task, Fault> {
    card_with(tx, office, head, now, (row, &mut Known::default()))
}

pub fn cards(tx: &mut dyn Tx, office: OfficeId, head: &Head, now: Time, rows: &[TaskRow]) -> Result<Vec<Task>, Fault> {
    let mut known = Known::default();
    rows.iter().map(|row| card_with(tx, office, head, now, (row, &mut known))).collect()
}

/// Who could take a task depends on its assignee and tools alone, and on a page they are mostly the same.
#[derive(Default)]
struct Known(HashMap<(Option<String>, String), Workers>);

impl Known {
    fn workers(&mut self, tx: &mut dyn Tx, office: OfficeId, row: &TaskRow, now: Time) -> Result<Workers, Fault> {
        match self.0.entry((row.assigned.clone(), row.required_tools.clone())) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(place) => Ok(place.insert(workers::of_task(tx, office, row, now)?).clone()),
        }
    }
}

fn card_with(
    tx: &mut dyn Tx,
    office: OfficeId,
    head: &Head,
    now: Time,
    (row, known): (&TaskRow, &mut Known),
) -> Result<Task, Fault> {
    let why = explain_with(tx, office, head, now, (row, known))?;
    let why_late = times::shown(tx, office, head, now, row)?;
    Ok(Task { late: why_late.is_some(), why_late, ..shape(row, why) })
}

pub(super) fn explain(
    tx: &mut dyn Tx,
    office: OfficeId,
    head: &Head,
    now: Time,
    row: &TaskRow,
) -> Result<Option<Why>, Fault> {
    explain_with(tx, office, head, now, (row, &mut Known::default()))
}

fn explain_with(
    tx: &mut dyn Tx,
    office: OfficeId,
    head: &Head,
    now: Time,
    (row, known): (&TaskRow, &mut Known),
) -> Result<Option<Why>, Fault> {
    let unjudged = row.status == Status::Done && row.verification == Verification::Pending;
    if !matches!(row.status, Status::Queued | Status::Blocked) && !unjudged {
        return Ok(None);
    }
    let waiting_for = if row.open_dependencies > 0 { unaccepted(tx, office, row)? } else { Vec::new() };
    let blocked = match row.blocked_kind {
        Some(kind) => Some((kind, needs::said(tx, office, row)?)),
        None => None,
    };
    let workers = if row.readiness().is_ready() { known.workers(tx, office, row, now)? } else { Workers::Free };
    Ok(why(&Facts {
        status: row.status,
        verification: row.verification,
        judge: judge_of(tx, office, row, unjudged)?,
        blocked_until: row.blocked_until,
        blocked: blocked.as_ref().map(|(kind, said)| (*kind, said.as_str())),
        waiting_for: &waiting_for,
        open_subtasks: row.open_subtasks,
        not_before: row.wanted_not_before,
        backoff_until: row.backoff_until,
        now,
        office: office_state(head),
        workers,
    }))
}

/// The server's own checks come first, then whoever is asked.
fn judge_of(tx: &mut dyn Tx, office: OfficeId, row: &TaskRow, unjudged: bool) -> Result<Judge, Fault> {
    let checks = if unjudged { checks::service::judge_of(tx, office, row.id)? } else { None };
    match checks {
        Some(judge) => Ok(judge),
        None => reviewers::judge_of(tx, office, row),
    }
}

fn unaccepted(tx: &mut dyn Tx, office: OfficeId, row: &TaskRow) -> Result<Vec<i64>, Fault> {
    let dependencies = store::dependencies(tx, office, row.id)?;
    Ok(dependencies.iter().filter(|d| !d.is_accepted()).map(|d| d.id.0).collect())
}

pub fn office_state(head: &Head) -> OfficeState {
    match head.status {
        OfficeStatus::Suspended => OfficeState::Suspended,
        OfficeStatus::Active | OfficeStatus::Provisioning if head.balance.0 <= 0 => OfficeState::OutOfCredits,
        OfficeStatus::Active | OfficeStatus::Provisioning => OfficeState::Active,
    }
}

fn shape(row: &TaskRow, why: Option<Why>) -> Task {
    let shown_result = match row.status {
        Status::Done => row.result.clone(),
        Status::Queued | Status::Claimed | Status::Running | Status::Blocked | Status::Failed | Status::Cancelled => {
            None
        }
    };
    Task {
        id: row.id,
        name: row.name.clone(),
        parent_id: row.parent,
        title: row.title.clone(),
        description: row.description.clone(),
        kind: row.kind,
        priority: row.priority,
        status: row.status,
        assigned_agent: row.assigned.clone(),
        claimed_by: row.claimed_by.clone(),
        created_by: row.created_by.clone(),
        depends_on: row.depends_on.clone(),
        required_tools: row.required_tools(),
        result_summary: shown_result,
        error: row.error.clone(),
        attempts: row.attempts,
        max_attempts: row.max_attempts,
        verification: if row.status == Status::Done { row.verification } else { Verification::None },
        subtask_count: row.subtask_count,
        lease_expires_at: row.lease_expires_at,
        verifies: row.verifies,
        blocked_until: row.blocked_until,
        why,
        not_before: row.wanted_not_before,
        deadline: row.deadline,
        late: false,
        why_late: None,
        created_at: row.created_at,
        updated_at: row.updated_at,
        started_at: row.started_at,
        completed_at: row.completed_at,
        used: row.used,
        used_with_subtasks: (row.subtask_count > 0).then_some(row.all_used),
        claim: None,
    }
}
