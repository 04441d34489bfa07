//! Rows of users and their API keys.

use mi_core::ids::UserId;
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Tx};

pub struct KeyRow {
    pub user: UserId,
    pub expires_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

pub fn key(tx: &mut dyn Tx, hash: &str) -> Result<Option<KeyRow>, DbError> {
    let sql = "select user_id, expires_at, revoked_at from api_keys where hash = $1";
    let Some(row) = tx.first(sql, args![hash])? else { return Ok(None) };
    Ok(Some(KeyRow { user: row.get(0)?, expires_at: row.get(1)?, revoked_at: row.get(2)? }))
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
    let sql = "insert into api_keys (hash, user_id, name, prefix, created_at) values ($1, $2, $3, $4, $5)";
    tx.execute(sql, args![hash, user, name, prefix, now])?;
    Ok(())
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
