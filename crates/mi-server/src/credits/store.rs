//! Rows of the ledger. There is no statement here that changes one.

use mi_core::credits::Micro;
use mi_core::ids::OfficeId;
use mi_core::limits::LIST_COUNT_MAX;

use super::service::LedgerEntry;
use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

pub fn insert(tx: &mut dyn Tx, entry: &LedgerEntry) -> Result<(), DbError> {
    let sql = "insert into credits_ledger (office_id, id, amount_micro, balance_after_micro, reason, created_at) \
               values ($1, $2, $3, $4, $5, $6)";
    let LedgerEntry { id, office_id, amount, balance_after, reason, created_at } = entry;
    tx.execute(sql, args![*office_id, *id, amount.0, balance_after.0, reason, *created_at])?;
    Ok(())
}

pub fn page(tx: &mut dyn Tx, office: OfficeId, page: Page) -> Result<Vec<LedgerEntry>, DbError> {
    let sql = "select id, amount_micro, balance_after_micro, reason, created_at from credits_ledger \
               where office_id = $1 order by id desc limit $2 offset $3";
    tx.query(sql, args![office, page.limit, page.offset])?.iter().map(|row| read(office, row)).collect()
}

fn read(office: OfficeId, row: &Row) -> Result<LedgerEntry, DbError> {
    let mut r = row.reader();
    Ok(LedgerEntry {
        id: r.take()?,
        office_id: office,
        amount: Micro(r.take()?),
        balance_after: Micro(r.take()?),
        reason: r.take()?,
        created_at: r.take()?,
    })
}

/// Up to one more than is shown: counting further would read the whole ledger.
pub fn count(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from credits_ledger where office_id = $1 limit $2) as counted";
    tx.first(sql, args![office, LIST_COUNT_MAX + 1])?.map_or(Ok(0), |row| row.get(0))
}
