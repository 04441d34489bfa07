//! Rows of budgets, and of tasks that wait for a larger one.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, AgentName, OfficeId, TaskId};
use mi_core::time::Time;

use crate::args;
use crate::credits::purses::Owner;
use crate::credits::rules::{self, Purse};
use crate::infra::db::{DbError, Row, Tx};

const AGENT: &str = "agent";
const TASK: &str = "task";

fn key(owner: Owner) -> (&'static str, String) {
    match owner {
        Owner::Agent(id) => (AGENT, id.0.simple().to_string()),
        Owner::Task(id) => (TASK, id.0.to_string()),
    }
}

/// Whether anybody in the office has a budget; mostly nobody has.
pub fn any(tx: &mut dyn Tx, office: OfficeId) -> Result<bool, DbError> {
    Ok(tx.first("select 1 from purses where office_id = $1 limit 1", args![office])?.is_some())
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, owner: Owner) -> Result<Option<Purse>, DbError> {
    let sql = "select kind, subject, total_micro, day_micro, spent_micro, held_micro, day, day_spent_micro from purses \
               where office_id = $1 and kind = $2 and subject = $3";
    let (kind, subject) = key(owner);
    tx.first(sql, args![office, kind, subject])?.map(|row| Ok(read(&row)?.1)).transpose()
}

/// Every budget that a call of this agent on this task draws on: the agent's, those of whoever hired it, the task's and
/// those of the tasks above it. A name may come round again, so a line of hirers may be a circle: `union` ends it.
pub fn of_call(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    task: Option<TaskId>,
) -> Result<Vec<(Owner, Purse)>, DbError> {
    let sql = "with recursive line (id, parent_id) as (select id, parent_id from tasks where office_id = $1 and id = $3 \
               union select t.id, t.parent_id from tasks t join line on t.id = line.parent_id where t.office_id = $1), \
               hirers (id, spawned_by) as (select id, spawned_by from agents where office_id = $1 and id = $2 \
               union select a.id, a.spawned_by from agents a join hirers on a.name = hirers.spawned_by \
               where a.office_id = $1 and a.fired_at is null) \
               select kind, subject, total_micro, day_micro, spent_micro, held_micro, day, day_spent_micro from purses \
               where office_id = $1 and ((kind = 'agent' and subject in (select id from hirers)) \
               or (kind = 'task' and subject in (select cast(id as text) from line))) \
               order by kind, length(subject) desc, subject desc";
    let task = task.map_or(0, |id| id.0);
    tx.query(sql, args![office, agent, task])?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<(Owner, Purse), DbError> {
    let mut r = row.reader();
    let (kind, subject): (String, String) = (r.take()?, r.take()?);
    let shape = || DbError::Shape(format!("a budget of {kind} {subject}"));
    let owner = match kind.as_str() {
        AGENT => Owner::Agent(subject.parse().map_err(|_| shape())?),
        TASK => Owner::Task(TaskId(subject.parse().map_err(|_| shape())?)),
        _ => return Err(shape()),
    };
    let purse = Purse {
        total: r.take::<Option<i64>>()?.map(Micro),
        per_day: r.take::<Option<i64>>()?.map(Micro),
        spent: Micro(r.take()?),
        held: Micro(r.take()?),
        day: r.take()?,
        spent_on_day: Micro(r.take()?),
    };
    Ok((owner, purse))
}

pub fn save(tx: &mut dyn Tx, office: OfficeId, owner: Owner, purse: &Purse) -> Result<(), DbError> {
    let sql = "insert into purses (office_id, kind, subject, total_micro, day_micro, spent_micro, held_micro, day, \
               day_spent_micro) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
               on conflict (office_id, kind, subject) do update set total_micro = excluded.total_micro, \
               day_micro = excluded.day_micro, spent_micro = excluded.spent_micro, held_micro = excluded.held_micro, \
               day = excluded.day, day_spent_micro = excluded.day_spent_micro";
    let (kind, subject) = key(owner);
    let (total, per_day) = (purse.total.map(|micro| micro.0), purse.per_day.map(|micro| micro.0));
    let row =
        args![office, kind, subject, total, per_day, purse.spent.0, purse.held.0, purse.day, purse.spent_on_day.0];
    tx.execute(sql, row)?;
    Ok(())
}

pub fn remove(tx: &mut dyn Tx, office: OfficeId, owner: Owner) -> Result<(), DbError> {
    let (kind, subject) = key(owner);
    let sql = "delete from purses where office_id = $1 and kind = $2 and subject = $3";
    tx.execute(sql, args![office, kind, subject])?;
    Ok(())
}

/// What an agent's model calls cost since it was hired: in all, and on this day.
pub fn spent_by_agent(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: &AgentName,
    since: Time,
    today: i64,
) -> Result<(Micro, Micro), DbError> {
    let sql = "select cast(coalesce(sum(cost_micro), 0) as bigint), \
               cast(coalesce(sum(case when day = $4 then cost_micro else 0 end), 0) as bigint) from usage_days \
               where office_id = $1 and agent = $2 and day >= $3 and kind = 'model'";
    sums(tx.first(sql, args![office, agent, rules::day_of(since), today])?)
}

/// The same of a task and everything below it.
pub fn spent_on_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId, today: i64) -> Result<(Micro, Micro), DbError> {
    let sql = "with recursive below (id) as (select id from tasks where office_id = $1 and id = $2 \
               union all select t.id from tasks t join below on t.parent_id = below.id where t.office_id = $1) \
               select cast(coalesce(sum(u.cost_micro), 0) as bigint), \
               cast(coalesce(sum(case when u.day = $3 then u.cost_micro else 0 end), 0) as bigint) \
               from usage_days u join below on u.task_id = below.id where u.office_id = $1 and u.kind = 'model'";
    sums(tx.first(sql, args![office, task, today])?)
}

fn sums(row: Option<Row>) -> Result<(Micro, Micro), DbError> {
    row.map_or(Ok((Micro(0), Micro(0))), |row| Ok((Micro(row.get(0)?), Micro(row.get(1)?))))
}

/// At a start nothing is under way.
pub fn forget_held(tx: &mut dyn Tx, office: OfficeId) -> Result<(), DbError> {
    tx.execute("update purses set held_micro = 0 where office_id = $1 and held_micro <> 0", args![office])?;
    Ok(())
}

pub fn block(tx: &mut dyn Tx, office: OfficeId, task: TaskId, budget_of: TaskId) -> Result<(), DbError> {
    let sql = "insert into budget_blocks (office_id, task_id, budget_of) values ($1, $2, $3) \
               on conflict (office_id, task_id) do update set budget_of = excluded.budget_of";
    tx.execute(sql, args![office, task, budget_of])?;
    Ok(())
}

/// Which tasks wait for this budget; they do no longer.
pub fn unblock(tx: &mut dyn Tx, office: OfficeId, budget_of: TaskId) -> Result<Vec<TaskId>, DbError> {
    let sql = "delete from budget_blocks where office_id = $1 and budget_of = $2 returning task_id";
    let rows = tx.query(sql, args![office, budget_of])?;
    let mut ids: Vec<TaskId> = rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
    ids.sort();
    Ok(ids)
}
