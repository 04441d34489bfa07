//! Rows of integrations. Values are sealed before they come here.

use mi_core::ids::{AgentId, AgentName, OfficeId, TaskId};
use mi_core::time::Time;
use mi_core::wire::integrations::{IntegrationRequest, IntegrationRequestStatus};

use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

/// A secret that is set, without its value.
pub struct KeyRow {
    pub integration: String,
    pub key: String,
    pub created_at: Time,
}

pub struct SecretRow {
    pub key: String,
    pub sealed: String,
}

pub fn keys(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<KeyRow>, DbError> {
    let sql = "select integration, key, created_at from integration_secrets where office_id = $1 \
               order by integration, key";
    let read = |row: &Row| Ok(KeyRow { integration: row.get(0)?, key: row.get(1)?, created_at: row.get(2)? });
    tx.query(sql, args![office])?.iter().map(read).collect()
}

pub fn secrets(tx: &mut dyn Tx, office: OfficeId, integration: &str) -> Result<Vec<SecretRow>, DbError> {
    let sql = "select key, sealed from integration_secrets where office_id = $1 and integration = $2 order by key";
    let read = |row: &Row| Ok(SecretRow { key: row.get(0)?, sealed: row.get(1)? });
    tx.query(sql, args![office, integration])?.iter().map(read).collect()
}

/// With the integrations that they belong to.
pub fn all_secrets(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<(String, SecretRow)>, DbError> {
    let sql = "select integration, key, sealed from integration_secrets where office_id = $1 order by integration, key";
    let read = |row: &Row| Ok((row.get(0)?, SecretRow { key: row.get(1)?, sealed: row.get(2)? }));
    tx.query(sql, args![office])?.iter().map(read).collect()
}

pub fn put_secret(
    tx: &mut dyn Tx,
    office: OfficeId,
    integration: &str,
    secret: &SecretRow,
    now: Time,
) -> Result<(), DbError> {
    let sql = "insert into integration_secrets (office_id, integration, key, sealed, created_at) \
               values ($1, $2, $3, $4, $5) on conflict (office_id, integration, key) \
               do update set sealed = excluded.sealed, created_at = excluded.created_at";
    tx.execute(sql, args![office, integration, &secret.key, &secret.sealed, now])?;
    Ok(())
}

/// The secrets, and that their values might be seen.
pub fn forget(tx: &mut dyn Tx, office: OfficeId, integration: &str) -> Result<(), DbError> {
    let sql = "delete from integration_secrets where office_id = $1 and integration = $2";
    tx.execute(sql, args![office, integration])?;
    tx.execute("delete from integrations where office_id = $1 and integration = $2", args![office, integration])?;
    Ok(())
}

/// Integrations whose values hosted agents may have.
pub fn raw(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<String>, DbError> {
    let sql = "select integration from integrations where office_id = $1 and raw_keys = 1 order by integration";
    tx.query(sql, args![office])?.iter().map(|row| row.get(0)).collect()
}

pub fn set_raw(tx: &mut dyn Tx, office: OfficeId, integration: &str, raw: bool, now: Time) -> Result<(), DbError> {
    let sql = "insert into integrations (office_id, integration, raw_keys, updated_at) values ($1, $2, $3, $4) \
               on conflict (office_id, integration) \
               do update set raw_keys = excluded.raw_keys, updated_at = excluded.updated_at";
    tx.execute(sql, args![office, integration, raw, now])?;
    Ok(())
}

/// What an agent asks for.
pub struct NewRequest<'a> {
    pub id: i64,
    pub integration: &'a str,
    pub agent: (AgentId, &'a AgentName),
    pub reason: &'a str,
    pub task: Option<TaskId>,
    pub resolved_at: Option<Time>,
}

/// The newest words of an agent about an integration replace its earlier ones.
pub fn put_request(tx: &mut dyn Tx, office: OfficeId, request: &NewRequest<'_>, now: Time) -> Result<(), DbError> {
    let sql = "insert into integration_requests (office_id, integration, agent_id, id, agent, reason, task_id, \
               created_at, resolved_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
               on conflict (office_id, integration, agent_id) do update set id = excluded.id, \
               agent = excluded.agent, reason = excluded.reason, task_id = excluded.task_id, \
               created_at = excluded.created_at, resolved_at = excluded.resolved_at";
    let (agent, name) = request.agent;
    tx.execute(
        sql,
        args![
            office,
            request.integration,
            agent,
            request.id,
            name,
            request.reason,
            request.task,
            now,
            request.resolved_at,
        ],
    )?;
    Ok(())
}

/// Who still waits for an integration.
pub fn waiting(tx: &mut dyn Tx, office: OfficeId, integration: &str) -> Result<Vec<AgentId>, DbError> {
    let sql = "select agent_id from integration_requests \
               where office_id = $1 and integration = $2 and resolved_at is null order by id";
    tx.query(sql, args![office, integration])?.iter().map(|row| row.get(0)).collect()
}

pub fn resolve(tx: &mut dyn Tx, office: OfficeId, integration: &str, agent: AgentId, now: Time) -> Result<(), DbError> {
    let sql = "update integration_requests set resolved_at = $4 \
               where office_id = $1 and integration = $2 and agent_id = $3 and resolved_at is null";
    tx.execute(sql, args![office, integration, agent, now])?;
    Ok(())
}

/// Requests of agents that are still there. `status`: `pending`, `granted`, or empty for both.
pub fn requests(
    tx: &mut dyn Tx,
    office: OfficeId,
    status: &str,
    page: Page,
) -> Result<Vec<IntegrationRequest>, DbError> {
    let sql = "select r.id, r.integration, r.agent, r.reason, r.task_id, r.created_at, r.resolved_at \
               from integration_requests r join agents a on a.office_id = r.office_id and a.id = r.agent_id \
               where r.office_id = $1 and a.fired_at is null and ($2 = '' \
               or ($2 = 'pending' and r.resolved_at is null) or ($2 = 'granted' and r.resolved_at is not null)) \
               order by r.id limit $3 offset $4";
    tx.query(sql, args![office, status, page.limit, page.offset])?.iter().map(read_request).collect()
}

fn read_request(row: &Row) -> Result<IntegrationRequest, DbError> {
    let mut r = row.reader();
    let (id, integration_id, agent_name, reason) = (r.take()?, r.take()?, r.take()?, r.take()?);
    let (task_id, created_at, resolved_at) = (r.take()?, r.take()?, r.take::<Option<Time>>()?);
    let status = match resolved_at {
        None => IntegrationRequestStatus::Pending,
        Some(_) => IntegrationRequestStatus::Granted,
    };
    Ok(IntegrationRequest { id, integration_id, agent_name, reason, status, task_id, created_at, resolved_at })
}

pub fn count_requests(tx: &mut dyn Tx, office: OfficeId, status: &str) -> Result<i64, DbError> {
    let sql = "select count(*) from integration_requests r \
               join agents a on a.office_id = r.office_id and a.id = r.agent_id \
               where r.office_id = $1 and a.fired_at is null and ($2 = '' \
               or ($2 = 'pending' and r.resolved_at is null) or ($2 = 'granted' and r.resolved_at is not null))";
    let row = tx.first(sql, args![office, status])?;
    row.map_or(Ok(0), |row| row.get(0))
}
