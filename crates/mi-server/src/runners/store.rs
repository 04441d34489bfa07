//! What runners ask and when: columns of the pod's row.

use mi_core::ids::{AgentId, ClaimToken, OfficeId};
use mi_core::time::Time;

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
