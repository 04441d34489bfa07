//! Rows of users and their API keys.

use mi_core::ids::{AgentId, OfficeId, UserId};
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Tx};

const KEY_ID_CHARS: usize = 32;

pub struct KeyRow {
    pub id: String,
    pub user: UserId,
    pub expires_at: Option<Time>,
    pub revoked_at: Option<Time>,
    pub is_scoped: bool,
}

pub fn key(tx: &mut dyn Tx, hash: &str) -> Result<Option<KeyRow>, DbError> {
    let sql = "select id, user_id, expires_at, revoked_at, scoped from api_keys where hash = $1";
    let Some(row) = tx.first(sql, args![hash])? else { return Ok(None) };
    let mut r = row.reader();
    let (id, user, expires_at, revoked_at) = (r.take()?, r.take()?, r.take()?, r.take()?);
    Ok(Some(KeyRow { id, user, expires_at, revoked_at, is_scoped: r.take()? }))
}

pub struct AgentKeyRow {
    pub office: OfficeId,
    pub agent: AgentId,
    pub revoked_at: Option<Time>,
}

/// The key says which office it belongs to, so this alone looks in all of them.
pub fn agent_key(tx: &mut dyn Tx, hash: &str) -> Result<Option<AgentKeyRow>, DbError> {
    let Some(row) = tx.first("select office_id, agent_id, revoked_at from agent_keys where hash = $1", args![hash])?
    else {
        return Ok(None);
    };
    Ok(Some(AgentKeyRow { office: row.get(0)?, agent: row.get(1)?, revoked_at: row.get(2)? }))
}

pub fn offices_of_key(tx: &mut dyn Tx, key: &str) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select office_id from api_key_offices where key_id = $1";
    tx.query(sql, args![key])?.iter().map(|row| row.get(0)).collect()
}

pub fn any_user(tx: &mut dyn Tx) -> Result<Option<UserId>, DbError> {
    tx.first("select id from users order by created_at limit 1", args![])?.map(|row| row.get(0)).transpose()
}

pub fn user_name(tx: &mut dyn Tx, user: UserId) -> Result<Option<String>, DbError> {
    tx.first("select name from users where id = $1", args![user])?.map(|row| row.get(0)).transpose()
}

pub fn insert_user(tx: &mut dyn Tx, user: UserId, name: &str, now: Time) -> Result<(), DbError> {
    tx.execute("insert into users (id, name, created_at) values ($1, $2, $3)", args![user, name, now])?;
    Ok(())
}

pub fn insert_key(
    tx: &mut dyn Tx,
    hash: &str,
    user: UserId,
    name: &str,
    prefix: &str,
    now: Time,
) -> Result<(), DbError> {
    let sql = "insert into api_keys (hash, id, user_id, name, prefix, created_at) values ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, args![hash, key_id(hash), user, name, prefix, now])?;
    Ok(())
}

/// What lists call a key: enough of its hash to be distinct, too little to be it.
fn key_id(hash: &str) -> &str {
    hash.get(..KEY_ID_CHARS).unwrap_or(hash)
}

pub fn last_time(tx: &mut dyn Tx) -> Result<Time, DbError> {
    let row = tx.first("select value from server_state where key = 'clock'", args![])?;
    let text: Option<String> = row.map(|row| row.get(0)).transpose()?;
    Ok(text.and_then(|text| text.parse().ok()).map_or(Time(0), Time))
}

pub fn save_time(tx: &mut dyn Tx, now: Time) -> Result<(), DbError> {
    let sql = "insert into server_state (key, value) values ('clock', $1) \
               on conflict (key) do update set value = excluded.value";
    tx.execute(sql, args![now.0.to_string()])?;
    Ok(())
}
