//! Rows of late results.

use mi_core::ids::{AgentName, ClaimToken, OfficeId, TaskId};
use mi_core::tasks::status::Status;
use mi_core::time::Time;
use mi_core::wire::tasks::{LateResult, LateState};

use crate::args;
use crate::infra::db::{DbError, Row, Tx};

macro_rules! select_late {
    ($rest:literal) => {
        concat!(
            "select id, task_id, session, attempt, agent, status, text, state, decided_by, decided_at, created_at \
             from late_results where office_id = $1 and task_id = $2 ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<LateResult, DbError> {
    let mut r = row.reader();
    Ok(LateResult {
        id: r.take()?,
        task_id: r.take()?,
        session: r.take()?,
        attempt: r.take()?,
        agent: r.take()?,
        status: r.take()?,
        text: r.take()?,
        state: r.take()?,
        decided_by: r.take()?,
        decided_at: r.take()?,
        created_at: r.take()?,
    })
}

/// What is about to be kept.
#[derive(Debug)]
pub struct NewLate<'a> {
    pub session: ClaimToken,
    pub attempt: Option<i64>,
    pub agent: &'a AgentName,
    pub status: Status,
    pub text: &'a str,
    pub at: Time,
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, task: TaskId, id: i64, late: &NewLate<'_>) -> Result<(), DbError> {
    let sql = "insert into late_results (office_id, task_id, id, session, attempt, agent, status, text, state, \
               created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9)";
    tx.execute(
        sql,
        args![office, task, id, late.session, late.attempt, late.agent, late.status.as_str(), late.text, late.at],
    )?;
    Ok(())
}

/// Whether a claim has brought this very outcome before.
pub fn is_kept(
    tx: &mut dyn Tx,
    office: OfficeId,
    task: TaskId,
    session: ClaimToken,
    (status, text): (Status, &str),
) -> Result<bool, DbError> {
    let sql = "select cast(1 as bigint) from late_results where office_id = $1 and task_id = $2 and session = $3 \
               and status = $4 and text = $5 limit 1";
    Ok(tx.first(sql, args![office, task, session, status.as_str(), text])?.is_some())
}

/// How many there are.
pub struct Counts {
    pub of_task: i64,
    pub of_claim: i64,
}

pub fn count(tx: &mut dyn Tx, office: OfficeId, task: TaskId, session: ClaimToken) -> Result<Counts, DbError> {
    let sql = "select count(*), cast(coalesce(sum(case when session = $3 then 1 else 0 end), 0) as bigint) \
               from late_results where office_id = $1 and task_id = $2";
    let row = tx.first(sql, args![office, task, session])?;
    row.map_or(Ok(Counts { of_task: 0, of_claim: 0 }), |row| Ok(Counts { of_task: row.get(0)?, of_claim: row.get(1)? }))
}

/// All of a task, oldest first; there are never many.
pub fn list(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Vec<LateResult>, DbError> {
    tx.query(select_late!("order by id"), args![office, task])?.iter().map(read).collect()
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, task: TaskId, id: i64) -> Result<Option<LateResult>, DbError> {
    tx.first(select_late!("and id = $3"), args![office, task, id])?.as_ref().map(read).transpose()
}

pub fn decide(
    tx: &mut dyn Tx,
    office: OfficeId,
    task: TaskId,
    id: i64,
    state: LateState,
    by: &str,
    at: Time,
) -> Result<(), DbError> {
    let sql = "update late_results set state = $4, decided_by = $5, decided_at = $6 \
               where office_id = $1 and task_id = $2 and id = $3";
    tx.execute(sql, args![office, task, id, state.as_str(), by, at])?;
    Ok(())
}
