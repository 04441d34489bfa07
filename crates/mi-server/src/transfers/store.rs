//! Rows of transfers.

use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Tx};

#[derive(Debug, Clone)]
pub struct TransferRow {
    pub id: String,
    pub office: OfficeId,
    pub agent: AgentId,
    pub origin: String,
    /// Who asked for the clone, and may send its state.
    pub caller: String,
    pub is_done: bool,
    pub report: Option<String>,
    pub created_at: Time,
    pub expires_at: Time,
    pub completed_at: Option<Time>,
}

const WAITING: &str = "waiting";
const DONE: &str = "done";

pub fn insert(tx: &mut dyn Tx, row: &TransferRow) -> Result<(), DbError> {
    let sql = "insert into transfers (office_id, id, agent_id, origin, caller, status, created_at, expires_at) \
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    tx.execute(
        sql,
        args![row.office, &row.id, row.agent, &row.origin, &row.caller, WAITING, row.created_at, row.expires_at],
    )?;
    Ok(())
}

/// The id alone says which office it belongs to, so this looks in all of them.
pub fn find(tx: &mut dyn Tx, id: &str) -> Result<Option<TransferRow>, DbError> {
    let sql = "select office_id, agent_id, origin, caller, status, report, created_at, expires_at, completed_at \
               from transfers where id = $1";
    let Some(row) = tx.first(sql, args![id])? else { return Ok(None) };
    let mut r = row.reader();
    Ok(Some(TransferRow {
        id: id.to_owned(),
        office: r.take()?,
        agent: r.take()?,
        origin: r.take()?,
        caller: r.take()?,
        is_done: r.take::<String>()? == DONE,
        report: r.take()?,
        created_at: r.take()?,
        expires_at: r.take()?,
        completed_at: r.take()?,
    }))
}

/// False where it was done already.
pub fn complete(tx: &mut dyn Tx, office: OfficeId, id: &str, report: &str, now: Time) -> Result<bool, DbError> {
    let sql = "update transfers set status = $3, report = $4, completed_at = $5 \
               where office_id = $1 and id = $2 and status = $6";
    Ok(tx.execute(sql, args![office, id, DONE, report, now, WAITING])? == 1)
}
