//! Rows of messages.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::time::Time;

use super::service::{Message, NewMessage, Unread};
use crate::args;
use crate::infra::db::{DbError, Row, Tx};

pub fn insert(tx: &mut dyn Tx, office: OfficeId, id: i64, message: &NewMessage, now: Time) -> Result<(), DbError> {
    let sql = "insert into messages (office_id, id, from_agent, to_agent, body, session, created_at, chain) \
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let NewMessage { from, to, body, session, chain } = message;
    tx.execute(sql, args![office, id, from, to, body, *session, now, *chain])?;
    Ok(())
}

/// The oldest unread ones, oldest first.
pub fn unread(tx: &mut dyn Tx, office: OfficeId, to: &str, most: i64) -> Result<Vec<Message>, DbError> {
    let sql = "select id, from_agent, to_agent, body, created_at from messages \
               where office_id = $1 and to_agent = $2 and read_at is null order by id limit $3";
    tx.query(sql, args![office, to, most])?.iter().map(read).collect()
}

/// The same ones, as far as waking goes.
pub fn unread_links(tx: &mut dyn Tx, office: OfficeId, to: &str, most: i64) -> Result<Vec<Unread>, DbError> {
    let sql = "select id, from_agent, chain, created_at from messages \
               where office_id = $1 and to_agent = $2 and read_at is null order by id limit $3";
    tx.query(sql, args![office, to, most])?.iter().map(read_link).collect()
}

/// The oldest unread one that is not too far in its chain.
pub fn first_that_wakes(tx: &mut dyn Tx, office: OfficeId, to: &str, limit: i64) -> Result<Option<Unread>, DbError> {
    let sql = "select id, from_agent, chain, created_at from messages \
               where office_id = $1 and to_agent = $2 and read_at is null and chain <= $3 order by id limit 1";
    tx.first(sql, args![office, to, limit])?.as_ref().map(read_link).transpose()
}

fn read_link(row: &Row) -> Result<Unread, DbError> {
    let mut r = row.reader();
    Ok(Unread { id: r.take()?, from: r.take()?, chain: r.take()?, at: r.take()? })
}

/// Unread ones that are too far in their chain begin a new one.
pub fn release_stopped(tx: &mut dyn Tx, office: OfficeId, to: &str, limit: i64) -> Result<(), DbError> {
    let sql = "update messages set chain = 0 \
               where office_id = $1 and to_agent = $2 and read_at is null and chain > $3";
    tx.execute(sql, args![office, to, limit])?;
    Ok(())
}

/// Of the newest message that somebody got.
pub fn newest_link(tx: &mut dyn Tx, office: OfficeId, to: &str) -> Result<Option<(Time, i64)>, DbError> {
    let sql = "select created_at, chain from messages where office_id = $1 and to_agent = $2 order by id desc limit 1";
    tx.first(sql, args![office, to])?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

pub fn count_try(tx: &mut dyn Tx, office: OfficeId, to: &str, up_to: i64) -> Result<(), DbError> {
    let sql = "update messages set tries = tries + 1 \
               where office_id = $1 and to_agent = $2 and read_at is null and id <= $3";
    tx.execute(sql, args![office, to, up_to])?;
    Ok(())
}

pub fn most_tries(tx: &mut dyn Tx, office: OfficeId, to: &str, up_to: i64) -> Result<i64, DbError> {
    let sql = "select coalesce(max(tries), 0) from messages \
               where office_id = $1 and to_agent = $2 and read_at is null and id <= $3";
    tx.first(sql, args![office, to, up_to])?.map_or(Ok(0), |row| row.get(0))
}

/// Those that have woken so many sessions count as read.
pub fn give_up(tx: &mut dyn Tx, office: OfficeId, to: &str, up_to: i64, tries: i64, now: Time) -> Result<(), DbError> {
    let sql = "update messages set read_at = $5 \
               where office_id = $1 and to_agent = $2 and read_at is null and id <= $3 and tries >= $4";
    tx.execute(sql, args![office, to, up_to, tries, now])?;
    Ok(())
}

/// Why its last session for messages failed, and until when none is begun.
pub fn set_reading_error(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: &str,
    error: &str,
    retry_at: Time,
) -> Result<(), DbError> {
    let sql = "update agents set reading_error = $3, read_again_at = $4 \
               where office_id = $1 and name = $2 and fired_at is null";
    tx.execute(sql, args![office, agent, error, retry_at])?;
    Ok(())
}

pub fn clear_reading_error(tx: &mut dyn Tx, office: OfficeId, agent: &str) -> Result<(), DbError> {
    let sql = "update agents set reading_error = null, read_again_at = null \
               where office_id = $1 and name = $2 and fired_at is null and reading_error is not null";
    tx.execute(sql, args![office, agent])?;
    Ok(())
}

pub fn reading_error(tx: &mut dyn Tx, office: OfficeId, agent: &str) -> Result<Option<String>, DbError> {
    let sql = "select reading_error from agents where office_id = $1 and name = $2 and fired_at is null";
    tx.first(sql, args![office, agent])?.map_or(Ok(None), |row| row.get(0))
}

pub fn retry_at(tx: &mut dyn Tx, office: OfficeId, agent: &str) -> Result<Option<Time>, DbError> {
    let sql = "select read_again_at from agents where office_id = $1 and name = $2 and fired_at is null";
    tx.first(sql, args![office, agent])?.map_or(Ok(None), |row| row.get(0))
}

/// Agents of all offices whose pause ended between two moments.
pub fn retries_due(tx: &mut dyn Tx, after: Time, until: Time) -> Result<Vec<(OfficeId, AgentName)>, DbError> {
    let sql = "select office_id, name from agents where read_again_at > $1 and read_again_at <= $2 and fired_at is null \
               order by office_id, name";
    tx.query(sql, args![after, until])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

pub fn next_retry(tx: &mut dyn Tx, after: Time) -> Result<Option<Time>, DbError> {
    let sql = "select min(read_again_at) from agents where read_again_at > $1 and fired_at is null";
    tx.first(sql, args![after])?.map_or(Ok(None), |row| row.get(0))
}

pub fn mark_read(tx: &mut dyn Tx, office: OfficeId, to: &str, up_to: i64, now: Time) -> Result<u64, DbError> {
    let sql = "update messages set read_at = $4 \
               where office_id = $1 and to_agent = $2 and read_at is null and id <= $3";
    tx.execute(sql, args![office, to, up_to, now])
}

/// Who wrote to whom, since when.
pub struct Pair<'a> {
    pub one: &'a str,
    pub other: &'a str,
    pub since: Time,
}

/// The newest of a conversation, newest first.
pub fn between(tx: &mut dyn Tx, office: OfficeId, pair: &Pair<'_>, most: i64) -> Result<Vec<Message>, DbError> {
    let sql = "select id, from_agent, to_agent, body, created_at from messages \
               where office_id = $1 and ((from_agent = $2 and to_agent = $3) or (from_agent = $3 and to_agent = $2)) \
               and created_at >= $4 order by id desc limit $5";
    tx.query(sql, args![office, pair.one, pair.other, pair.since, most])?.iter().map(read).collect()
}

pub fn count_between(tx: &mut dyn Tx, office: OfficeId, pair: &Pair<'_>, most: i64) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from messages \
               where office_id = $1 and ((from_agent = $2 and to_agent = $3) or (from_agent = $3 and to_agent = $2)) \
               and created_at >= $4 limit $5) as found";
    tx.first(sql, args![office, pair.one, pair.other, pair.since, most])?.map_or(Ok(0), |row| row.get(0))
}

/// Who wrote to whom since a time, and when last; the last to write first. `who` is empty for everybody.
pub fn pairs(
    tx: &mut dyn Tx,
    office: OfficeId,
    who: &str,
    since: Time,
    most: i64,
) -> Result<Vec<(String, String, Time)>, DbError> {
    let sql = "select from_agent, to_agent, max(created_at) as last_at from messages \
               where office_id = $1 and ($2 = '' or from_agent = $2 or to_agent = $2) and created_at >= $3 \
               group by from_agent, to_agent order by last_at desc, from_agent, to_agent limit $4";
    let rows = tx.query(sql, args![office, who, since, most])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}

/// What somebody wrote and was written after a message, in its order.
pub fn after(
    tx: &mut dyn Tx,
    office: OfficeId,
    who: &str,
    after: i64,
    since: Time,
    most: i64,
) -> Result<Vec<Message>, DbError> {
    let sql = "select id, from_agent, to_agent, body, created_at from messages \
               where office_id = $1 and id > $3 and (from_agent = $2 or to_agent = $2) and created_at >= $4 \
               order by id limit $5";
    tx.query(sql, args![office, who, after, since, most])?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Message, DbError> {
    let mut r = row.reader();
    let (id, from_agent, to_agent) = (r.take()?, r.take()?, r.take()?);
    let body: String = r.take()?;
    let at: Time = r.take()?;
    Ok(Message::new(id, from_agent, to_agent, body, at))
}
