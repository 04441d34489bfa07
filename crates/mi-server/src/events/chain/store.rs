//! Events as they are chained, and ways to tamper with them.

use mi_core::ids::OfficeId;
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};

/// An event as it is chained: every field as it stands in the store.
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

pub fn links(tx: &mut dyn Tx, office: OfficeId, after: i64, limit: i64) -> Result<Vec<Link>, DbError> {
    let sql = "select seq, created_at, category, type, actor, agent, task_id, summary, data, prev, mac from events \
               where office_id = $1 and seq > $2 order by seq limit $3";
    tx.query(sql, args![office, after, limit])?.iter().map(read_link).collect()
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
