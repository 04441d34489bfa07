//! Rows of the ledger. There is no statement here that changes one.

pub mod purses;
pub mod suspended;
pub mod time;
pub mod usage;

use mi_core::credits::Micro;
use mi_core::ids::OfficeId;
use mi_core::limits::LIST_COUNT_MAX;
use mi_core::wire::usage::LedgerEntry;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

pub fn insert(tx: &mut dyn Tx, entry: &LedgerEntry) -> Result<(), DbError> {
    let sql = "insert into credits_ledger (office_id, id, kind, amount_micro, balance_after_micro, reason, created_at) \
               values ($1, $2, $3, $4, $5, $6, $7)";
    let LedgerEntry { id, office_id, kind, amount, balance_after, reason, created_at } = entry;
    tx.execute(sql, args![*office_id, *id, kind.as_str(), amount.0, balance_after.0, reason, *created_at])?;
    Ok(())
}

/// `kind` is empty for all.
pub fn page(tx: &mut dyn Tx, office: OfficeId, kind: &str, page: Page) -> Result<Vec<LedgerEntry>, DbError> {
    let sql = "select id, kind, amount_micro, balance_after_micro, reason, created_at from credits_ledger \
               where office_id = $1 and ($2 = '' or kind = $2) order by id desc limit $3 offset $4";
    let rows = tx.query(sql, args![office, kind, page.limit, page.offset])?;
    rows.iter().map(|row| read(office, row)).collect()
}

fn read(office: OfficeId, row: &Row) -> Result<LedgerEntry, DbError> {
    let mut r = row.reader();
    Ok(LedgerEntry {
        id: r.take()?,
        office_id: office,
        kind: word(&r.take::<String>()?)?,
        amount: Micro(r.take()?),
        balance_after: Micro(r.take()?),
        reason: r.take()?,
        created_at: r.take()?,
    })
}

fn word<T: std::str::FromStr>(text: &str) -> Result<T, DbError> {
    text.parse().map_err(|_| DbError::Shape(format!("a word of credits: {text}")))
}

/// Up to one more than is shown: counting further would read the whole ledger.
pub fn count(tx: &mut dyn Tx, office: OfficeId, kind: &str) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from credits_ledger \
               where office_id = $1 and ($2 = '' or kind = $2) limit $3) as counted";
    tx.first(sql, args![office, kind, LIST_COUNT_MAX + 1])?.map_or(Ok(0), |row| row.get(0))
}
