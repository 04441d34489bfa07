//! Rows of agents.

use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::service::AgentRow;
use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;
use crate::infra::sweeps::place;

const BY_NAME: &str = "select id, name, role, model_tier, model_provider, harness, command, skills, system_prompt, \
     integrations, resources, kind, spawned_by, hirer_id, created_at, last_seen_at, live_sessions, fired_at \
     from agents where office_id = $1 and name = $2 and fired_at is null";
const BY_ID: &str = "select id, name, role, model_tier, model_provider, harness, command, skills, system_prompt, \
     integrations, resources, kind, spawned_by, hirer_id, created_at, last_seen_at, live_sessions, fired_at \
     from agents where office_id = $1 and id = $2";
const PAGE: &str = "select id, name, role, model_tier, model_provider, harness, command, skills, system_prompt, \
     integrations, resources, kind, spawned_by, hirer_id, created_at, last_seen_at, live_sessions, fired_at \
     from agents where office_id = $1 and fired_at is null order by created_at, name limit $2 offset $3";

pub fn by_name(tx: &mut dyn Tx, office: OfficeId, name: &str) -> Result<Option<AgentRow>, DbError> {
    tx.first(BY_NAME, args![office, name])?.as_ref().map(read).transpose()
}

/// A fired one too: its sessions and events still speak of it.
pub fn by_id(tx: &mut dyn Tx, office: OfficeId, id: AgentId) -> Result<Option<AgentRow>, DbError> {
    tx.first(BY_ID, args![office, id])?.as_ref().map(read).transpose()
}

pub fn page(tx: &mut dyn Tx, office: OfficeId, page: Page) -> Result<Vec<AgentRow>, DbError> {
    tx.query(PAGE, args![office, page.limit, page.offset])?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AgentRow, DbError> {
    let mut r = row.reader();
    Ok(AgentRow {
        id: r.take()?,
        name: r.take()?,
        role: r.take()?,
        model_tier: r.take()?,
        model_provider: r.take()?,
        harness: r.take()?,
        command: r.take::<Option<String>>()?.as_deref().map(parse).transpose()?,
        skills: parse(&r.take::<String>()?)?,
        system_prompt: r.take()?,
        integrations: parse(&r.take::<String>()?)?,
        resources: parse(&r.take::<String>()?)?,
        kind: r.take()?,
        spawned_by: r.take()?,
        hirer: r.take()?,
        created_at: r.take()?,
        last_seen_at: r.take()?,
        live_sessions: r.take()?,
        fired_at: r.take()?,
    })
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Shape(format!("a column of agents: {error}")))
}

fn json<T: Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Shape(format!("a column of agents: {error}")))
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, agent: &AgentRow) -> Result<(), DbError> {
    let sql = "insert into agents (office_id, id, name, role, model_tier, model_provider, harness, command, skills, \
               system_prompt, integrations, resources, kind, spawned_by, created_at, hirer_id) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    tx.execute(
        sql,
        args![
            office,
            agent.id,
            &agent.name,
            agent.role.as_ref(),
            agent.model_tier.as_ref(),
            agent.model_provider.as_ref(),
            agent.harness.as_str(),
            agent.command.as_ref().map(json).transpose()?,
            json(&agent.skills)?,
            agent.system_prompt.as_ref(),
            json(&agent.integrations)?,
            json(&agent.resources)?,
            agent.kind.as_str(),
            agent.spawned_by.as_ref(),
            agent.created_at,
            agent.hirer,
        ],
    )?;
    Ok(())
}

/// What can be changed about an agent after its hire.
pub fn update(tx: &mut dyn Tx, office: OfficeId, agent: &AgentRow) -> Result<(), DbError> {
    let sql = "update agents set role = $3, model_tier = $4, model_provider = $5, harness = $6, command = $7, \
               skills = $8, system_prompt = $9, integrations = $10 where office_id = $1 and id = $2";
    tx.execute(
        sql,
        args![
            office,
            agent.id,
            agent.role.as_ref(),
            agent.model_tier.as_ref(),
            agent.model_provider.as_ref(),
            agent.harness.as_str(),
            agent.command.as_ref().map(json).transpose()?,
            json(&agent.skills)?,
            agent.system_prompt.as_ref(),
            json(&agent.integrations)?,
        ],
    )?;
    Ok(())
}

pub fn set_fired(tx: &mut dyn Tx, office: OfficeId, id: AgentId, now: Time) -> Result<(), DbError> {
    tx.execute("update agents set fired_at = $3 where office_id = $1 and id = $2", args![office, id, now])?;
    Ok(())
}

pub fn add_live(tx: &mut dyn Tx, office: OfficeId, id: AgentId, delta: i64) -> Result<(), DbError> {
    let sql = "update agents set live_sessions = live_sessions + $3 where office_id = $1 and id = $2";
    tx.execute(sql, args![office, id, delta])?;
    Ok(())
}

/// Never back in time, so that calls in flight may arrive in any order.
pub fn set_seen(tx: &mut dyn Tx, office: OfficeId, id: AgentId, now: Time) -> Result<(), DbError> {
    let sql = "update agents set last_seen_at = $3 where office_id = $1 and id = $2 \
               and (last_seen_at is null or last_seen_at < $3)";
    tx.execute(sql, args![office, id, now])?;
    Ok(())
}

/// Agents elsewhere that came, or went, since events last said so, after one of them: heard of since `since`, or not. They
/// are found before they are put in order, lest SQLite goes through all agents for the order's sake.
pub fn turned(
    tx: &mut dyn Tx,
    since: Time,
    after: Option<(OfficeId, AgentId)>,
    most: i64,
) -> Result<Vec<(OfficeId, AgentId)>, DbError> {
    let sql = "with turned as materialized (select office_id, id from agents where kind = 'external' \
               and fired_at is null and ((said_online = 0 and last_seen_at >= $1) \
               or (said_online = 1 and last_seen_at < $1))) \
               select office_id, id from turned where office_id > $3 or (office_id = $3 and id > $4) \
               order by office_id, id limit $2";
    let (office, agent) = place(after);
    tx.query(sql, args![since, most, office, agent])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// What events said last.
pub fn said_online(tx: &mut dyn Tx, office: OfficeId, id: AgentId) -> Result<bool, DbError> {
    let sql = "select said_online from agents where office_id = $1 and id = $2 and fired_at is null";
    tx.first(sql, args![office, id])?.map_or(Ok(false), |row| row.get(0))
}

pub fn say_online(tx: &mut dyn Tx, office: OfficeId, id: AgentId, online: bool) -> Result<(), DbError> {
    tx.execute("update agents set said_online = $3 where office_id = $1 and id = $2", args![office, id, online])?;
    Ok(())
}

/// When the latest agents were hired, fired ones included, newest first.
pub fn hired_since(tx: &mut dyn Tx, office: OfficeId, since: Time, most: i64) -> Result<Vec<Time>, DbError> {
    let sql = "select created_at from agents where office_id = $1 and created_at > $2 and kind = 'hosted' \
         order by created_at desc limit $3";
    tx.query(sql, args![office, since, most])?.iter().map(|row| row.get(0)).collect()
}

/// One line that a session of the agent wrote.
pub struct Line {
    pub at: Time,
    pub text: String,
    pub session: i64,
    pub n: i64,
}

/// The newest lines, newest first.
pub fn lines(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, since: Time, most: i64) -> Result<Vec<Line>, DbError> {
    let sql = "select i.created_at, i.text, i.session, i.n from session_items i \
               join sessions s on s.office_id = i.office_id and s.number = i.session \
               where i.office_id = $1 and s.agent_id = $2 and i.kind in ('log', 'tool') and i.created_at >= $3 \
               order by i.session desc, i.n desc limit $4";
    tx.query(sql, args![office, agent, since, most])?.iter().map(read_line).collect()
}

fn read_line(row: &Row) -> Result<Line, DbError> {
    Ok(Line { at: row.get(0)?, text: row.get(1)?, session: row.get(2)?, n: row.get(3)? })
}

/// Lines after this item of this session, the oldest first.
pub fn lines_after(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    (session, n): (i64, i64),
    most: i64,
) -> Result<Vec<Line>, DbError> {
    let sql = "select i.created_at, i.text, i.session, i.n from session_items i \
               join sessions s on s.office_id = i.office_id and s.number = i.session \
               where i.office_id = $1 and s.agent_id = $2 and i.kind in ('log', 'tool') \
               and i.session >= $3 and (i.session > $3 or i.n > $4) order by i.session, i.n limit $5";
    tx.query(sql, args![office, agent, session, n, most])?.iter().map(read_line).collect()
}

/// Back, with everything that it was.
pub fn set_back(tx: &mut dyn Tx, office: OfficeId, id: AgentId) -> Result<(), DbError> {
    tx.execute(
        "update agents set fired_at = null, suspended_at = null, suspended_for = null where office_id = $1 and id = $2",
        args![office, id],
    )?;
    Ok(())
}

/// Of those who had this name, who left last.
pub fn last_fired(tx: &mut dyn Tx, office: OfficeId, name: &str) -> Result<Option<AgentRow>, DbError> {
    let sql = "select id from agents where office_id = $1 and name = $2 and fired_at is not null \
               order by fired_at desc, created_at desc limit 1";
    let id: Option<AgentId> = tx.first(sql, args![office, name])?.map(|row| row.get(0)).transpose()?;
    match id {
        Some(id) => by_id(tx, office, id),
        None => Ok(None),
    }
}

/// Agents that were hired by agents and rest, or can't start, after one of them. A cross join keeps SQLite to this order:
/// there are few of them, and many who rest.
pub fn resting_specialists(
    tx: &mut dyn Tx,
    after: Option<(OfficeId, AgentId)>,
    most: i64,
) -> Result<Vec<(OfficeId, AgentId)>, DbError> {
    let sql = "select a.office_id, a.id from agents a cross join pods p \
               where a.spawned_by is not null and a.fired_at is null and p.office_id = a.office_id \
               and p.agent_id = a.id and ((p.desired = 'asleep' and p.observed = 'none') or p.observed = 'failed') \
               and ($1 = '' or a.office_id > $1 or (a.office_id = $1 and a.id > $2)) \
               order by a.office_id, a.id limit $3";
    let (office, agent) = place(after);
    tx.query(sql, args![office, agent, most])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
