//! Rows of events; they are written in `infra::act`.

use std::ops::RangeInclusive;

use mi_core::ids::{AgentName, OfficeId, TaskId};
use mi_core::limits::LIST_COUNT_MAX;
use mi_core::time::Time;
use mi_core::wire::agents::Activity;
use mi_core::wire::events::Event;
use serde_json::{Value, json};

use super::service::Wanted;
use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

/// Category and type of an event that can't be read.
const UNREADABLE: &str = "unreadable";
const SYSTEM: &str = "system";
/// Milliseconds of the years 1970 to 9999.
const TIMES: RangeInclusive<i64> = 0..=253_402_300_799_999;

// Every statement ends at the event that the office remembers as its newest: whatever stands behind was not written by
// this server.

pub fn page(tx: &mut dyn Tx, office: OfficeId, wanted: &Wanted) -> Result<Vec<Event>, DbError> {
    let sql = "select seq, category, type, actor, task_id, summary, data, created_at from events \
               where office_id = $1 and seq > $2 and seq <= (select event_seq from offices where id = $1) \
               and ($3 = '' or category = $3) and (cast($4 as bigint) = 0 or task_id = $4) \
               order by seq limit $5 offset $6";
    let (category, task) = filters(wanted);
    let Page { limit, offset } = wanted.page;
    Ok(tx.query(sql, args![office, wanted.since, category, task, limit, offset])?.iter().filter_map(event).collect())
}

/// Empty and 0 stand for all of them.
fn filters(wanted: &Wanted) -> (&str, i64) {
    (wanted.category.as_deref().unwrap_or_default(), wanted.task.map_or(0, |id| id.0))
}

pub fn one(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<Option<Event>, DbError> {
    let sql = "select seq, category, type, actor, task_id, summary, data, created_at from events \
               where office_id = $1 and seq = $2 and seq <= (select event_seq from offices where id = $1)";
    Ok(tx.first(sql, args![office, seq])?.as_ref().and_then(event))
}

/// Of subtasks, only what moves them.
pub fn of_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId, after: i64, most: i64) -> Result<Vec<Event>, DbError> {
    let sql = "select e.seq, e.category, e.type, e.actor, e.task_id, e.summary, e.data, e.created_at from events e \
               where e.office_id = $1 and e.seq > $2 and e.seq <= (select o.event_seq from offices o where o.id = $1) \
               and (e.task_id = $3 or (e.category = 'task' \
               and e.type not in ('tasks.comment', 'tasks.artifact') and e.task_id in \
               (select t.id from tasks t where t.office_id = $1 and t.parent_id = $3))) order by e.seq limit $4";
    Ok(tx.query(sql, args![office, after, task, most])?.iter().filter_map(event).collect())
}

/// A row that somebody changed so that it can't be read is shown as that; without a number it has no place in a list.
fn event(row: &Row) -> Option<Event> {
    read_event(row).ok().or_else(|| {
        let seq = row.get(0).ok()?;
        Some(Event {
            seq,
            category: UNREADABLE.to_owned(),
            kind: UNREADABLE.to_owned(),
            actor: SYSTEM.to_owned(),
            task_id: None,
            summary: cant_be_read(seq),
            data: json!({}),
            created_at: Time(0),
        })
    })
}

fn cant_be_read(seq: i64) -> String {
    format!("event {seq} can't be read, because its row was changed: see mi audit verify")
}

fn read_event(row: &Row) -> Result<Event, DbError> {
    let mut r = row.reader();
    let event = Event {
        seq: r.take()?,
        category: r.take()?,
        kind: r.take()?,
        actor: r.take()?,
        task_id: r.take()?,
        summary: r.take()?,
        data: parse(&r.take::<String>()?)?,
        created_at: r.take()?,
    };
    sound(event.created_at, event.task_id)?;
    Ok(event)
}

/// What every reader of JSON takes as a time and as a task.
fn sound(at: Time, task: Option<TaskId>) -> Result<(), DbError> {
    match TIMES.contains(&at.0) && task.is_none_or(|id| id.0 > 0) {
        true => Ok(()),
        false => Err(DbError::Shape(format!("an event at {} ms, of the task {task:?}", at.0))),
    }
}

fn parse(text: &str) -> Result<Value, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Shape(format!("an event's data: {error}")))
}

/// Up to one more than is shown: counting further would read the whole history.
pub fn count(tx: &mut dyn Tx, office: OfficeId, wanted: &Wanted) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from events where office_id = $1 and seq > $2 \
               and seq <= (select event_seq from offices where id = $1) and ($3 = '' or category = $3) and (cast($4 as bigint) = 0 or task_id = $4) limit $5) as counted";
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
               where office_id = $1 and agent = $2 and seq <= (select event_seq from offices where id = $1) \
               and ($3 = '' or category = $3) and created_at >= $4 \
               order by seq desc limit $5 offset $6";
    let Activities { agent, category, since } = wanted;
    let rows = tx.query(sql, args![office, *agent, *category, *since, page.limit, page.offset])?;
    Ok(rows.iter().filter_map(activity).collect())
}

/// As `event`.
fn activity(row: &Row) -> Option<Activity> {
    read_activity(row).ok().or_else(|| {
        let seq = row.get(0).ok()?;
        Some(Activity {
            id: i64::to_string(&seq),
            category: UNREADABLE.to_owned(),
            kind: UNREADABLE.to_owned(),
            summary: cant_be_read(seq),
            timestamp: Time(0),
            metadata: json!({}),
        })
    })
}

/// The event's data with its actor and task beside it.
fn read_activity(row: &Row) -> Result<Activity, DbError> {
    let mut r = row.reader();
    let (seq, category, kind): (i64, String, String) = (r.take()?, r.take()?, r.take()?);
    let (summary, timestamp) = (r.take()?, r.take()?);
    let mut metadata = parse(&r.take::<String>()?)?;
    let (actor, task): (String, Option<TaskId>) = (r.take()?, r.take()?);
    sound(timestamp, task)?;
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.entry("actor").or_insert(actor.into());
        metadata.entry("task_id").or_insert(task.map(|id| id.0).into());
    }
    Ok(Activity { id: seq.to_string(), category, kind, summary, timestamp, metadata })
}

pub fn count_activities(tx: &mut dyn Tx, office: OfficeId, wanted: &Activities<'_>) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from events \
               where office_id = $1 and agent = $2 and seq <= (select event_seq from offices where id = $1) \
               and ($3 = '' or category = $3) and created_at >= $4 limit $5) \
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
               where office_id = $1 and agent = $2 and seq <= (select event_seq from offices where id = $1) \
               and type = $3 order by seq desc limit $4 offset $5";
    Ok(tx.query(sql, args![office, agent, kind, page.limit, page.offset])?.iter().filter_map(activity).collect())
}

pub fn count_of_kind(tx: &mut dyn Tx, office: OfficeId, agent: &AgentName, kind: &str) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from events \
               where office_id = $1 and agent = $2 and seq <= (select event_seq from offices where id = $1) \
               and type = $3 limit $4) as counted";
    tx.first(sql, args![office, agent, kind, LIST_COUNT_MAX + 1])?.map_or(Ok(0), |row| row.get(0))
}
