//! What time does to tasks: moments at which they are offered, and deadlines.

use mi_core::ids::{ClaimToken, OfficeId, TaskId};
use mi_core::tasks::why::Why;
use mi_core::time::Time;

use super::TaskRow;
use crate::args;
use crate::infra::db::{DbError, Tx};

/// Ready tasks of one assignee (or of nobody) in one office, and how many of them.
pub struct Offered {
    pub office: OfficeId,
    pub assigned: Option<String>,
    pub count: i64,
}

/// Those whose back-off or `notBefore` ended between two moments.
pub fn offered(tx: &mut dyn Tx, after: Time, until: Time) -> Result<Vec<Offered>, DbError> {
    let sql = "select office_id, assigned_agent, count(*) from tasks where ready = 1 and not_before is not null \
               and not_before > $1 and not_before <= $2 group by office_id, assigned_agent \
               order by office_id, assigned_agent";
    let read =
        |row: &crate::infra::db::Row| Ok(Offered { office: row.get(0)?, assigned: row.get(1)?, count: row.get(2)? });
    tx.query(sql, args![after, until])?.iter().map(read).collect()
}

/// The next moment after `after` at which a ready task is to be offered.
pub fn next_offer(tx: &mut dyn Tx, after: Time) -> Result<Option<Time>, DbError> {
    let sql = "select min(not_before) from tasks where ready = 1 and not_before is not null and not_before > $1";
    tx.first(sql, args![after])?.map_or(Ok(None), |row| row.get(0))
}

/// Open tasks whose deadline has passed and that nobody has been told of, after one of them.
pub fn overdue(
    tx: &mut dyn Tx,
    now: Time,
    after: Option<(OfficeId, TaskId)>,
    most: i64,
) -> Result<Vec<(OfficeId, TaskId)>, DbError> {
    let sql = "select office_id, id from tasks where deadline_at is not null and late_at is null \
               and completed_at is null and deadline_at <= $1 and (office_id > $3 or (office_id = $3 and id > $4)) \
               order by office_id, id limit $2";
    let (office, task) = super::place(after);
    tx.query(sql, args![now, most, office, task])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The next deadline that an open task can miss.
pub fn next_deadline(tx: &mut dyn Tx) -> Result<Option<Time>, DbError> {
    let sql = "select min(deadline_at) from tasks where deadline_at is not null and late_at is null \
               and completed_at is null";
    tx.first(sql, args![])?.map_or(Ok(None), |row| row.get(0))
}

/// Since when the claim is held.
pub fn held_since(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken) -> Result<Option<Time>, DbError> {
    let sql = "select started_at from sessions where office_id = $1 and number = $2";
    tx.first(sql, args![office, session])?.map(|row| row.get(0)).transpose()
}

pub fn mark(tx: &mut dyn Tx, office: OfficeId, task: TaskId, at: Time, why: &Why) -> Result<(), DbError> {
    let sql = "update tasks set late_at = $3, late_code = $4, late_message = $5 where office_id = $1 and id = $2";
    tx.execute(sql, args![office, task, at, &why.code, &why.message])?;
    Ok(())
}

/// A new deadline can be missed anew.
pub fn save_deadline(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow) -> Result<(), DbError> {
    let sql = "update tasks set deadline_at = $3, late_at = null, late_code = null, late_message = null \
               where office_id = $1 and id = $2";
    tx.execute(sql, args![office, task.id, task.deadline])?;
    Ok(())
}
