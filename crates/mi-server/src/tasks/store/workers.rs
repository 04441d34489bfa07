//! Agents as the queue sees them, and the model providers that there are.

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::time::Time;
use mi_core::wire::agents::HarnessKind;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};

/// An agent as the queue sees it; `state` is one of the words of `select_workers`.
pub struct WorkerRow {
    /// None where it stands for all in one state.
    pub id: Option<AgentId>,
    pub name: AgentName,
    pub state: String,
    pub elsewhere: bool,
    pub provider: Option<String>,
    pub tier: Option<String>,
    pub harness: HarnessKind,
    pub integrations: String,
}

/// Agents of an office with what they could do now, in one word, if it were for their model. `$2`: since when an agent
/// elsewhere must have been heard of to be there.
macro_rules! select_workers {
    ($rest:literal) => {
        concat!(
            "select a.id as id, a.name as name, case \
             when a.suspended_for = 'credits' then 'unfunded' \
             when a.suspended_for is not null then 'spent' \
             when a.kind = 'external' and (a.last_seen_at is null or a.last_seen_at < $2) then 'down' \
             when a.kind = 'external' and a.live_sessions < 3 then 'free' \
             when a.kind = 'external' then 'busy' \
             when p.desired = 'asleep' then 'asleep' \
             when p.desired = 'gone' then 'archived' \
             when p.desired <> 'running' or p.observed = 'failed' then 'down' \
             when p.observed = 'running' and (a.live_sessions > 0 or exists (select 1 from sessions s \
             where s.office_id = a.office_id and s.agent_id = a.id and s.state in ('settled', 'lapsed'))) then 'busy' \
             when p.observed = 'running' then 'free' \
             else 'starting' end as state, case when a.kind = 'external' then 1 else 0 end as elsewhere, \
             a.model_provider as provider, a.model_tier as tier, \
             a.harness as harness, a.integrations as integrations \
             from agents a left join pods p on p.office_id = a.office_id and p.agent_id = a.id \
             where a.office_id = $1 and a.fired_at is null ",
            $rest
        )
    };
}

fn read_worker(row: &Row) -> Result<WorkerRow, DbError> {
    let mut r = row.reader();
    let (id, name, state, elsewhere) = (r.take()?, r.take()?, r.take()?, r.take()?);
    let (provider, tier, harness) = (r.take()?, r.take()?, r.take()?);
    Ok(WorkerRow { id, name, state, elsewhere, provider, tier, harness, integrations: r.take()? })
}

pub fn workers(tx: &mut dyn Tx, office: OfficeId, heard_since: Time) -> Result<Vec<WorkerRow>, DbError> {
    let sql = select_workers!("order by a.created_at");
    tx.query(sql, args![office, heard_since])?.iter().map(read_worker).collect()
}

pub fn worker(tx: &mut dyn Tx, office: OfficeId, heard_since: Time, name: &str) -> Result<Option<WorkerRow>, DbError> {
    let sql = select_workers!("and a.name = $3");
    tx.first(sql, args![office, heard_since, name])?.as_ref().map(read_worker).transpose()
}

/// One agent for each state and model that an agent of the office is in and has.
pub fn states(tx: &mut dyn Tx, office: OfficeId, heard_since: Time) -> Result<Vec<WorkerRow>, DbError> {
    let sql = concat!(
        "select null, min(name), state, elsewhere, provider, tier, harness, '' from (",
        select_workers!(""),
        ") w group by state, elsewhere, provider, tier, harness order by state, min(name)"
    );
    tx.query(sql, args![office, heard_since])?.iter().map(read_worker).collect()
}

/// Sleepers to whom a ready task is assigned.
pub fn asleep_with_work(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<Vec<AgentName>, DbError> {
    let sql = "select a.name from pods p join agents a on a.office_id = p.office_id and a.id = p.agent_id \
               where p.office_id = $1 and p.desired = 'asleep' and a.fired_at is null \
               and exists (select 1 from tasks t where t.office_id = $1 and t.assigned_agent = a.name and t.ready = 1 \
               and (t.not_before is null or t.not_before <= $2)) order by a.name";
    tx.query(sql, args![office, now])?.iter().map(|row| row.get(0)).collect()
}

/// The names of the model providers that the server has keys for, space-framed; `gateway` reads them.
pub fn save_model_providers(tx: &mut dyn Tx, names: &str) -> Result<(), DbError> {
    let sql = "insert into server_state (key, value) values ('model_providers', $1) \
               on conflict (key) do update set value = excluded.value";
    tx.execute(sql, args![names])?;
    Ok(())
}
