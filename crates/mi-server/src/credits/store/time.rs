//! Rows of the time of pods.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};

/// A pod whose time is looked at.
pub struct Clocked {
    pub agent: AgentId,
    pub name: AgentName,
    pub resources: String,
    pub is_up: bool,
    pub started_at: Option<Time>,
    /// Until then its time is reckoned.
    pub paid_until: Option<Time>,
    /// Minutes of that which nobody has put aside yet.
    pub begun: i64,
    pub owed: Micro,
    pub owed_since: Option<Time>,
}

/// Offices after one of them where a minute has begun, or something is owed for long enough or by a pod that is gone.
pub fn offices_due(
    tx: &mut dyn Tx,
    (now, owed_before): (Time, Time),
    after: Option<OfficeId>,
    most: i64,
) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select office_id from pods where (desired = 'running' or observed <> 'none') and observed = 'running' \
               and desired = 'running' and (paid_until is null or paid_until <= $1) and office_id > $4 \
               union select office_id from pods where owed_since is not null and (owed_since <= $2 \
               or observed <> 'running' or desired <> 'running') and office_id > $4 \
               union select office_id from pods where begun_minutes > 0 and office_id > $4 order by office_id limit $3";
    let after = after.map_or_else(String::new, |office| office.0.simple().to_string());
    tx.query(sql, args![now, owed_before, most, after])?.iter().map(|row| row.get(0)).collect()
}

/// Pods of an office that are up or owe something.
pub fn clocked(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<Clocked>, DbError> {
    let sql = "select p.agent_id, a.name, a.resources, case when p.observed = 'running' and p.desired = 'running' \
               then 1 else 0 end, p.started_at, p.paid_until, p.begun_minutes, p.owed_micro, p.owed_since \
               from pods p join agents a on a.office_id = p.office_id and a.id = p.agent_id where p.office_id = $1 \
               and (p.observed = 'running' or p.owed_since is not null or p.begun_minutes > 0) \
               order by a.created_at, a.id";
    tx.query(sql, args![office])?.iter().map(read).collect()
}

/// One agent's pod.
pub fn clocked_one(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<Clocked>, DbError> {
    let sql = "select p.agent_id, a.name, a.resources, case when p.observed = 'running' and p.desired = 'running' \
               then 1 else 0 end, p.started_at, p.paid_until, p.begun_minutes, p.owed_micro, p.owed_since \
               from pods p join agents a on a.office_id = p.office_id and a.id = p.agent_id \
               where p.office_id = $1 and p.agent_id = $2";
    tx.first(sql, args![office, agent])?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Clocked, DbError> {
    let mut r = row.reader();
    Ok(Clocked {
        agent: r.take()?,
        name: r.take()?,
        resources: r.take()?,
        is_up: r.take::<i64>()? == 1,
        started_at: r.take()?,
        paid_until: r.take()?,
        begun: r.take()?,
        owed: Micro(r.take()?),
        owed_since: r.take()?,
    })
}

pub fn save(tx: &mut dyn Tx, office: OfficeId, pod: &Clocked) -> Result<(), DbError> {
    let sql = "update pods set paid_until = $3, owed_micro = $4, owed_since = $5, begun_minutes = $6 \
         where office_id = $1 and agent_id = $2";
    tx.execute(sql, args![office, pod.agent, pod.paid_until, pod.owed.0, pod.owed_since, pod.begun])?;
    Ok(())
}

pub fn up(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    let sql = "select count(*) from pods where office_id = $1 and observed = 'running' and desired = 'running'";
    tx.first(sql, args![office])?.map_or(Ok(0), |row| row.get(0))
}
