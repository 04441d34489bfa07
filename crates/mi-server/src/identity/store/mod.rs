//! Rows of people, their keys, and of the server itself.

pub mod keys;
pub mod people;

use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Tx};

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
