//! Rows of backups.

use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::Time;
use mi_core::wire::backups::{Backup, BackupCause};

use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

const COLUMNS_OF_ONE: &str = "select id, agent, agent_id, cause, files, bytes, size, skipped, sha256, created_at \
     from backups where office_id = $1 and id = $2";
const PAGE: &str = "select id, agent, agent_id, cause, files, bytes, size, skipped, sha256, created_at \
     from backups where office_id = $1 order by created_at desc, id limit $2 offset $3";
const PAGE_OF_AGENT: &str = "select id, agent, agent_id, cause, files, bytes, size, skipped, sha256, created_at \
     from backups where office_id = $1 and agent = $4 order by created_at desc, id limit $2 offset $3";
const NEWEST: &str = "select id, agent, agent_id, cause, files, bytes, size, skipped, sha256, created_at \
     from backups where office_id = $1 and agent_id = $2 order by created_at desc, id limit 1";

fn read(row: &Row) -> Result<Backup, DbError> {
    let mut r = row.reader();
    Ok(Backup {
        id: r.take()?,
        agent_name: r.take()?,
        agent_id: r.take()?,
        cause: cause(&r.take::<String>()?)?,
        files: count(r.take()?)?,
        bytes: count(r.take()?)?,
        size: count(r.take()?)?,
        skipped: count(r.take()?)?,
        sha256: r.take()?,
        created_at: r.take()?,
    })
}

fn cause(text: &str) -> Result<BackupCause, DbError> {
    text.parse().map_err(|_| DbError::Shape(format!("a backup because of {text:?}")))
}

fn count(number: i64) -> Result<u64, DbError> {
    u64::try_from(number).map_err(|_| DbError::Shape(format!("{number} of something")))
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, backup: &Backup) -> Result<(), DbError> {
    let sql = "insert into backups (office_id, id, agent, agent_id, cause, files, bytes, size, skipped, sha256, \
               created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    tx.execute(
        sql,
        args![
            office,
            &backup.id,
            &backup.agent_name,
            backup.agent_id,
            backup.cause.as_str(),
            number(backup.files),
            number(backup.bytes),
            number(backup.size),
            number(backup.skipped),
            &backup.sha256,
            backup.created_at,
        ],
    )?;
    Ok(())
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, id: &str) -> Result<Option<Backup>, DbError> {
    tx.first(COLUMNS_OF_ONE, args![office, id])?.as_ref().map(read).transpose()
}

/// The newest first.
pub fn page(tx: &mut dyn Tx, office: OfficeId, page: Page) -> Result<Vec<Backup>, DbError> {
    tx.query(PAGE, args![office, page.limit, page.offset])?.iter().map(read).collect()
}

/// Those of everybody who had this name.
pub fn page_of(tx: &mut dyn Tx, office: OfficeId, agent: &str, page: Page) -> Result<Vec<Backup>, DbError> {
    tx.query(PAGE_OF_AGENT, args![office, page.limit, page.offset, agent])?.iter().map(read).collect()
}

pub fn count_all(tx: &mut dyn Tx, office: OfficeId, agent: Option<&str>, most: i64) -> Result<i64, DbError> {
    let sql =
        "select count(*) from (select id from backups where office_id = $1 and ($2 = '' or agent = $2) limit $3) b";
    tx.first(sql, args![office, agent.unwrap_or_default(), most])?.map_or(Ok(0), |row| row.get(0))
}

pub fn newest(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<Backup>, DbError> {
    tx.first(NEWEST, args![office, agent])?.as_ref().map(read).transpose()
}

pub fn delete(tx: &mut dyn Tx, office: OfficeId, id: &str) -> Result<u64, DbError> {
    tx.execute("delete from backups where office_id = $1 and id = $2", args![office, id])
}

/// What an agent has beyond its newest so many.
pub fn surplus(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, keep: i64) -> Result<Vec<String>, DbError> {
    let sql = "select id from backups where office_id = $1 and agent_id = $2 order by created_at desc, id \
               limit 1000 offset $3";
    tx.query(sql, args![office, agent, keep])?.iter().map(|row| row.get(0)).collect()
}

/// What the office's specialists have beyond their newest so many.
pub fn surplus_of_specialists(tx: &mut dyn Tx, office: OfficeId, keep: i64) -> Result<Vec<String>, DbError> {
    let sql = "select b.id from backups b join agents a on a.office_id = b.office_id and a.id = b.agent_id \
               where b.office_id = $1 and a.spawned_by is not null order by b.created_at desc, b.id \
               limit 1000 offset $2";
    tx.query(sql, args![office, keep])?.iter().map(|row| row.get(0)).collect()
}

/// Whoever left, whose pod is gone and whose workspace is not yet removed, after one of them.
pub fn leavings(
    tx: &mut dyn Tx,
    after: Option<(OfficeId, AgentId)>,
    most: i64,
) -> Result<Vec<(OfficeId, AgentId)>, DbError> {
    let sql = "select p.office_id, p.agent_id from pods p \
               join agents a on a.office_id = p.office_id and a.id = p.agent_id \
               where p.desired = 'gone' and p.observed = 'none' and p.cleared_at is null and a.fired_at is not null \
               and ($1 = '' or p.office_id > $1 or (p.office_id = $1 and p.agent_id > $2)) \
               order by p.office_id, p.agent_id limit $3";
    let text = |id: uuid::Uuid| id.simple().to_string();
    let (office, agent) = after.map(|(office, agent)| (text(office.0), text(agent.0))).unwrap_or_default();
    tx.query(sql, args![office, agent, most])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

pub fn is_leaving(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<bool, DbError> {
    let sql = "select p.agent_id from pods p join agents a on a.office_id = p.office_id and a.id = p.agent_id \
               where p.office_id = $1 and p.agent_id = $2 and p.desired = 'gone' and p.observed = 'none' \
               and p.cleared_at is null and a.fired_at is not null";
    Ok(tx.first(sql, args![office, agent])?.is_some())
}

/// Its workspace is gone; unless it came back meanwhile.
pub fn set_cleared(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, now: Time) -> Result<(), DbError> {
    let sql = "update pods set cleared_at = $3 where office_id = $1 and agent_id = $2 and desired = 'gone'";
    tx.execute(sql, args![office, agent, now])?;
    Ok(())
}

/// What the store says of an archive that lies on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Yes,
    No,
    NotEvenItsOffice,
}

pub fn knows(tx: &mut dyn Tx, office: OfficeId, id: &str) -> Result<Known, DbError> {
    if tx.first("select 1 from offices where id = $1", args![office])?.is_none() {
        return Ok(Known::NotEvenItsOffice);
    }
    Ok(if get(tx, office, id)?.is_some() { Known::Yes } else { Known::No })
}
