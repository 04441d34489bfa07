//! Rows of events; they are written in `infra::act`.

use mi_core::ids::{AgentName, OfficeId, TaskId};
use mi_core::limits::LIST_COUNT_MAX;
use mi_core::time::Time;
use mi_core::wire::agents::Activity;
use mi_core::wire::events::Event;
use serde_json::Value;

use super::service::Wanted;
use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

pub fn page(tx: &mut dyn Tx, office: OfficeId, wanted: &Wanted) -> Result<Vec<Event>, DbError> {
    let sql = "select seq, category, type, actor, task_id, summary, data, created_at from events \
               where office_id = $1 and seq > $2 and ($3 = '' or category = $3) and (cast($4 as bigint) = 0 or task_id = $4) \
               order by seq limit $5 offset $6";
    let (category, task) = filters(wanted);
    let Page { limit, offset } = wanted.page;
    tx.query(sql, args![office, wanted.since, category, task, limit, offset])?.iter().map(read_event).collect()
}

/// Empty and 0 stand for all of them.
fn filters(wanted: &Wanted) -> (&str, i64) {
    (wanted.category.as_deref().unwrap_or_default(), wanted.task.map_or(0, |id| id.0))
}

pub fn one(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<Option<Event>, DbError> {
    let sql = "select seq, category, type, actor, task_id, summary, data, created_at from events \
               where office_id = $1 and seq = $2";
    tx.first(sql, args![office, seq])?.as_ref().map(read_event).transpose()
}

/// Of subtasks, only what moves them.
pub fn of_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId, after: i64, most: i64) -> Result<Vec<Event>, DbError> {
    let sql = "select e.seq, e.category, e.type, e.actor, e.task_id, e.summary, e.data, e.created_at from events e \
               where e.office_id = $1 and e.seq > $2 and (e.task_id = $3 or (e.category = 'task' \
               and e.type not in ('tasks.comment', 'tasks.artifact') and e.task_id in \
               (select t.id from tasks t where t.office_id = $1 and t.parent_id = $3))) order by e.seq limit $4";
    tx.query(sql, args![office, after, task, most])?.iter().map(read_event).collect()
}

fn read_event(row: &Row) -> Result<Event, DbError> {
    let mut r = row.reader();
    Ok(Event {
        seq: r.take()?,
        category: r.take()?,
        kind: r.take()?,
        actor: r.take()?,
        task_id: r.take()?,
        summary: r.take()?,
        data: parse(&r.take::<String>()?)?,
        created_at: r.take()?,
    })
}

fn parse(text: &str) -> Result<Value, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Shape(format!("an event's data: {error}")))
}

/// Up to one more than is shown: counting further would read the whole history.
pub fn count(tx: &mut dyn Tx, office: OfficeId, wanted: &Wanted) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from events where office_id = $1 and seq > $2 \
               and ($3 = '' or category = $3) and (cast($4 as bigint) = 0 or task_id = $4) limit $5) as counted";
    let (category, task) = filters(wanted);
    tx.first(sql, args![office, wanted.since, category, task, LIST_COUNT_MAX + 1])?.map_or(Ok(0), |row| row.get(0))
}

/// Which of an agent's activities are asked for; `category` is empty for all of them.
pub struct Activities<'a> {
    pub agent: &'a AgentName,
    pub category: &'a str,
    pub since: Time,
}

pub fn activities(
    tx: &mut dyn Tx,
    office: OfficeId,
    wanted: &Activities<'_>,
    page: Page,
) -> Result<Vec<Activity>, DbError> {
    let sql = "select seq, category, type, summary, created_at, data, actor, task_id from events \
               where office_id = $1 and agent = $2 and ($3 = '' or category = $3) and created_at >= $4 \
               order by seq desc limit $5 offset $6";
    let Activities { agent, category, since } = wanted;
    tx.query(sql, args![office, *agent, *category, *since, page.limit, page.offset])?
        .iter()
        .map(read_activity)
        .collect()
}

/// The event's data with its actor and task beside it.
fn read_activity(row: &Row) -> Result<Activity, DbError> {
    let mut r = row.reader();
    let (seq, category, kind): (i64, String, String) = (r.take()?, r.take()?, r.take()?);
    let (summary, timestamp) = (r.take()?, r.take()?);
    let mut metadata = parse(&r.take::<String>()?)?;
    let (actor, task): (String, Option<i64>) = (r.take()?, r.take()?);
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.entry("actor").or_insert(actor.into());
        metadata.entry("task_id").or_insert(task.into());
    }
    Ok(Activity { id: seq.to_string(), category, kind, summary, timestamp, metadata })
}

pub fn count_activities(tx: &mut dyn Tx, office: OfficeId, wanted: &Activities<'_>) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from events \
               where office_id = $1 and agent = $2 and ($3 = '' or category = $3) and created_at >= $4 limit $5) \
               as counted";
    let Activities { agent, category, since } = wanted;
    let row = tx.first(sql, args![office, *agent, *category, *since, LIST_COUNT_MAX + 1])?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// An agent's events of one type, the newest first.
pub fn of_kind(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: &AgentName,
    kind: &str,
    page: Page,
) -> Result<Vec<Activity>, DbError> {
    let sql = "select seq, category, type, summary, created_at, data, actor, task_id from events \
               where office_id = $1 and agent = $2 and type = $3 order by seq desc limit $4 offset $5";
    tx.query(sql, args![office, agent, kind, page.limit, page.offset])?.iter().map(read_activity).collect()
}

pub fn count_of_kind(tx: &mut dyn Tx, office: OfficeId, agent: &AgentName, kind: &str) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from events \
               where office_id = $1 and agent = $2 and type = $3 limit $4) as counted";
    tx.first(sql, args![office, agent, kind, LIST_COUNT_MAX + 1])?.map_or(Ok(0), |row| row.get(0))
}
