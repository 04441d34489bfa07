//! Rows of checks, of rounds and of what was found.

use mi_core::checks::Check;
use mi_core::ids::{OfficeId, TaskId};
use mi_core::time::Time;
use mi_core::wire::checks::{CheckOutcome, Verdict};

use super::run::Finding;
use crate::args;
use crate::infra::db::{DbError, Row, Tx};

/// A completion that is still to be judged.
#[derive(Debug, Clone)]
pub struct Round {
    pub generation: i64,
    pub tries: i64,
    pub due_at: Time,
    /// Why it couldn't be run the last time.
    pub delay: Option<String>,
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Passed,
    Failed,
    /// The task went on without it.
    Dropped,
}

impl Ending {
    const fn as_str(self) -> &'static str {
        match self {
            Ending::Passed => "passed",
            Ending::Failed => "failed",
            Ending::Dropped => "dropped",
        }
    }
}

fn spec_of(check: &Check) -> Result<String, DbError> {
    serde_json::to_string(check).map_err(|error| DbError::Shape(format!("a check: {error}")))
}

fn check_of(spec: &str) -> Result<Check, DbError> {
    serde_json::from_str(spec).map_err(|error| DbError::Shape(format!("a check: {error}")))
}

pub fn replace(tx: &mut dyn Tx, office: OfficeId, task: TaskId, checks: &[Check]) -> Result<(), DbError> {
    tx.execute("delete from task_checks where office_id = $1 and task_id = $2", args![office, task])?;
    let sql = "insert into task_checks (office_id, task_id, position, spec) values ($1, $2, $3, $4)";
    for (position, check) in (1i64..).zip(checks) {
        tx.execute(sql, args![office, task, position, spec_of(check)?])?;
    }
    Ok(())
}

pub fn of_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Vec<Check>, DbError> {
    let sql = "select spec from task_checks where office_id = $1 and task_id = $2 order by position";
    tx.query(sql, args![office, task])?.iter().map(|row| check_of(&row.get::<String>(0)?)).collect()
}

pub fn has_any(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<bool, DbError> {
    let sql = "select position from task_checks where office_id = $1 and task_id = $2 limit 1";
    Ok(tx.first(sql, args![office, task])?.is_some())
}

pub fn open(tx: &mut dyn Tx, office: OfficeId, task: TaskId, now: Time) -> Result<(), DbError> {
    let sql = "insert into check_rounds (office_id, task_id, generation, state, due_at, created_at) \
               select $1, $2, coalesce(max(generation), 0) + 1, 'open', $3, $3 from check_rounds \
               where office_id = $1 and task_id = $2";
    tx.execute(sql, args![office, task, now])?;
    Ok(())
}

pub fn open_round(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Option<Round>, DbError> {
    let sql = "select generation, tries, due_at, delay from check_rounds \
               where office_id = $1 and task_id = $2 and state = 'open'";
    let row = tx.first(sql, args![office, task])?;
    row.as_ref().map(read_round).transpose()
}

fn read_round(row: &Row) -> Result<Round, DbError> {
    let mut r = row.reader();
    Ok(Round { generation: r.take()?, tries: r.take()?, due_at: r.take()?, delay: r.take()? })
}

/// Ends whichever round of the task is open.
pub fn end(tx: &mut dyn Tx, office: OfficeId, task: TaskId, ending: Ending, now: Time) -> Result<(), DbError> {
    let sql = "update check_rounds set state = $3, delay = null, ended_at = $4 \
               where office_id = $1 and task_id = $2 and state = 'open'";
    tx.execute(sql, args![office, task, ending.as_str(), now])?;
    Ok(())
}

pub fn put_off(tx: &mut dyn Tx, office: OfficeId, task: TaskId, round: &Round) -> Result<(), DbError> {
    let sql = "update check_rounds set tries = $3, due_at = $4, delay = $5 \
               where office_id = $1 and task_id = $2 and state = 'open'";
    tx.execute(sql, args![office, task, round.tries, round.due_at, round.delay.as_ref()])?;
    Ok(())
}

/// Rounds whose time has come, in offices that work.
pub fn due(tx: &mut dyn Tx, now: Time, most: i64) -> Result<Vec<(OfficeId, TaskId)>, DbError> {
    let sql = "select r.office_id, r.task_id from check_rounds r join offices o on o.id = r.office_id \
               where r.state = 'open' and r.due_at <= $1 and o.status = 'active' \
               order by r.due_at, r.office_id, r.task_id limit $2";
    tx.query(sql, args![now, most])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

pub fn add_run(
    tx: &mut dyn Tx,
    office: OfficeId,
    task: TaskId,
    (generation, position): (i64, i64),
    finding: &Finding,
) -> Result<(), DbError> {
    let sql = "insert into check_runs (office_id, task_id, generation, position, spec, verdict, detail, exit_code, \
               output, duration_ms, finished_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    tx.execute(
        sql,
        args![
            office,
            task,
            generation,
            position,
            spec_of(&finding.check)?,
            finding.verdict.as_str(),
            &finding.detail,
            finding.exit_code,
            finding.output.as_ref(),
            finding.duration_ms,
            finding.finished_at,
        ],
    )?;
    Ok(())
}

/// What was found the last time, check by check.
pub fn last_runs(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Vec<(Check, CheckOutcome)>, DbError> {
    let sql = "select spec, verdict, detail, exit_code, output, duration_ms, generation, finished_at from check_runs \
               where office_id = $1 and task_id = $2 and generation = (select max(generation) from check_runs \
               where office_id = $1 and task_id = $2) order by position";
    tx.query(sql, args![office, task])?.iter().map(read_run).collect()
}

fn read_run(row: &Row) -> Result<(Check, CheckOutcome), DbError> {
    let mut r = row.reader();
    let check = check_of(&r.take::<String>()?)?;
    let verdict = r.take::<String>()?;
    let verdict: Verdict = verdict.parse().map_err(|error| DbError::Shape(format!("a run: {error}")))?;
    let outcome = CheckOutcome {
        verdict,
        detail: r.take()?,
        exit_code: r.take()?,
        output: r.take()?,
        duration_ms: r.take()?,
        generation: r.take()?,
        finished_at: r.take()?,
    };
    Ok((check, outcome))
}
