//! Rows of API keys.

use mi_core::ids::{AgentId, OfficeId, UserId};
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

const KEY_ID_CHARS: usize = 32;

pub struct KeyRow {
    pub id: String,
    pub user: UserId,
    pub name: String,
    pub prefix: String,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
    pub expires_at: Option<Time>,
    pub revoked_at: Option<Time>,
    pub is_scoped: bool,
}

fn read(row: &Row) -> Result<KeyRow, DbError> {
    let mut r = row.reader();
    Ok(KeyRow {
        id: r.take()?,
        user: r.take()?,
        name: r.take()?,
        prefix: r.take()?,
        created_at: r.take()?,
        last_used_at: r.take()?,
        expires_at: r.take()?,
        revoked_at: r.take()?,
        is_scoped: r.take()?,
    })
}

pub fn by_hash(tx: &mut dyn Tx, hash: &str) -> Result<Option<KeyRow>, DbError> {
    let sql = "select id, user_id, name, prefix, created_at, last_used_at, expires_at, revoked_at, scoped \
               from api_keys where hash = $1";
    tx.first(sql, args![hash])?.as_ref().map(read).transpose()
}

pub fn by_id(tx: &mut dyn Tx, id: &str) -> Result<Option<KeyRow>, DbError> {
    let sql = "select id, user_id, name, prefix, created_at, last_used_at, expires_at, revoked_at, scoped \
               from api_keys where id = $1";
    tx.first(sql, args![id])?.as_ref().map(read).transpose()
}

/// The newest first.
pub fn of_user(tx: &mut dyn Tx, user: UserId, page: Page) -> Result<Vec<KeyRow>, DbError> {
    let sql = "select id, user_id, name, prefix, created_at, last_used_at, expires_at, revoked_at, scoped \
               from api_keys where user_id = $1 order by created_at desc, id limit $2 offset $3";
    tx.query(sql, args![user, page.limit, page.offset])?.iter().map(read).collect()
}

pub fn count_of_user(tx: &mut dyn Tx, user: UserId, most: i64) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from api_keys where user_id = $1 limit $2) as found";
    tx.first(sql, args![user, most])?.map_or(Ok(0), |row| row.get(0))
}

/// Those that still open something.
pub fn count_valid(tx: &mut dyn Tx, user: UserId, now: Time, most: i64) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from api_keys where user_id = $1 and revoked_at is null \
               and (expires_at is null or expires_at > $2) limit $3) as found";
    tx.first(sql, args![user, now, most])?.map_or(Ok(0), |row| row.get(0))
}

pub struct NewKey<'a> {
    pub hash: &'a str,
    pub user: UserId,
    pub name: &'a str,
    pub prefix: &'a str,
    pub created_at: Time,
    pub expires_at: Option<Time>,
    pub offices: Option<&'a [OfficeId]>,
}

/// Gives its id.
pub fn insert(tx: &mut dyn Tx, key: &NewKey<'_>) -> Result<String, DbError> {
    let id = key_id(key.hash).to_owned();
    let sql = "insert into api_keys (hash, id, user_id, name, prefix, created_at, expires_at, scoped) \
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let is_scoped = key.offices.is_some();
    tx.execute(sql, args![key.hash, &id, key.user, key.name, key.prefix, key.created_at, key.expires_at, is_scoped])?;
    for office in key.offices.unwrap_or_default() {
        tx.execute("insert into api_key_offices (office_id, key_id) values ($1, $2)", args![*office, &id])?;
    }
    Ok(id)
}

/// What lists call a key: enough of its hash to be distinct, too little to be it.
fn key_id(hash: &str) -> &str {
    hash.get(..KEY_ID_CHARS).unwrap_or(hash)
}

pub fn revoke(tx: &mut dyn Tx, id: &str, now: Time) -> Result<(), DbError> {
    tx.execute("update api_keys set revoked_at = $2 where id = $1 and revoked_at is null", args![id, now])?;
    Ok(())
}

pub fn note_use(tx: &mut dyn Tx, id: &str, at: Time) -> Result<(), DbError> {
    let sql = "update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)";
    tx.execute(sql, args![id, at])?;
    Ok(())
}

pub fn offices_of_key(tx: &mut dyn Tx, key: &str) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select office_id from api_key_offices where key_id = $1";
    tx.query(sql, args![key])?.iter().map(|row| row.get(0)).collect()
}

pub struct AgentKeyRow {
    pub id: String,
    pub office: OfficeId,
    pub agent: AgentId,
    pub revoked_at: Option<Time>,
}

/// The key says which office it belongs to, so this alone looks in all of them.
pub fn of_agent(tx: &mut dyn Tx, hash: &str) -> Result<Option<AgentKeyRow>, DbError> {
    let Some(row) =
        tx.first("select office_id, agent_id, revoked_at, id from agent_keys where hash = $1", args![hash])?
    else {
        return Ok(None);
    };
    Ok(Some(AgentKeyRow { id: row.get(3)?, office: row.get(0)?, agent: row.get(1)?, revoked_at: row.get(2)? }))
}
