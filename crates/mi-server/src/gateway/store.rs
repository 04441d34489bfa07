//! Rows of model calls.

use mi_core::credits::{MICRO_PER_CREDIT, Micro};
use mi_core::ids::{ClaimToken, OfficeId, TaskId};
use mi_core::limits::LIST_COUNT_MAX;
use mi_core::time::Time;
use mi_core::wire::usage::{LlmCall, LlmSummary};

use super::meter::Usage;
use super::service::CallState;
use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

/// 1 credit is 0.01 US dollars.
const MICRO_PER_DOLLAR: f64 = (100 * MICRO_PER_CREDIT) as f64;

pub struct NewCall {
    pub id: i64,
    pub session: ClaimToken,
    pub agent: String,
    pub task: Option<TaskId>,
    pub provider: &'static str,
    pub model: String,
}

pub struct End {
    pub state: CallState,
    pub status: Option<u16>,
    pub usage: Usage,
    pub cost: Micro,
    pub at: Time,
}

pub fn task_of(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken) -> Result<Option<TaskId>, DbError> {
    let sql = "select task_id from sessions where office_id = $1 and number = $2";
    Ok(tx.first(sql, args![office, session])?.map(|row| row.get(0)).transpose()?.flatten())
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, call: &NewCall, now: Time) -> Result<(), DbError> {
    let sql = "insert into llm_calls (office_id, id, session, agent, task_id, provider, model, state, created_at) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let state = CallState::Reserved.as_str();
    let (agent, model) = (&call.agent, &call.model);
    tx.execute(sql, args![office, call.id, call.session, agent, call.task, call.provider, model, state, now])?;
    Ok(())
}

/// False if it was settled before.
pub fn settle(tx: &mut dyn Tx, office: OfficeId, call: i64, end: &End) -> Result<bool, DbError> {
    let sql = "update llm_calls set state = $3, status = $4, input_tokens = $5, cached_tokens = $6, output_tokens = $7, \
               cost_micro = $8, settled_at = $9 where office_id = $1 and id = $2 and state = 'reserved'";
    let status = end.status.map(i64::from);
    let Usage { input, cached, output, written: _ } = end.usage;
    let state = end.state.as_str();
    let changed = tx.execute(sql, args![office, call, state, status, input, cached, output, end.cost.0, end.at])?;
    Ok(changed > 0)
}

/// `agent` is empty for everybody.
pub fn calls(tx: &mut dyn Tx, office: OfficeId, agent: &str, page: Page) -> Result<Vec<LlmCall>, DbError> {
    let sql = "select agent, session, task_id, provider, model, input_tokens, output_tokens, cost_micro, \
               coalesce(status, 0), created_at from llm_calls \
               where office_id = $1 and ($2 = '' or agent = $2) order by id desc limit $3 offset $4";
    tx.query(sql, args![office, agent, page.limit, page.offset])?.iter().map(read_call).collect()
}

fn read_call(row: &Row) -> Result<LlmCall, DbError> {
    let mut r = row.reader();
    Ok(LlmCall {
        agent: r.take()?,
        session: r.take()?,
        task_id: r.take()?,
        provider: r.take()?,
        model: r.take()?,
        input_tokens: r.take()?,
        output_tokens: r.take()?,
        credits: Micro(r.take()?),
        status: r.take()?,
        created_at: r.take()?,
    })
}

/// Up to one more than is shown: counting further would read the whole history.
pub fn count(tx: &mut dyn Tx, office: OfficeId, agent: &str) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from llm_calls \
               where office_id = $1 and ($2 = '' or agent = $2) limit $3) as counted";
    tx.first(sql, args![office, agent, LIST_COUNT_MAX + 1])?.map_or(Ok(0), |row| row.get(0))
}

pub fn summary(tx: &mut dyn Tx, office: OfficeId, agent: &str) -> Result<LlmSummary, DbError> {
    let sql = "select cast(coalesce(sum(input_tokens + output_tokens), 0) as bigint), \
               cast(coalesce(sum(cost_micro), 0) as bigint), count(distinct agent) from llm_calls \
               where office_id = $1 and ($2 = '' or agent = $2)";
    let Some(row) = tx.first(sql, args![office, agent])? else { return Ok(LlmSummary::default()) };
    let cost = Micro(row.get(1)?);
    Ok(LlmSummary {
        total_tokens: row.get(0)?,
        total_cost: cost.0 as f64 / MICRO_PER_DOLLAR,
        total_credits: cost,
        agents: row.get(2)?,
    })
}
