//! Rows of acts: the office's head, events, idempotency, nonces, the fence.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use mi_core::credits::Micro;
use mi_core::identity::Role;
use mi_core::ids::{AgentId, AgentName, ClaimToken, OfficeId, UserId};
use mi_core::time::Time;
use mi_core::wire::offices::Settings;

use super::head::{Head, TaskCounts};
use super::idempotency::Key;
use super::{Answer, NewEvent};
use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::signed::nonces::Nonce;

const HEAD: &str = "select name, owner_id, status, settings, created_at, event_seq, event_mac, task_seq, session_seq, \
     row_seq, agent_count, tasks_queued, tasks_claimed, tasks_running, tasks_blocked, tasks_done, tasks_failed, \
     tasks_cancelled, balance_micro, held_micro from offices where id = $1";

pub fn load_for_update(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<Head>, DbError> {
    tx.query_for_update(HEAD, args![office])?.first().map(read_head).transpose()
}

pub fn load(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<Head>, DbError> {
    tx.first(HEAD, args![office])?.as_ref().map(read_head).transpose()
}

pub fn key_counts(tx: &mut dyn Tx, key: &str) -> Result<bool, DbError> {
    Ok(tx.first("select id from api_keys where id = $1 and revoked_at is null", args![key])?.is_some())
}

/// A colleague's role, and the name by which others know them.
pub fn role(tx: &mut dyn Tx, office: OfficeId, user: UserId) -> Result<Option<(Role, String)>, DbError> {
    let sql = "select m.role, u.name from members m join users u on u.id = m.user_id \
               where m.office_id = $1 and m.user_id = $2";
    let Some(row) = tx.first(sql, args![office, user])? else { return Ok(None) };
    let role: String = row.get(0)?;
    let role = Role::parse(&role).ok_or_else(|| DbError::Shape(format!("a role: {role}")))?;
    Ok(Some((role, row.get(1)?)))
}

/// Whether the office takes signatures that cover neither body nor nonce.
pub fn takes_v1(tx: &mut dyn Tx, office: OfficeId) -> Result<bool, DbError> {
    let row = tx.first("select settings from offices where id = $1", args![office])?;
    let Some(row) = row else { return Ok(false) };
    Ok(parse_settings(&row.get::<String>(0)?)?.allow_v1_signatures)
}

/// An agent that still belongs to the office, by a key that still is its own.
pub fn agent_name(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, key: &str) -> Result<Option<AgentName>, DbError> {
    let sql = "select a.name from agents a join agent_keys k on k.office_id = a.office_id and k.agent_id = a.id \
               where a.office_id = $1 and a.id = $2 and a.fired_at is null and k.id = $3 and k.revoked_at is null";
    tx.first(sql, args![office, agent, key])?.map(|row| row.get(0)).transpose()
}

/// An agent that comes by itself was there now, unless that is known of a moment after `before`.
pub fn heard_of(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, now: Time, before: Time) -> Result<(), DbError> {
    let sql = "update agents set last_seen_at = $3 where office_id = $1 and id = $2 and kind = 'external' \
               and (last_seen_at is null or last_seen_at < $4)";
    tx.execute(sql, args![office, agent, now, before])?;
    Ok(())
}

fn read_head(row: &Row) -> Result<Head, DbError> {
    let mut r = row.reader();
    Ok(Head {
        name: r.take()?,
        owner: r.take()?,
        status: r.take()?,
        settings: parse_settings(&r.take::<String>()?)?,
        created_at: r.take()?,
        event_seq: r.take()?,
        event_mac: r.take()?,
        task_seq: r.take()?,
        session_seq: r.take()?,
        row_seq: r.take()?,
        agent_count: r.take()?,
        tasks: TaskCounts {
            queued: r.take()?,
            claimed: r.take()?,
            running: r.take()?,
            blocked: r.take()?,
            done: r.take()?,
            failed: r.take()?,
            cancelled: r.take()?,
        },
        balance: Micro(r.take()?),
        held: Micro(r.take()?),
    })
}

/// Settings that a store thread parsed lately; they change far more rarely than they are read.
const SETTINGS_KNOWN_MAX: usize = 64;

thread_local! {
    static SETTINGS: RefCell<HashMap<String, Arc<Settings>>> = RefCell::default();
}

fn parse_settings(text: &str) -> Result<Arc<Settings>, DbError> {
    SETTINGS.with_borrow_mut(|known| {
        if let Some(settings) = known.get(text) {
            return Ok(Arc::clone(settings));
        }
        let settings = serde_json::from_str(text).map_err(|error| DbError::Shape(format!("settings: {error}")))?;
        let settings = Arc::new(settings);
        if known.len() >= SETTINGS_KNOWN_MAX {
            known.clear();
        }
        known.insert(text.to_owned(), Arc::clone(&settings));
        Ok(settings)
    })
}

/// Saves what acts change; name, status and settings have statements of their own.
pub fn save(tx: &mut dyn Tx, office: OfficeId, head: &Head) -> Result<(), DbError> {
    let sql = "update offices set event_seq = $2, event_mac = $3, task_seq = $4, session_seq = $5, row_seq = $6, \
               agent_count = $7, tasks_queued = $8, tasks_claimed = $9, tasks_running = $10, tasks_blocked = $11, \
               tasks_done = $12, tasks_failed = $13, tasks_cancelled = $14, balance_micro = $15, held_micro = $16 \
               where id = $1";
    let tasks = &head.tasks;
    tx.execute(
        sql,
        args![
            office,
            head.event_seq,
            &head.event_mac,
            head.task_seq,
            head.session_seq,
            head.row_seq,
            head.agent_count,
            tasks.queued,
            tasks.claimed,
            tasks.running,
            tasks.blocked,
            tasks.done,
            tasks.failed,
            tasks.cancelled,
            head.balance.0,
            head.held.0,
        ],
    )?;
    Ok(())
}

pub fn insert_event(
    tx: &mut dyn Tx,
    office: OfficeId,
    seq: i64,
    at: Time,
    event: &NewEvent<'_>,
    prev: &str,
    mac: &str,
) -> Result<(), DbError> {
    let sql = "insert into events (office_id, seq, category, type, actor, agent, task_id, summary, data, created_at, \
               prev, mac) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    tx.execute(
        sql,
        args![
            office,
            seq,
            event.category.as_str(),
            event.kind,
            event.actor,
            event.agent,
            event.task,
            &event.summary,
            event.data.to_string(),
            at,
            prev,
            mac,
        ],
    )?;
    Ok(())
}

/// The agent's name, if this epoch is its newest and it is still in the office. A runner elsewhere was known by its
/// agent's key; when any key of the agent was revoked since, it has to show a good one again.
pub fn runner_name(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    epoch: i64,
) -> Result<Option<AgentName>, DbError> {
    let sql = "select a.name from agents a left join pods p on p.office_id = a.office_id and p.agent_id = a.id \
               left join remote_runners r on r.office_id = a.office_id and r.agent_id = a.id \
               where a.office_id = $1 and a.id = $2 and a.fired_at is null and (p.epoch = $3 or (r.epoch = $3 \
               and not exists (select 1 from agent_keys k where k.office_id = $1 and k.agent_id = $2 \
               and k.revoked_at >= r.started_at)))";
    tx.first(sql, args![office, agent, epoch])?.map(|row| row.get(0)).transpose()
}

/// Whether this is still the newest runner of an agent elsewhere, whatever became of the agent.
pub fn is_newest_elsewhere(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, epoch: i64) -> Result<bool, DbError> {
    let sql = "select epoch from remote_runners where office_id = $1 and agent_id = $2 and epoch = $3";
    Ok(tx.first(sql, args![office, agent, epoch])?.is_some())
}

/// A session that has settled its task may still look around until its runner ends it. One elsewhere is over when a
/// key of its agent is revoked: whoever started it can't be told from whoever stole that key.
pub fn session_name(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    session: ClaimToken,
) -> Result<Option<AgentName>, DbError> {
    let sql = "select agent from sessions where office_id = $1 and number = $2 and agent_id = $3 \
               and state <> 'ended' and (remote_epoch is null or not exists (select 1 from agent_keys k \
               where k.office_id = $1 and k.agent_id = $3 and k.revoked_at >= sessions.started_at))";
    tx.first(sql, args![office, session, agent])?.map(|row| row.get(0)).transpose()
}

/// As `session_name`, for reports that may come after the end.
pub fn session_name_even_ended(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    session: ClaimToken,
) -> Result<Option<AgentName>, DbError> {
    let sql = "select agent from sessions where office_id = $1 and number = $2 and agent_id = $3";
    tx.first(sql, args![office, session, agent])?.map(|row| row.get(0)).transpose()
}

/// A valid claim: whose it is, and when it last showed work.
pub struct LiveSession {
    pub agent: AgentId,
    pub worked_at: Option<Time>,
}

pub fn live_session(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken) -> Result<Option<LiveSession>, DbError> {
    let sql = "select agent_id, worked_at from sessions where office_id = $1 and number = $2 and state = 'live'";
    let row = tx.first(sql, args![office, session])?;
    row.map(|row| Ok(LiveSession { agent: row.get(0)?, worked_at: row.get(1)? })).transpose()
}

pub fn is_at_work(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<bool, DbError> {
    let sql = "select number from sessions where office_id = $1 and agent_id = $2 and state = 'live' limit 1";
    Ok(tx.first(sql, args![office, agent])?.is_some())
}

pub fn renew(
    tx: &mut dyn Tx,
    office: OfficeId,
    session: ClaimToken,
    until: Time,
    worked_at: Time,
) -> Result<(), DbError> {
    let sql = "update sessions set lease_expires_at = $3, worked_at = $4 where office_id = $1 and number = $2";
    tx.execute(sql, args![office, session, until, worked_at])?;
    Ok(())
}

pub fn recall(tx: &mut dyn Tx, key: &Key, not_before: Time) -> Result<Option<(String, Answer)>, DbError> {
    let sql = "select body_sha256, status, answer from idempotency \
               where caller = $1 and route = $2 and key = $3 and created_at > $4";
    let Some(row) = tx.first(sql, args![&key.caller, &key.route, &key.key, not_before])? else { return Ok(None) };
    let status: i64 = row.get(1)?;
    let status = u16::try_from(status).map_err(|_| DbError::Shape(format!("status {status}")))?;
    Ok(Some((row.get(0)?, Answer { body: row.get(2)?, ..Answer::empty(status) })))
}

pub fn keep(tx: &mut dyn Tx, key: &Key, status: u16, body: &str, now: Time) -> Result<(), DbError> {
    let sql = "insert into idempotency (caller, route, key, body_sha256, status, answer, created_at) \
               values ($1, $2, $3, $4, $5, $6, $7) on conflict (caller, route, key) do update set \
               body_sha256 = excluded.body_sha256, status = excluded.status, answer = excluded.answer, \
               created_at = excluded.created_at";
    let status = i64::from(status);
    tx.execute(sql, args![&key.caller, &key.route, &key.key, &key.body_sha256, status, body, now])?;
    Ok(())
}

/// Forgets answers older than `before`; at most `most` of them, so that a sweep stays short.
pub fn forget(tx: &mut dyn Tx, before: Time, most: i64) -> Result<u64, DbError> {
    let sql = "delete from idempotency where created_at < $1 and key in \
               (select key from idempotency where created_at < $1 order by created_at limit $2)";
    tx.execute(sql, args![before, most])
}

/// Whether it was the first.
pub fn spend(tx: &mut dyn Tx, nonce: &Nonce) -> Result<bool, DbError> {
    let sql = "insert into nonces (office_id, agent_id, nonce, expires_at) values ($1, $2, $3, $4) \
               on conflict (office_id, agent_id, nonce) do nothing";
    Ok(tx.execute(sql, args![nonce.office, nonce.agent, &nonce.text, nonce.ends_at])? > 0)
}

pub fn is_spent(tx: &mut dyn Tx, nonce: &Nonce) -> Result<bool, DbError> {
    let sql = "select expires_at from nonces where office_id = $1 and agent_id = $2 and nonce = $3";
    Ok(tx.first(sql, args![nonce.office, nonce.agent, &nonce.text])?.is_some())
}

/// Forgets nonces whose signatures ended before `before`; at most some more than `most` of them.
pub fn forget_nonces(tx: &mut dyn Tx, before: Time, most: i64) -> Result<u64, DbError> {
    let sql = "delete from nonces where expires_at < $1 and nonce in \
               (select nonce from nonces where expires_at < $1 order by expires_at limit $2)";
    tx.execute(sql, args![before, most])
}
