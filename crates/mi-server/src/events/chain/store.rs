//! Events as they are chained, the checkpoint before them, and ways for tests to tamper with them.

use mi_core::ids::OfficeId;
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};

/// An event as it is chained: every field as it stands in the store.
#[derive(Debug, Clone)]
pub struct Link {
    pub seq: i64,
    pub at: Time,
    pub category: String,
    pub kind: String,
    pub actor: String,
    pub agent: Option<String>,
    pub task: Option<i64>,
    pub summary: String,
    pub data: String,
    pub prev: String,
    pub mac: String,
}

/// A row that no act wrote as it is: a column holds what can't be in it.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// `None` if not even the number can be read.
    pub seq: Option<i64>,
}

/// What stands in a row of the chain.
pub type Found = Result<Link, Unreadable>;

/// The number of what was found, or this one if it has none.
pub fn seq_of(found: &Found, or: i64) -> i64 {
    found.as_ref().map_or_else(|unreadable| unreadable.seq.unwrap_or(or), |link| link.seq)
}

pub fn links(tx: &mut dyn Tx, office: OfficeId, after: i64, limit: i64) -> Result<Vec<Found>, DbError> {
    let sql = "select seq, created_at, category, type, actor, agent, task_id, summary, data, prev, mac from events \
               where office_id = $1 and seq > $2 order by seq limit $3";
    let found = |row: &Row| read_link(row).map_err(|_| Unreadable { seq: row.get(0).ok() });
    Ok(tx.query(sql, args![office, after, limit])?.iter().map(found).collect())
}

fn read_link(row: &Row) -> Result<Link, DbError> {
    let mut r = row.reader();
    Ok(Link {
        seq: r.take()?,
        at: r.take()?,
        category: r.take()?,
        kind: r.take()?,
        actor: r.take()?,
        agent: r.take()?,
        task: r.take()?,
        summary: r.take()?,
        data: r.take()?,
        prev: r.take()?,
        mac: r.take()?,
    })
}

/// One event, if it is there and can be read.
pub fn link(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<Option<Link>, DbError> {
    let sql = "select seq, created_at, category, type, actor, agent, task_id, summary, data, prev, mac from events \
               where office_id = $1 and seq = $2";
    Ok(tx.first(sql, args![office, seq])?.and_then(|row| read_link(&row).ok()))
}

/// The first row after this number, whatever it holds.
pub fn first_above(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<Option<i64>, DbError> {
    let sql = "select seq from events where office_id = $1 and seq > $2 order by seq limit 1";
    Ok(tx.first(sql, args![office, seq])?.map(|row| row.get(0).unwrap_or(seq.saturating_add(1))))
}

/// The first row of all up to this number, whatever it holds.
pub fn first_up_to(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<Option<i64>, DbError> {
    let sql = "select seq from events where office_id = $1 and seq <= $2 order by seq limit 1";
    Ok(tx.first(sql, args![office, seq])?.map(|row| row.get(0).unwrap_or(seq)))
}

/// A place in the chain, up to which events were pruned.
#[derive(Debug, Clone)]
pub struct Point {
    pub seq: i64,
    pub mac: String,
    pub at: Time,
}

/// As it stands in the store, whoever wrote it.
pub struct StoredCheckpoint {
    pub point: Point,
    pub tag: String,
}

pub fn checkpoint(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<StoredCheckpoint>, DbError> {
    let sql = "select seq, mac, created_at, tag from event_checkpoints where office_id = $1";
    let Some(row) = tx.first(sql, args![office])? else { return Ok(None) };
    let mut r = row.reader();
    let point = Point { seq: r.take()?, mac: r.take()?, at: r.take()? };
    Ok(Some(StoredCheckpoint { point, tag: r.take()? }))
}

pub fn set_checkpoint(tx: &mut dyn Tx, office: OfficeId, point: &Point, tag: &str) -> Result<(), DbError> {
    let sql = "insert into event_checkpoints (office_id, seq, mac, tag, created_at) values ($1, $2, $3, $4, $5) \
               on conflict (office_id) do update set seq = excluded.seq, mac = excluded.mac, tag = excluded.tag, \
               created_at = excluded.created_at";
    tx.execute(sql, args![office, point.seq, &point.mac, tag, point.at])?;
    Ok(())
}

pub fn delete_up_to(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<(), DbError> {
    tx.execute("delete from events where office_id = $1 and seq <= $2", args![office, seq])?;
    Ok(())
}

/// Tampering, for tests of the chain.
#[cfg(test)]
pub fn forge_summary(tx: &mut dyn Tx, office: OfficeId, seq: i64, summary: &str) -> Result<(), DbError> {
    tx.execute("update events set summary = $3 where office_id = $1 and seq = $2", args![office, seq, summary])?;
    Ok(())
}

/// Tampering, for tests of the chain.
#[cfg(test)]
pub fn lose(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<(), DbError> {
    tx.execute("delete from events where office_id = $1 and seq = $2", args![office, seq])?;
    Ok(())
}

/// Tampering, for tests of the chain.
#[cfg(test)]
pub fn swap(tx: &mut dyn Tx, office: OfficeId, one: i64, other: i64) -> Result<(), DbError> {
    let sql = "update events set seq = $3 where office_id = $1 and seq = $2";
    for (from, to) in [(one, -1), (other, one), (-1, other)] {
        tx.execute(sql, args![office, from, to])?;
    }
    Ok(())
}

/// Tampering, for tests of the chain: the office forgets what came after this event.
#[cfg(test)]
pub fn go_back_to(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<(), DbError> {
    tx.execute("delete from events where office_id = $1 and seq > $2", args![office, seq])?;
    let sql = "update offices set event_seq = $2, \
               event_mac = (select mac from events where office_id = $1 and seq = $2) where id = $1";
    tx.execute(sql, args![office, seq])?;
    Ok(())
}

/// Tampering, for tests of the chain.
#[cfg(test)]
pub fn move_checkpoint(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<(), DbError> {
    tx.execute("update event_checkpoints set seq = $2 where office_id = $1", args![office, seq])?;
    Ok(())
}

/// Tampering, for tests of the chain: an event that was nobody's and of no task looks as if it were.
#[cfg(test)]
pub fn fill_what_is_absent(tx: &mut dyn Tx, office: OfficeId, seq: i64, column: &str) -> Result<(), DbError> {
    let sql = match column {
        "agent" => "update events set agent = '' where office_id = $1 and seq = $2 and agent is null",
        _ => "update events set task_id = 0 where office_id = $1 and seq = $2 and task_id is null",
    };
    match tx.execute(sql, args![office, seq])? {
        1 => Ok(()),
        _ => Err(DbError::Other(format!("event {seq} has {column}"))),
    }
}

/// Tampering, for tests of the chain: a copy of an event at a place where none is.
#[cfg(test)]
pub fn copy(tx: &mut dyn Tx, office: OfficeId, from: i64, to: i64) -> Result<(), DbError> {
    let Some(one) = link(tx, office, from)? else { return Err(DbError::Other(format!("there is no event {from}"))) };
    let sql = "insert into events (office_id, seq, category, type, actor, agent, task_id, summary, data, created_at, \
               prev, mac) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let Link { at, category, kind, actor, agent, task, summary, data, prev, mac, .. } = one;
    tx.execute(sql, args![office, to, category, kind, actor, agent, task, summary, data, at, prev, mac])?;
    Ok(())
}

/// Takes tampering back: rows behind the end of the chain.
#[cfg(test)]
pub fn lose_beyond(tx: &mut dyn Tx, office: OfficeId) -> Result<(), DbError> {
    let sql = "delete from events where office_id = $1 and seq > (select event_seq from offices where id = $1)";
    tx.execute(sql, args![office])?;
    Ok(())
}

/// Tampering, for tests of the chain: a column holds what can't be in it. The second half takes SQLite, which keeps
/// anything in any column.
#[cfg(test)]
pub fn spoil(tx: &mut dyn Tx, office: OfficeId, seq: i64, how: &str) -> Result<(), DbError> {
    let sql = match how {
        "data" => "update events set data = 'not json' where office_id = $1 and seq = $2",
        "far" => "update events set created_at = 9223372036854775807 where office_id = $1 and seq = $2",
        "task" => "update events set task_id = 0 where office_id = $1 and seq = $2",
        "bytes" => "update events set summary = x'ff00' where office_id = $1 and seq = $2",
        "time" => "update events set created_at = 'abc' where office_id = $1 and seq = $2",
        "number" => "update events set seq = seq - 0.5 where office_id = $1 and seq = $2",
        other => return Err(DbError::Other(format!("no way to spoil is called {other}"))),
    };
    tx.execute(sql, args![office, seq])?;
    Ok(())
}
