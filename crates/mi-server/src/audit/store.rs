//! Ends of chains, across offices, for the sweeps.

use mi_core::ids::OfficeId;
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Tx};

/// The end of an office's chain.
pub struct Tail {
    pub office: OfficeId,
    pub seq: i64,
    pub mac: String,
}

/// Offices in the order of their ids, from after this one on; an empty text begins.
pub fn tails(tx: &mut dyn Tx, after: &str, most: i64) -> Result<Vec<Tail>, DbError> {
    let sql = "select id, event_seq, event_mac from offices where id > $1 and event_seq > 0 order by id limit $2";
    let read = |row: &crate::infra::db::Row| Ok(Tail { office: row.get(0)?, seq: row.get(1)?, mac: row.get(2)? });
    tx.query(sql, args![after, most])?.iter().map(read).collect()
}

/// When the oldest event that is left was written; `None` as well if that can't be read, for what is broken stays.
pub fn oldest(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<Time>, DbError> {
    let sql = "select created_at from events where office_id = $1 order by seq limit 1";
    Ok(tx.first(sql, args![office])?.and_then(|row| row.get(0).ok()))
}
