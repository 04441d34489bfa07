//! What runners ask and when: columns of the pod's row.

use mi_core::ids::{AgentId, ClaimToken, OfficeId};
use mi_core::time::Time;
use mi_core::wire::agents::HarnessKind;

use crate::args;
use crate::infra::db::{DbError, Tx};

pub fn seen(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, now: Time) -> Result<(), DbError> {
    let sql = "update pods set runner_seen_at = $3 where office_id = $1 and agent_id = $2";
    tx.execute(sql, args![office, agent, now])?;
    Ok(())
}

/// Which question was answered with which session, so that asking again gets the same.
pub fn answered(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    poll: i64,
    session: ClaimToken,
) -> Result<(), DbError> {
    let sql = "update pods set poll = $3, poll_session = $4 where office_id = $1 and agent_id = $2";
    tx.execute(sql, args![office, agent, poll, session])?;
    Ok(())
}

/// The newest runner of an agent elsewhere.
pub struct RemoteRow {
    pub epoch: i64,
    pub boot_id: String,
    pub harness: HarnessKind,
    pub poll: i64,
    pub poll_session: Option<i64>,
}

pub fn remote(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<RemoteRow>, DbError> {
    let sql = "select epoch, boot_id, harness, poll, poll_session from remote_runners \
               where office_id = $1 and agent_id = $2";
    let Some(row) = tx.first(sql, args![office, agent])? else { return Ok(None) };
    let mut r = row.reader();
    let (epoch, boot_id, harness, poll) = (r.take()?, r.take()?, r.take()?, r.take()?);
    Ok(Some(RemoteRow { epoch, boot_id, harness, poll, poll_session: r.take()? }))
}

pub fn save_remote(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    row: &RemoteRow,
    now: Time,
) -> Result<(), DbError> {
    let sql = "insert into remote_runners (office_id, agent_id, epoch, boot_id, harness, started_at, poll, \
               poll_session) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (office_id, agent_id) do update set \
               epoch = excluded.epoch, boot_id = excluded.boot_id, harness = excluded.harness, \
               started_at = excluded.started_at, poll = excluded.poll, poll_session = excluded.poll_session";
    tx.execute(
        sql,
        args![office, agent, row.epoch, &row.boot_id, row.harness.as_str(), now, row.poll, row.poll_session],
    )?;
    Ok(())
}

pub fn remote_answered(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    poll: i64,
    session: ClaimToken,
) -> Result<(), DbError> {
    let sql = "update remote_runners set poll = $3, poll_session = $4 where office_id = $1 and agent_id = $2";
    tx.execute(sql, args![office, agent, poll, session])?;
    Ok(())
}
