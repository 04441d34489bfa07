//! Which integration a blocked task needs.

use mi_core::ids::{AgentName, OfficeId, TaskId};

use crate::args;
use crate::infra::db::{DbError, Tx};

pub fn set(tx: &mut dyn Tx, office: OfficeId, task: TaskId, integration: Option<&str>) -> Result<(), DbError> {
    let sql = "update tasks set blocked_integration = $3 where office_id = $1 and id = $2";
    tx.execute(sql, args![office, task, integration])?;
    Ok(())
}

pub fn integration(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Option<String>, DbError> {
    let sql = "select blocked_integration from tasks where office_id = $1 and id = $2";
    tx.first(sql, args![office, task])?.map_or(Ok(None), |row| row.get(0))
}

/// Tasks that an agent has, or had last, and that wait for an integration.
pub fn waiting(
    tx: &mut dyn Tx,
    office: OfficeId,
    integration: &str,
    agent: &AgentName,
) -> Result<Vec<TaskId>, DbError> {
    let sql = "select id from tasks where office_id = $1 and blocked_integration = $2 and status = 'blocked' \
               and blocked_kind = 'needs_integration' and (assigned_agent = $3 or claimed_by = $3) order by id";
    tx.query(sql, args![office, integration, agent])?.iter().map(|row| row.get(0)).collect()
}
