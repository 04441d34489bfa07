//! Sums of what was used, one row for each day, agent, task and model.

use mi_core::credits::Micro;
use mi_core::ids::OfficeId;
use mi_core::wire::usage::{UsageBy, UsageKind, UsageRow};

use crate::args;
use crate::credits::rules::day_start;
use crate::credits::usage::{Share, Used};
use crate::infra::db::{DbError, Row, Tx};

pub fn add(tx: &mut dyn Tx, office: OfficeId, day: i64, used: &Used<'_>) -> Result<(), DbError> {
    let sql = "insert into usage_days (office_id, day, kind, agent, task_id, provider, model, calls, input_tokens, \
               cached_tokens, output_tokens, cost_micro, minutes, cpu_millis_minutes, memory_mib_minutes) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
               on conflict (office_id, day, kind, agent, task_id, provider, model) do update set \
               calls = usage_days.calls + excluded.calls, \
               input_tokens = usage_days.input_tokens + excluded.input_tokens, \
               cached_tokens = usage_days.cached_tokens + excluded.cached_tokens, \
               output_tokens = usage_days.output_tokens + excluded.output_tokens, \
               cost_micro = usage_days.cost_micro + excluded.cost_micro, \
               minutes = usage_days.minutes + excluded.minutes, \
               cpu_millis_minutes = usage_days.cpu_millis_minutes + excluded.cpu_millis_minutes, \
               memory_mib_minutes = usage_days.memory_mib_minutes + excluded.memory_mib_minutes";
    let row = args![
        office,
        day,
        used.kind.as_str(),
        used.agent,
        used.task.map_or(0, |id| id.0),
        used.provider,
        used.model,
        used.calls,
        used.input,
        used.cached,
        used.output,
        used.cost.0,
        used.share.minutes,
        used.share.cpu_millis_minutes,
        used.share.memory_mib_minutes
    ];
    tx.execute(sql, row)?;
    Ok(())
}

macro_rules! summed {
    ($keys:literal) => {
        concat!(
            "select kind, ",
            $keys,
            ", cast(sum(calls) as bigint), cast(sum(input_tokens) as bigint), cast(sum(cached_tokens) as bigint), \
             cast(sum(output_tokens) as bigint), cast(sum(cost_micro) as bigint), cast(sum(minutes) as bigint) \
             from usage_days where office_id = $1 and day >= $2 group by kind, ",
            $keys,
            " order by kind, ",
            $keys,
            " limit $3 offset $4"
        )
    };
}

/// How many sums there are.
pub fn count(tx: &mut dyn Tx, office: OfficeId, by: UsageBy, since: i64) -> Result<i64, DbError> {
    let sql = match by {
        UsageBy::Agent => {
            "select count(*) from (select 1 from usage_days where office_id = $1 and day >= $2 \
                           group by kind, agent) as summed"
        }
        UsageBy::Task => {
            "select count(*) from (select 1 from usage_days where office_id = $1 and day >= $2 \
                          group by kind, task_id) as summed"
        }
        UsageBy::Model => {
            "select count(*) from (select 1 from usage_days where office_id = $1 and day >= $2 \
                           group by kind, provider, model) as summed"
        }
        UsageBy::Day => {
            "select count(*) from (select 1 from usage_days where office_id = $1 and day >= $2 \
                         group by kind, day) as summed"
        }
    };
    tx.first(sql, args![office, since])?.map_or(Ok(0), |row| row.get(0))
}

/// Since a day, summed.
pub fn rows(
    tx: &mut dyn Tx,
    office: OfficeId,
    by: UsageBy,
    since: i64,
    (limit, offset): (i64, i64),
) -> Result<Vec<UsageRow>, DbError> {
    let sql = match by {
        UsageBy::Agent => summed!("agent"),
        UsageBy::Task => summed!("task_id"),
        UsageBy::Model => summed!("provider, model"),
        UsageBy::Day => summed!("day"),
    };
    tx.query(sql, args![office, since, limit, offset])?.iter().map(|row| read(by, row)).collect()
}

fn read(by: UsageBy, row: &Row) -> Result<UsageRow, DbError> {
    let mut r = row.reader();
    let kind: String = r.take()?;
    let kind: UsageKind = kind.parse().map_err(|_| DbError::Shape(format!("usage of kind {kind}")))?;
    let (mut agent, mut task_id, mut provider, mut model, mut day) = (None, None, None, None, None);
    match by {
        UsageBy::Agent => agent = Some(r.take()?),
        UsageBy::Task => task_id = Some(r.take::<i64>()?).filter(|id| *id > 0),
        UsageBy::Model => (provider, model) = (Some(r.take()?), Some(r.take()?)),
        UsageBy::Day => day = Some(day_start(r.take()?)),
    }
    Ok(UsageRow {
        kind,
        agent,
        task_id,
        provider,
        model,
        day,
        calls: r.take()?,
        input_tokens: r.take()?,
        cached_tokens: r.take()?,
        output_tokens: r.take()?,
        credits: Micro(r.take()?),
        pod_minutes: r.take()?,
    })
}

/// Credits and shares of the machine since a day; what subscriptions paid is not among them.
pub fn total(tx: &mut dyn Tx, office: OfficeId, since: i64) -> Result<(Micro, Share), DbError> {
    let sql = "select cast(coalesce(sum(case when kind = 'subscription' then 0 else cost_micro end), 0) as bigint), \
               cast(coalesce(sum(minutes), 0) as bigint), cast(coalesce(sum(cpu_millis_minutes), 0) as bigint), \
               cast(coalesce(sum(memory_mib_minutes), 0) as bigint) from usage_days where office_id = $1 and day >= $2";
    let Some(row) = tx.first(sql, args![office, since])? else { return Ok((Micro(0), Share::default())) };
    let share = Share { minutes: row.get(1)?, cpu_millis_minutes: row.get(2)?, memory_mib_minutes: row.get(3)? };
    Ok((Micro(row.get(0)?), share))
}

/// Tokens and credits of model calls, and how many agents made them. `agent` is empty for everybody.
pub fn models(tx: &mut dyn Tx, office: OfficeId, agent: &str) -> Result<(i64, Micro, i64), DbError> {
    let sql = "select cast(coalesce(sum(input_tokens + output_tokens), 0) as bigint), \
               cast(coalesce(sum(cost_micro), 0) as bigint), count(distinct agent) from usage_days \
               where office_id = $1 and kind = 'model' and ($2 = '' or agent = $2)";
    let Some(row) = tx.first(sql, args![office, agent])? else { return Ok((0, Micro(0), 0)) };
    Ok((row.get(0)?, Micro(row.get(1)?), row.get(2)?))
}
