//! Rows of model calls.

pub mod marks;

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, AgentName, ClaimToken, OfficeId, TaskId};
use mi_core::limits::LIST_COUNT_MAX;
use mi_core::time::Time;
use mi_core::wire::usage::LlmCall;

use super::account::CallState;
use super::estimate::ReckonedBy;
use super::meter::Usage;
use super::prices::PricedBy;
use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

pub struct NewCall<'a> {
    pub id: i64,
    pub session: ClaimToken,
    pub agent_id: AgentId,
    pub agent: &'a AgentName,
    pub task: Option<TaskId>,
    pub provider: &'static str,
    pub model: &'a str,
    /// What is put aside for it.
    pub held: Micro,
    pub by: PricedBy,
}

pub struct End {
    pub state: CallState,
    pub status: Option<u16>,
    pub usage: Usage,
    /// What is paid.
    pub cost: Micro,
    /// What nobody pays.
    pub uncollected: Micro,
    pub by: ReckonedBy,
}

pub fn task_of(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken) -> Result<Option<TaskId>, DbError> {
    let sql = "select task_id from sessions where office_id = $1 and number = $2";
    Ok(tx.first(sql, args![office, session])?.map(|row| row.get(0)).transpose()?.flatten())
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, call: &NewCall<'_>, now: Time) -> Result<(), DbError> {
    let sql = "insert into llm_calls (office_id, id, session, agent_id, agent, task_id, provider, model, state, held_micro, \
               default_price, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let row = args![
        office,
        call.id,
        call.session,
        call.agent_id,
        call.agent,
        call.task,
        call.provider,
        call.model,
        CallState::Reserved.as_str(),
        call.held.0,
        call.by.is_default(),
        now
    ];
    tx.execute(sql, row)?;
    Ok(())
}

/// False if it was settled before.
pub fn settle(tx: &mut dyn Tx, office: OfficeId, call: i64, end: &End, now: Time) -> Result<bool, DbError> {
    let sql = "update llm_calls set state = $3, status = $4, input_tokens = $5, cached_tokens = $6, written_tokens = $7, \
               output_tokens = $8, cost_micro = $9, uncollected_micro = $10, estimated = $11, settled_at = $12 \
               where office_id = $1 and id = $2 and state = 'reserved'";
    let Usage { input, cached, output, written } = end.usage;
    let row = args![
        office,
        call,
        end.state.as_str(),
        end.status.map(i64::from),
        input,
        cached,
        written,
        output,
        end.cost.0,
        end.uncollected.0,
        end.by == ReckonedBy::Estimate,
        now
    ];
    Ok(tx.execute(sql, row)? > 0)
}

/// Offices with calls under way: at a start those of an earlier server.
pub fn offices_with_open_calls(tx: &mut dyn Tx) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select distinct office_id from llm_calls where state = 'reserved'";
    tx.query(sql, args![])?.iter().map(|row| row.get(0)).collect()
}

/// Gives up every call under way; what was put aside for them in all.
pub fn lose_open(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<i64, DbError> {
    let sql = "update llm_calls set state = $2, estimated = 1, settled_at = $3 \
               where office_id = $1 and state = 'reserved' returning held_micro";
    tx.query(sql, args![office, CallState::Lost.as_str(), now])?.iter().map(|row| row.get::<i64>(0)).sum()
}

/// `agent` is empty for everybody.
pub fn calls(tx: &mut dyn Tx, office: OfficeId, agent: &str, page: Page) -> Result<Vec<LlmCall>, DbError> {
    let sql = "select agent, session, task_id, provider, model, input_tokens, cached_tokens, output_tokens, cost_micro, \
               case when state = 'reserved' then held_micro else 0 end, uncollected_micro, estimated, default_price, \
               state, coalesce(status, 0), created_at from llm_calls \
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
        cached_tokens: r.take()?,
        output_tokens: r.take()?,
        credits: Micro(r.take()?),
        held: Micro(r.take()?),
        uncollected: Micro(r.take()?),
        estimated: r.take()?,
        default_price: r.take()?,
        state: r.take()?,
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
