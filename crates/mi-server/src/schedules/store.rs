//! Rows of schedules.

use mi_core::ids::{OfficeId, TaskId};
use mi_core::schedules::name::ScheduleName;
use mi_core::schedules::plan::{CatchUp, Overlap};
use mi_core::time::Time;
use mi_core::wire::schedules::Outcome;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

#[derive(Debug, Clone)]
pub struct ScheduleRow {
    pub id: i64,
    pub name: ScheduleName,
    /// As it was written.
    pub cron: String,
    pub timezone: String,
    /// The task, as JSON.
    pub template: String,
    pub deadline_seconds: Option<i64>,
    pub catch_up: CatchUp,
    pub overlap: Overlap,
    pub paused: bool,
    /// From when `every` counts.
    pub anchor_at: Time,
    /// The first moment that has had no run; none while it is paused.
    pub next_at: Option<Time>,
    pub runs: i64,
    pub last_run_at: Option<Time>,
    pub last_task: Option<TaskId>,
    pub last_outcome: Option<Outcome>,
    pub last_error: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// `select` with every column in the order of [`read`].
macro_rules! select_schedules {
    ($rest:literal) => {
        concat!(
            "select id, name, rhythm, timezone, template, deadline_seconds, catch_up, overlap, paused, anchor_at, \
             next_at, runs, last_run_at, last_task, last_outcome, last_error, created_at, updated_at \
             from schedules ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<ScheduleRow, DbError> {
    let mut r = row.reader();
    Ok(ScheduleRow {
        id: r.take()?,
        name: r.take()?,
        cron: r.take()?,
        timezone: r.take()?,
        template: r.take()?,
        deadline_seconds: r.take()?,
        catch_up: r.take()?,
        overlap: r.take()?,
        paused: r.take()?,
        anchor_at: r.take()?,
        next_at: r.take()?,
        runs: r.take()?,
        last_run_at: r.take()?,
        last_task: r.take()?,
        last_outcome: r.take()?,
        last_error: r.take()?,
        created_at: r.take()?,
        updated_at: r.take()?,
    })
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, id: i64) -> Result<Option<ScheduleRow>, DbError> {
    let sql = select_schedules!("where office_id = $1 and id = $2");
    tx.first(sql, args![office, id])?.as_ref().map(read).transpose()
}

pub fn by_name(tx: &mut dyn Tx, office: OfficeId, name: &str) -> Result<Option<ScheduleRow>, DbError> {
    let sql = select_schedules!("where office_id = $1 and name = $2");
    tx.first(sql, args![office, name])?.as_ref().map(read).transpose()
}

pub fn list(tx: &mut dyn Tx, office: OfficeId, page: Page) -> Result<Vec<ScheduleRow>, DbError> {
    let sql = select_schedules!("where office_id = $1 order by name limit $2 offset $3");
    tx.query(sql, args![office, page.limit, page.offset])?.iter().map(read).collect()
}

pub fn count(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    let row = tx.first("select count(*) from schedules where office_id = $1", args![office])?;
    row.map_or(Ok(0), |row| row.get(0))
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, row: &ScheduleRow) -> Result<(), DbError> {
    let sql = "insert into schedules (office_id, id, name, rhythm, timezone, template, deadline_seconds, catch_up, \
               overlap, paused, anchor_at, next_at, created_at, updated_at) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    tx.execute(
        sql,
        args![
            office,
            row.id,
            row.name.as_str(),
            &row.cron,
            &row.timezone,
            &row.template,
            row.deadline_seconds,
            row.catch_up.as_str(),
            row.overlap.as_str(),
            row.paused,
            row.anchor_at,
            row.next_at,
            row.created_at,
            row.updated_at,
        ],
    )?;
    Ok(())
}

/// What an edit can change.
pub fn save_edits(tx: &mut dyn Tx, office: OfficeId, row: &ScheduleRow) -> Result<(), DbError> {
    let sql = "update schedules set name = $3, rhythm = $4, timezone = $5, template = $6, deadline_seconds = $7, \
               catch_up = $8, overlap = $9, paused = $10, anchor_at = $11, next_at = $12, updated_at = $13 \
               where office_id = $1 and id = $2";
    tx.execute(
        sql,
        args![
            office,
            row.id,
            row.name.as_str(),
            &row.cron,
            &row.timezone,
            &row.template,
            row.deadline_seconds,
            row.catch_up.as_str(),
            row.overlap.as_str(),
            row.paused,
            row.anchor_at,
            row.next_at,
            row.updated_at,
        ],
    )?;
    Ok(())
}

/// What a run changes.
pub fn save_run(tx: &mut dyn Tx, office: OfficeId, row: &ScheduleRow) -> Result<(), DbError> {
    let sql = "update schedules set next_at = $3, runs = $4, last_run_at = $5, last_task = $6, last_outcome = $7, \
               last_error = $8 where office_id = $1 and id = $2";
    let outcome = row.last_outcome.map(Outcome::as_str);
    tx.execute(
        sql,
        args![office, row.id, row.next_at, row.runs, row.last_run_at, row.last_task, outcome, row.last_error.as_ref(),],
    )?;
    Ok(())
}

pub fn remove(tx: &mut dyn Tx, office: OfficeId, id: i64) -> Result<(), DbError> {
    tx.execute("delete from schedules where office_id = $1 and id = $2", args![office, id])?;
    Ok(())
}

/// A schedule that is due, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    pub office: OfficeId,
    pub id: i64,
    pub since: Time,
}

/// Schedules of working offices that are due, the longest first.
pub fn due(tx: &mut dyn Tx, now: Time, most: i64) -> Result<Vec<Due>, DbError> {
    let sql = "select s.office_id, s.id, s.next_at from schedules s join offices o on o.id = s.office_id \
               where s.next_at is not null and s.paused = 0 and s.next_at <= $1 and o.status = 'active' \
               order by s.next_at, s.office_id, s.id limit $2";
    let read = |row: &Row| Ok(Due { office: row.get(0)?, id: row.get(1)?, since: row.get(2)? });
    tx.query(sql, args![now, most])?.iter().map(read).collect()
}

/// When the next one is due.
pub fn next(tx: &mut dyn Tx) -> Result<Option<Time>, DbError> {
    let sql = "select min(s.next_at) from schedules s join offices o on o.id = s.office_id \
               where s.next_at is not null and s.paused = 0 and o.status = 'active'";
    tx.first(sql, args![])?.map_or(Ok(None), |row| row.get(0))
}
