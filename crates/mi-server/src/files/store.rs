//! Rows of the drive's index and of what changed on it.

use mi_core::drive::DrivePath;
use mi_core::ids::OfficeId;
use mi_core::time::Time;
use mi_core::wire::files::{Change, ChangeKind, DriveFile};

use super::disk::Mark;
use crate::args;
use crate::infra::db::{DbError, Tx};
use crate::infra::http::call::Page;

/// A file as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub file: DriveFile,
    pub mark: Mark,
}

/// Where the list of changes stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub seq: i64,
    pub at: Time,
}

fn read_file(r: &mut crate::infra::db::Reader<'_>) -> Result<DriveFile, DbError> {
    Ok(DriveFile { name: r.take()?, size: r.take()?, modified_at: r.take()?, sha256: r.take()? })
}

pub fn all(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<Row>, DbError> {
    let sql = "select name, size, modified_at, sha256, mark from drive_files where office_id = $1";
    tx.query(sql, args![office])?.iter().map(read_row).collect()
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, name: &DrivePath) -> Result<Option<Row>, DbError> {
    let sql = "select name, size, modified_at, sha256, mark from drive_files where office_id = $1 and name = $2";
    tx.first(sql, args![office, name.as_str()])?.as_ref().map(read_row).transpose()
}

fn read_row(row: &crate::infra::db::Row) -> Result<Row, DbError> {
    let mut r = row.reader();
    Ok(Row { file: read_file(&mut r)?, mark: Mark(r.take()?) })
}

pub fn put(tx: &mut dyn Tx, office: OfficeId, row: &Row) -> Result<(), DbError> {
    let sql = "insert into drive_files (office_id, name, size, sha256, modified_at, mark) \
               values ($1, $2, $3, $4, $5, $6) on conflict (office_id, name) do update set size = excluded.size, \
               sha256 = excluded.sha256, modified_at = excluded.modified_at, mark = excluded.mark";
    let file = &row.file;
    tx.execute(sql, args![office, file.name.as_str(), file.size, &file.sha256, file.modified_at, &row.mark.0])?;
    Ok(())
}

/// Of all files but the one with this name.
pub fn bytes_beside(tx: &mut dyn Tx, office: OfficeId, name: &DrivePath) -> Result<i64, DbError> {
    let sql = "select cast(coalesce(sum(size), 0) as bigint) from drive_files where office_id = $1 and name <> $2";
    tx.first(sql, args![office, name.as_str()])?.map_or(Ok(0), |row| row.get(0))
}

pub fn remove(tx: &mut dyn Tx, office: OfficeId, name: &DrivePath) -> Result<(), DbError> {
    tx.execute("delete from drive_files where office_id = $1 and name = $2", args![office, name.as_str()])?;
    Ok(())
}

pub fn list(tx: &mut dyn Tx, office: OfficeId, prefix: &str, page: Page) -> Result<Vec<DriveFile>, DbError> {
    let sql = "select name, size, modified_at, sha256 from drive_files where office_id = $1 \
               and substr(name, 1, length(cast($2 as text))) = $2 order by name limit $3 offset $4";
    let rows = tx.query(sql, args![office, prefix, page.limit, page.offset])?;
    rows.iter().map(|row| read_file(&mut row.reader())).collect()
}

pub fn count(tx: &mut dyn Tx, office: OfficeId, prefix: &str) -> Result<i64, DbError> {
    let sql = "select count(*) from drive_files where office_id = $1 \
               and substr(name, 1, length(cast($2 as text))) = $2";
    tx.first(sql, args![office, prefix])?.map_or(Ok(0), |row| row.get(0))
}

pub fn last_change(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<Position>, DbError> {
    position(tx, office, "select seq, at from drive_changes where office_id = $1 order by seq desc limit 1")
}

pub fn first_change(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<Position>, DbError> {
    position(tx, office, "select seq, at from drive_changes where office_id = $1 order by seq limit 1")
}

fn position(tx: &mut dyn Tx, office: OfficeId, sql: &'static str) -> Result<Option<Position>, DbError> {
    let Some(row) = tx.first(sql, args![office])? else { return Ok(None) };
    Ok(Some(Position { seq: row.get(0)?, at: row.get(1)? }))
}

pub fn insert_change(
    tx: &mut dyn Tx,
    office: OfficeId,
    at: Position,
    kind: ChangeKind,
    name: &DrivePath,
) -> Result<(), DbError> {
    let sql = "insert into drive_changes (office_id, seq, type, name, at) values ($1, $2, $3, $4, $5)";
    tx.execute(sql, args![office, at.seq, kind.as_str(), name.as_str(), at.at])?;
    Ok(())
}

/// The changes after `since`, oldest first, at most `most`.
pub fn changes(tx: &mut dyn Tx, office: OfficeId, since: Time, most: i64) -> Result<Vec<Change>, DbError> {
    let sql = "select type, name, at from drive_changes where office_id = $1 and at > $2 order by seq limit $3";
    let rows = tx.query(sql, args![office, since, most])?;
    let read = |row: &crate::infra::db::Row| {
        Ok(Change { kind: row.get(0)?, name: row.get(1)?, timestamp: row.get::<Time>(2)?.0 })
    };
    rows.iter().map(read).collect()
}

/// Forgets changes up to and with `seq`.
pub fn forget_changes(tx: &mut dyn Tx, office: OfficeId, seq: i64) -> Result<(), DbError> {
    tx.execute("delete from drive_changes where office_id = $1 and seq <= $2", args![office, seq])?;
    Ok(())
}
