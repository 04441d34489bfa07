//! Rows of environment variables. Values are sealed before they come here.

use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};

/// Whose a variable is. In the store, the office's have an empty agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Office,
    Agent(AgentId),
}

impl Scope {
    fn column(self) -> String {
        match self {
            Scope::Office => String::new(),
            Scope::Agent(id) => id.0.simple().to_string(),
        }
    }
}

pub struct VarRow {
    pub scope: Scope,
    pub key: String,
    pub sealed: String,
}

/// How much a scope holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    pub vars: i64,
    pub sealed_chars: i64,
}

fn read(row: &Row) -> Result<VarRow, DbError> {
    let agent: String = row.get(0)?;
    let scope = if agent.is_empty() { Scope::Office } else { Scope::Agent(row.get(0)?) };
    Ok(VarRow { scope, key: row.get(1)?, sealed: row.get(2)? })
}

/// Every variable of the office and its agents.
pub fn all(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<VarRow>, DbError> {
    let sql = "select agent_id, key, sealed from env_vars where office_id = $1 order by agent_id, key";
    tx.query(sql, args![office])?.iter().map(read).collect()
}

pub fn of(tx: &mut dyn Tx, office: OfficeId, scope: Scope) -> Result<Vec<VarRow>, DbError> {
    let sql = "select agent_id, key, sealed from env_vars where office_id = $1 and agent_id = $2 order by key";
    tx.query(sql, args![office, scope.column()])?.iter().map(read).collect()
}

pub fn load(tx: &mut dyn Tx, office: OfficeId, scope: Scope) -> Result<Load, DbError> {
    let sql = "select count(*), cast(coalesce(sum(length(sealed)), 0) as bigint) from env_vars \
               where office_id = $1 and agent_id = $2";
    let row = tx.first(sql, args![office, scope.column()])?;
    row.map_or(Ok(Load { vars: 0, sealed_chars: 0 }), |row| Ok(Load { vars: row.get(0)?, sealed_chars: row.get(1)? }))
}

pub fn put(tx: &mut dyn Tx, office: OfficeId, scope: Scope, key: &str, sealed: &str, now: Time) -> Result<(), DbError> {
    let sql = "insert into env_vars (office_id, agent_id, key, sealed, created_at) values ($1, $2, $3, $4, $5) \
               on conflict (office_id, agent_id, key) do update set sealed = excluded.sealed, \
               created_at = excluded.created_at";
    tx.execute(sql, args![office, scope.column(), key, sealed, now])?;
    Ok(())
}

/// Whether there was one.
pub fn remove(tx: &mut dyn Tx, office: OfficeId, scope: Scope, key: &str) -> Result<bool, DbError> {
    let sql = "delete from env_vars where office_id = $1 and agent_id = $2 and key = $3";
    Ok(tx.execute(sql, args![office, scope.column(), key])? > 0)
}
