//! Rows of agents' keys.

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::sweeps::place;

/// The public half of a pair, for those who may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicRow {
    pub public_key: String,
    pub address: String,
}

/// A pair about to be kept. `sealed` is the private half, where the server holds it.
pub struct NewPair<'a> {
    pub id: &'a str,
    pub agent: AgentId,
    pub public_key: &'a str,
    pub address: &'a str,
    pub sealed: Option<&'a str>,
}

/// An API key about to be kept.
pub struct NewApiKey<'a> {
    pub id: &'a str,
    pub agent: AgentId,
    pub hash: &'a str,
    pub prefix: &'a str,
}

pub fn insert_pair(tx: &mut dyn Tx, office: OfficeId, pair: &NewPair<'_>, now: Time) -> Result<(), DbError> {
    let sql = "insert into agent_keys (office_id, id, agent_id, kind, public_key, address, sealed, created_at) \
               values ($1, $2, $3, 'public', $4, $5, $6, $7)";
    tx.execute(sql, args![office, pair.id, pair.agent, pair.public_key, pair.address, pair.sealed, now])?;
    Ok(())
}

pub fn insert_api_key(tx: &mut dyn Tx, office: OfficeId, key: &NewApiKey<'_>, now: Time) -> Result<(), DbError> {
    let sql = "insert into agent_keys (office_id, id, agent_id, kind, hash, prefix, created_at) \
               values ($1, $2, $3, 'api', $4, $5, $6)";
    tx.execute(sql, args![office, key.id, key.agent, key.hash, key.prefix, now])?;
    Ok(())
}

/// The live one.
pub fn public(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<PublicRow>, DbError> {
    let sql = "select public_key, address from agent_keys \
               where office_id = $1 and agent_id = $2 and kind = 'public' and revoked_at is null";
    let row = tx.first(sql, args![office, agent])?;
    row.map(|row| Ok(PublicRow { public_key: row.get(0)?, address: row.get(1)? })).transpose()
}

/// The live private half that the server holds: its row's id and the sealed text.
#[allow(dead_code, reason = "as `service::sign_for`")]
pub fn sealed(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<(String, String)>, DbError> {
    let sql = "select id, sealed from agent_keys where office_id = $1 and agent_id = $2 and kind = 'public' \
               and revoked_at is null and sealed is not null";
    tx.first(sql, args![office, agent])?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// Whether the key is anybody's now, or was this agent's before.
pub fn is_spoken_for(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, public_key: &str) -> Result<bool, DbError> {
    let sql = "select id from agent_keys where office_id = $1 and public_key = $2 \
               and (revoked_at is null or agent_id = $3) limit 1";
    Ok(tx.first(sql, args![office, public_key, agent])?.is_some())
}

pub fn revoke(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, kind: &str, now: Time) -> Result<(), DbError> {
    let sql = "update agent_keys set revoked_at = $4 \
               where office_id = $1 and agent_id = $2 and kind = $3 and revoked_at is null";
    tx.execute(sql, args![office, agent, kind, now])?;
    Ok(())
}

/// A key that may have made a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub office: OfficeId,
    pub agent: AgentId,
    pub public_key: String,
    pub created_at: Time,
    pub id: String,
    /// It was revoked, or its agent is gone.
    pub is_over: bool,
}

/// An id says which office it belongs to, so this looks in all of them.
pub fn of_id(tx: &mut dyn Tx, agent: AgentId, most: i64) -> Result<Vec<Candidate>, DbError> {
    let sql = "select k.office_id, k.agent_id, k.public_key, k.created_at, \
               case when k.revoked_at is null and a.fired_at is null then 0 else 1 end, k.id \
               from agent_keys k join agents a on a.office_id = k.office_id and a.id = k.agent_id \
               where k.agent_id = $1 and k.kind = 'public' order by 5, k.created_at desc limit $2";
    tx.query(sql, args![agent, most])?.iter().map(read).collect()
}

pub fn of_name(tx: &mut dyn Tx, office: OfficeId, name: &AgentName, most: i64) -> Result<Vec<Candidate>, DbError> {
    let sql = "select k.office_id, k.agent_id, k.public_key, k.created_at, \
               case when k.revoked_at is null and a.fired_at is null then 0 else 1 end, k.id \
               from agents a join agent_keys k on k.office_id = a.office_id and k.agent_id = a.id \
               where a.office_id = $1 and a.name = $2 and k.kind = 'public' order by 5, k.created_at desc limit $3";
    tx.query(sql, args![office, name, most])?.iter().map(read).collect()
}

/// Agents of that name wherever they are: their key says which of them it is.
pub fn of_bare_name(tx: &mut dyn Tx, name: &AgentName, most: i64) -> Result<Vec<Candidate>, DbError> {
    let sql = "select k.office_id, k.agent_id, k.public_key, k.created_at, 0, k.id \
               from agents a join agent_keys k on k.office_id = a.office_id and k.agent_id = a.id \
               where a.name = $1 and a.fired_at is null and k.kind = 'public' and k.revoked_at is null limit $2";
    tx.query(sql, args![name, most])?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Candidate, DbError> {
    let mut r = row.reader();
    let (office, agent, public_key, created_at) = (r.take()?, r.take()?, r.take()?, r.take()?);
    let is_over = r.take::<i64>()? != 0;
    Ok(Candidate { office, agent, public_key, created_at, is_over, id: r.take()? })
}

/// Hosted agents without a pair, after one of them: those of a store from before agents had keys.
pub fn without_pair(
    tx: &mut dyn Tx,
    after: Option<(OfficeId, AgentId)>,
    most: i64,
) -> Result<Vec<(OfficeId, AgentId)>, DbError> {
    let sql = "select a.office_id, a.id from agents a left join agent_keys k on k.office_id = a.office_id \
               and k.agent_id = a.id and k.kind = 'public' and k.revoked_at is null \
               where a.kind = 'hosted' and a.fired_at is null and k.id is null \
               and (a.office_id > $1 or (a.office_id = $1 and a.id > $2)) order by a.office_id, a.id limit $3";
    let (office, agent) = place(after);
    tx.query(sql, args![office, agent, most])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// A key as lists show it.
pub struct KeyRow {
    pub id: String,
    pub kind: String,
    pub prefix: Option<String>,
    pub address: Option<String>,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

/// Those that count before those that don't, the newest first.
pub fn of_agent(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, most: i64) -> Result<Vec<KeyRow>, DbError> {
    let sql = "select id, kind, prefix, address, created_at, last_used_at, revoked_at from agent_keys \
               where office_id = $1 and agent_id = $2 \
               order by case when revoked_at is null then 0 else 1 end, created_at desc, id limit $3";
    tx.query(sql, args![office, agent, most])?.iter().map(read_key).collect()
}

fn read_key(row: &Row) -> Result<KeyRow, DbError> {
    let mut r = row.reader();
    Ok(KeyRow {
        id: r.take()?,
        kind: r.take()?,
        prefix: r.take()?,
        address: r.take()?,
        created_at: r.take()?,
        last_used_at: r.take()?,
        revoked_at: r.take()?,
    })
}

/// Whether a key still counts.
pub fn holds(tx: &mut dyn Tx, office: OfficeId, id: &str) -> Result<bool, DbError> {
    let sql = "select id from agent_keys where office_id = $1 and id = $2 and revoked_at is null";
    Ok(tx.first(sql, args![office, id])?.is_some())
}

pub fn note_use(tx: &mut dyn Tx, office: OfficeId, id: &str, at: Time) -> Result<(), DbError> {
    let sql = "update agent_keys set last_used_at = $3 where office_id = $1 and id = $2 \
               and (last_used_at is null or last_used_at < $3)";
    tx.execute(sql, args![office, id, at])?;
    Ok(())
}
