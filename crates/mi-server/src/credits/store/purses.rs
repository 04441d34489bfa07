//! Rows of budgets, and of tasks that wait for a larger one.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, OfficeId, TaskId};

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
/// those of the tasks that it is a part of or was made in. Whoever hired it may have left.
pub fn of_call(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    task: Option<TaskId>,
) -> Result<Vec<(Owner, Purse)>, DbError> {
    let sql = "with recursive line (id, parent_id, made_in) as (select id, parent_id, made_in from tasks \
               where office_id = $1 and id = $3 union select t.id, t.parent_id, t.made_in from tasks t \
               join line on t.id in (line.parent_id, line.made_in) where t.office_id = $1), \
               hirers (id, hirer_id) as (select id, hirer_id from agents where office_id = $1 and id = $2 \
               union select a.id, a.hirer_id from agents a join hirers on a.id = hirers.hirer_id \
               where a.office_id = $1) \
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

/// A budget without limits, of which everything is gone that its calls cost and hold until now.
pub fn begin(tx: &mut dyn Tx, office: OfficeId, owner: Owner, today: i64) -> Result<Purse, DbError> {
    let since = rules::day_start(today);
    let row = match owner {
        Owner::Agent(agent) => tx.first(GONE_OF_AGENT, args![office, agent, since])?,
        Owner::Task(task) => tx.first(GONE_OF_TASK, args![office, task])?,
    };
    let row = row.ok_or_else(|| DbError::Shape("a budget is somebody's".to_owned()))?;
    let (spent, spent_on_day, held) = (Micro(row.get(0)?), Micro(row.get(1)?), Micro(row.get(2)?));
    Ok(Purse { spent, spent_on_day, held, day: today, ..Purse::default() })
}

/// Of an agent and everybody below it, those who left included: what their calls cost in all and on one day, and hold.
const GONE_OF_AGENT: &str = "with recursive below (id) as (select id from agents where office_id = $1 and id = $2 \
     union select a.id from agents a join below on a.hirer_id = below.id where a.office_id = $1) \
     select cast((select coalesce(sum(a.cost_micro), 0) from agents a \
     where a.office_id = $1 and a.id in (select id from below)) as bigint), \
     cast((select coalesce(sum(c.cost_micro), 0) from llm_calls c \
     where c.office_id = $1 and c.agent_id in (select id from below) and c.settled_at >= $3) as bigint), \
     cast((select coalesce(sum(c.held_micro), 0) from llm_calls c \
     where c.office_id = $1 and c.state = 'reserved' and c.agent_id in (select id from below)) as bigint)";

/// The same of a task and everything that counts in its budget. Tasks have no budgets of a day.
const GONE_OF_TASK: &str = "with recursive line (call, id, parent_id, made_in) as (select c.id, t.id, t.parent_id, \
     t.made_in from llm_calls c join tasks t on t.office_id = c.office_id and t.id = c.task_id \
     where c.office_id = $1 and c.state = 'reserved' \
     union select line.call, t.id, t.parent_id, t.made_in from tasks t \
     join line on t.id in (line.parent_id, line.made_in) where t.office_id = $1) \
     select budget_cost_micro, cast(0 as bigint), cast((select coalesce(sum(c.held_micro), 0) from llm_calls c \
     where c.office_id = $1 and c.state = 'reserved' and c.id in (select call from line where id = $2)) as bigint) \
     from tasks where office_id = $1 and id = $2";

/// What a call for a task cost, in whatever counts it in its budget.
pub fn add_to_line(tx: &mut dyn Tx, office: OfficeId, task: TaskId, cost: Micro) -> Result<(), DbError> {
    let sql = "with recursive line (id, parent_id, made_in) as (select id, parent_id, made_in from tasks \
               where office_id = $1 and id = $2 union select t.id, t.parent_id, t.made_in from tasks t \
               join line on t.id in (line.parent_id, line.made_in) where t.office_id = $1) \
               update tasks set budget_cost_micro = budget_cost_micro + $3 \
               where office_id = $1 and id in (select id from line)";
    tx.execute(sql, args![office, task, cost.0])?;
    Ok(())
}

/// Offices where budgets hold something.
pub fn offices_that_hold(tx: &mut dyn Tx) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select distinct office_id from purses where held_micro <> 0";
    tx.query(sql, args![])?.iter().map(|row| row.get(0)).collect()
}

/// At a start nothing is under way.
pub fn forget_held(tx: &mut dyn Tx, office: OfficeId) -> Result<(), DbError> {
    tx.execute("update purses set held_micro = 0 where office_id = $1 and held_micro <> 0", args![office])?;
    Ok(())
}

/// The task waits for this budget: until that is larger, or until so much of it isn't held any more.
pub fn block(
    tx: &mut dyn Tx,
    office: OfficeId,
    task: TaskId,
    (budget_of, need): (TaskId, Option<Micro>),
) -> Result<(), DbError> {
    let sql = "insert into budget_blocks (office_id, task_id, budget_of, need_micro) values ($1, $2, $3, $4) \
               on conflict (office_id, task_id) do update set budget_of = excluded.budget_of, \
               need_micro = excluded.need_micro";
    tx.execute(sql, args![office, task, budget_of, need.map(|need| need.0)])?;
    Ok(())
}

/// Which tasks wait for what calls under way hold: the task, whose budget, and how much of it.
pub fn waiting(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<(TaskId, TaskId, Micro)>, DbError> {
    let sql = "select task_id, budget_of, need_micro from budget_blocks \
               where office_id = $1 and need_micro is not null order by task_id";
    tx.query(sql, args![office])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?, Micro(row.get(2)?)))).collect()
}

/// It waits no longer.
pub fn unblock_one(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<(), DbError> {
    tx.execute("delete from budget_blocks where office_id = $1 and task_id = $2", args![office, task])?;
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
