//! What sessions used, summed where it is shown: on the session, its agent, its task, and every task above that one.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, ClaimToken, OfficeId, TaskId};
use mi_core::time::Time;
use mi_core::wire::sessions::Used;

use crate::args;
use crate::infra::db::{DbError, Tx};

pub fn add(
    tx: &mut dyn Tx,
    office: OfficeId,
    number: ClaimToken,
    used: &Used,
    first_token_at: Option<Time>,
) -> Result<(), DbError> {
    let sql = "update sessions set input_tokens = input_tokens + $3, cached_tokens = cached_tokens + $4, \
               output_tokens = output_tokens + $5, cost_micro = cost_micro + $6, \
               first_token_at = coalesce(first_token_at, $7) where office_id = $1 and number = $2";
    let Used { input_tokens, cached_tokens, output_tokens, cost } = *used;
    tx.execute(sql, args![office, number, input_tokens, cached_tokens, output_tokens, cost.0, first_token_at])?;
    Ok(())
}

pub fn add_to_agent(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, used: &Used) -> Result<(), DbError> {
    let sql = "update agents set input_tokens = input_tokens + $3, cached_tokens = cached_tokens + $4, \
               output_tokens = output_tokens + $5, cost_micro = cost_micro + $6 where office_id = $1 and id = $2";
    let Used { input_tokens, cached_tokens, output_tokens, cost } = *used;
    tx.execute(sql, args![office, agent, input_tokens, cached_tokens, output_tokens, cost.0])?;
    Ok(())
}

/// What the task's own session used counts for the task alone, and for it with everything below.
pub fn add_to_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId, used: &Used) -> Result<(), DbError> {
    let sql = "update tasks set input_tokens = input_tokens + $3, cached_tokens = cached_tokens + $4, \
               output_tokens = output_tokens + $5, cost_micro = cost_micro + $6, \
               all_input_tokens = all_input_tokens + $3, all_cached_tokens = all_cached_tokens + $4, \
               all_output_tokens = all_output_tokens + $5, all_cost_micro = all_cost_micro + $6 \
               where office_id = $1 and id = $2";
    let Used { input_tokens, cached_tokens, output_tokens, cost } = *used;
    tx.execute(sql, args![office, task, input_tokens, cached_tokens, output_tokens, cost.0])?;
    Ok(())
}

/// Something below the task used it.
pub fn add_below(tx: &mut dyn Tx, office: OfficeId, task: TaskId, used: &Used) -> Result<(), DbError> {
    let sql = "update tasks set all_input_tokens = all_input_tokens + $3, \
               all_cached_tokens = all_cached_tokens + $4, all_output_tokens = all_output_tokens + $5, \
               all_cost_micro = all_cost_micro + $6 where office_id = $1 and id = $2";
    let Used { input_tokens, cached_tokens, output_tokens, cost } = *used;
    tx.execute(sql, args![office, task, input_tokens, cached_tokens, output_tokens, cost.0])?;
    Ok(())
}

pub fn parent_of(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Option<TaskId>, DbError> {
    let row = tx.first("select parent_id from tasks where office_id = $1 and id = $2", args![office, task])?;
    Ok(row.map(|row| row.get(0)).transpose()?.flatten())
}

/// What everything that an agent did used.
pub fn of_agent(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Used, DbError> {
    let sql = "select input_tokens, cached_tokens, output_tokens, cost_micro from agents \
               where office_id = $1 and id = $2";
    let Some(row) = tx.first(sql, args![office, agent])? else { return Ok(Used::default()) };
    let mut r = row.reader();
    Ok(Used { input_tokens: r.take()?, cached_tokens: r.take()?, output_tokens: r.take()?, cost: Micro(r.take()?) })
}
