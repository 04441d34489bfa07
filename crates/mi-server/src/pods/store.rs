//! Rows of pods, and the host's users that offices have.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::time::Time;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::offices::OfficeStatus;

use super::{Desired, Observed};
use crate::args;
use crate::infra::db::{DbError, Row, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRow {
    pub desired: Desired,
    pub observed: Observed,
    /// Rises with each runner that shows its ticket.
    pub epoch: i64,
    pub ticket_at: Option<Time>,
    pub boot_id: Option<String>,
    pub runner_seen_at: Option<Time>,
    pub poll: i64,
    pub poll_session: Option<i64>,
    pub started_at: Option<Time>,
    pub retry_at: Option<Time>,
    /// In a row, without a good run between them.
    pub crashes: i64,
    /// The crash before the last one.
    pub crashed_before_at: Option<Time>,
    pub last_error: Option<String>,
    pub last_error_at: Option<Time>,
    /// Since when its runner has found nothing to do; nothing while it works.
    pub idle_since: Option<Time>,
}

impl PodRow {
    /// Running or idle, and wanted: this time is paid for.
    pub fn is_up(&self) -> bool {
        self.desired == Desired::Running && self.observed == Observed::Running
    }
}

/// A row that needs the sweep's eye, with what else decides about the pod.
#[derive(Debug, Clone)]
pub struct Watched {
    pub office: OfficeId,
    pub agent: AgentId,
    pub name: AgentName,
    pub resources: String,
    pub harness: HarnessKind,
    pub fired: bool,
    pub office_status: OfficeStatus,
    pub balance: Micro,
    /// Its next model call can't be paid for.
    pub suspended: bool,
    pub row: PodRow,
}

/// Reads the columns of a pod, which begin at `from`.
fn read_row(row: &Row, from: usize) -> Result<PodRow, DbError> {
    Ok(PodRow {
        desired: word(&row.get::<String>(from)?, Desired::parse)?,
        observed: word(&row.get::<String>(from + 1)?, Observed::parse)?,
        epoch: row.get(from + 2)?,
        ticket_at: row.get(from + 3)?,
        boot_id: row.get(from + 4)?,
        runner_seen_at: row.get(from + 5)?,
        poll: row.get(from + 6)?,
        poll_session: row.get(from + 7)?,
        started_at: row.get(from + 8)?,
        retry_at: row.get(from + 9)?,
        crashes: row.get(from + 10)?,
        crashed_before_at: row.get(from + 11)?,
        last_error: row.get(from + 12)?,
        last_error_at: row.get(from + 13)?,
        idle_since: row.get(from + 14)?,
    })
}

fn word<T>(text: &str, parse: fn(&str) -> Option<T>) -> Result<T, DbError> {
    parse(text).ok_or_else(|| DbError::Shape(format!("a pod that is {text:?}")))
}

pub fn load(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<PodRow>, DbError> {
    let sql = "select desired, observed, epoch, ticket_at, boot_id, runner_seen_at, poll, poll_session, started_at, \
               retry_at, crashes, crashed_before_at, last_error, last_error_at, idle_since \
               from pods where office_id = $1 and agent_id = $2";
    tx.first(sql, args![office, agent])?.map(|row| read_row(&row, 0)).transpose()
}

/// Rows of every office where something may have to be done: the supervisor is the server's, not an office's.
pub fn watched(tx: &mut dyn Tx) -> Result<Vec<Watched>, DbError> {
    let sql = "select p.office_id, p.agent_id, a.name, a.resources, a.fired_at, o.status, o.balance_micro, \
               a.suspended_at, a.harness, p.desired, p.observed, \
               p.epoch, p.ticket_at, p.boot_id, p.runner_seen_at, p.poll, p.poll_session, p.started_at, p.retry_at, \
               p.crashes, p.crashed_before_at, p.last_error, p.last_error_at, p.idle_since \
               from pods p join agents a on a.office_id = p.office_id and a.id = p.agent_id \
               join offices o on o.id = p.office_id where p.desired = 'running' or p.observed <> 'none'";
    tx.query(sql, args![])?.iter().map(read_watched).collect()
}

fn read_watched(row: &Row) -> Result<Watched, DbError> {
    Ok(Watched {
        office: row.get(0)?,
        agent: row.get(1)?,
        name: row.get(2)?,
        resources: row.get(3)?,
        fired: row.get::<Option<Time>>(4)?.is_some(),
        office_status: row.get(5)?,
        balance: Micro(row.get(6)?),
        suspended: row.get::<Option<Time>>(7)?.is_some(),
        harness: row.get(8)?,
        row: read_row(row, 9)?,
    })
}

/// Makes the row, or wishes again for a pod that was gone; its epoch goes on from where it was.
pub fn insert(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<(), DbError> {
    let sql = "insert into pods (office_id, agent_id, desired, observed) values ($1, $2, 'running', 'none') \
               on conflict (office_id, agent_id) do update set desired = 'running', idle_since = null, cleared_at = null, crashes = 0, \
               crashed_before_at = null, retry_at = null";
    tx.execute(sql, args![office, agent])?;
    Ok(())
}

pub fn update(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, row: &PodRow) -> Result<(), DbError> {
    let sql = "update pods set desired = $3, observed = $4, epoch = $5, ticket_at = $6, boot_id = $7, \
               runner_seen_at = $8, poll = $9, poll_session = $10, started_at = $11, retry_at = $12, crashes = $13, \
               crashed_before_at = $14, last_error = $15, last_error_at = $16, idle_since = $17 \
               where office_id = $1 and agent_id = $2";
    tx.execute(
        sql,
        args![
            office,
            agent,
            row.desired.as_str(),
            row.observed.as_str(),
            row.epoch,
            row.ticket_at,
            row.boot_id.clone(),
            row.runner_seen_at,
            row.poll,
            row.poll_session,
            row.started_at,
            row.retry_at,
            row.crashes,
            row.crashed_before_at,
            row.last_error.clone(),
            row.last_error_at,
            row.idle_since,
        ],
    )?;
    Ok(())
}

/// After a start of the server no pod runs, whatever the rows say.
pub fn forget_observed(tx: &mut dyn Tx, office: OfficeId) -> Result<(), DbError> {
    let sql = "update pods set observed = 'none', ticket_at = null, boot_id = null, poll_session = null, \
               retry_at = null where office_id = $1 and observed <> 'none' and observed <> 'failed'";
    tx.execute(sql, args![office])?;
    Ok(())
}

pub fn agent_name(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<AgentName>, DbError> {
    let sql = "select name from agents where office_id = $1 and id = $2";
    tx.first(sql, args![office, agent])?.map(|row| row.get(0)).transpose()
}

/// Offices with pods that were seen, for what is done once at the server's start and at its end.
pub fn offices_with_pods(tx: &mut dyn Tx) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select distinct office_id from pods where observed <> 'none'";
    tx.query(sql, args![])?.iter().map(|row| row.get(0)).collect()
}

pub fn office_uid(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<i64>, DbError> {
    let row = tx.first("select pod_uid from offices where id = $1", args![office])?;
    Ok(row.map(|row| row.get::<Option<i64>>(0)).transpose()?.flatten())
}

/// The highest in use. A deleted office takes its files along, so its number may come again.
pub fn highest_uid(tx: &mut dyn Tx) -> Result<Option<i64>, DbError> {
    let row = tx.first("select max(pod_uid) from offices", args![])?;
    Ok(row.map(|row| row.get::<Option<i64>>(0)).transpose()?.flatten())
}

pub fn set_office_uid(tx: &mut dyn Tx, office: OfficeId, uid: i64) -> Result<(), DbError> {
    tx.execute("update offices set pod_uid = $2 where id = $1", args![office, uid])?;
    Ok(())
}

/// Whether somebody of the office sleeps.
pub fn any_asleep(tx: &mut dyn Tx, office: OfficeId) -> Result<bool, DbError> {
    let sql = "select agent_id from pods where office_id = $1 and desired = 'asleep' limit 1";
    Ok(tx.first(sql, args![office])?.is_some())
}

/// Offices with pods that somebody wants, for what is done once at the server's start.
pub fn offices_with_wishes(tx: &mut dyn Tx) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select distinct office_id from pods where desired = 'running' or desired = 'asleep' order by office_id";
    tx.query(sql, args![])?.iter().map(|row| row.get(0)).collect()
}

/// Whoever is wanted sleeps, except those that failed: they wait for somebody who starts them.
pub fn put_to_sleep(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<Vec<AgentId>, DbError> {
    let sql = "update pods set desired = 'asleep', idle_since = coalesce(idle_since, $2) \
               where office_id = $1 and desired = 'running' and observed <> 'failed' returning agent_id";
    tx.query(sql, args![office, now])?.iter().map(|row| row.get(0)).collect()
}

pub fn set_idle_since(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, since: Option<Time>) -> Result<(), DbError> {
    tx.execute("update pods set idle_since = $3 where office_id = $1 and agent_id = $2", args![office, agent, since])?;
    Ok(())
}
