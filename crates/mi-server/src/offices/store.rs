//! Rows of offices, and the list of everything that belongs to one.

use mi_core::identity::Role;
use mi_core::ids::{OfficeId, UserId};
use mi_core::wire::offices::{Office, OfficeStatus};

use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

pub fn insert(tx: &mut dyn Tx, office: &Office, settings: &str) -> Result<(), DbError> {
    let sql = "insert into offices (id, name, owner_id, status, settings, created_at) values ($1, $2, $3, $4, $5, $6)";
    let status = office.status.as_str();
    tx.execute(sql, args![office.id, &office.name, office.owner_id, status, settings, office.created_at])?;
    Ok(())
}

pub fn exists(tx: &mut dyn Tx, office: OfficeId) -> Result<bool, DbError> {
    Ok(tx.first("select 1 from offices where id = $1", args![office])?.is_some())
}

/// The offices in which somebody has a role, and that role; where a key is named, those that it opens.
pub fn of_person(tx: &mut dyn Tx, user: UserId, key: Option<&str>, page: Page) -> Result<Vec<Office>, DbError> {
    let sql = "select id, name, owner_id, status, created_at, settings, role from ( \
               select o.id, o.name, o.owner_id, o.status, o.created_at, o.settings, 'owner' as role \
               from offices o where o.owner_id = $1 union all \
               select o.id, o.name, o.owner_id, o.status, o.created_at, o.settings, m.role \
               from members m join offices o on o.id = m.office_id where m.user_id = $1 and o.owner_id <> $1) as found \
               where $2 = '' or exists \
               (select 1 from api_key_offices k where k.office_id = found.id and k.key_id = $2) \
               order by created_at, id limit $3 offset $4";
    tx.query(sql, args![user, key.unwrap_or_default(), page.limit, page.offset])?.iter().map(read).collect()
}

pub fn count_of_person(tx: &mut dyn Tx, user: UserId, key: Option<&str>, most: i64) -> Result<i64, DbError> {
    let sql = "select count(*) from (select id from ( \
               select o.id from offices o where o.owner_id = $1 union all \
               select o.id from members m join offices o on o.id = m.office_id \
               where m.user_id = $1 and o.owner_id <> $1) as found \
               where $2 = '' or exists \
               (select 1 from api_key_offices k where k.office_id = found.id and k.key_id = $2) limit $3) as counted";
    tx.first(sql, args![user, key.unwrap_or_default(), most])?.map_or(Ok(0), |row| row.get(0))
}

/// Offices of that name in which somebody has a role; two are enough to see that there are several.
pub fn of_person_named(tx: &mut dyn Tx, user: UserId, name: &str) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select id from (select o.id, o.name from offices o where o.owner_id = $1 union all \
               select o.id, o.name from members m join offices o on o.id = m.office_id \
               where m.user_id = $1 and o.owner_id <> $1) as found where name = $2 limit 2";
    tx.query(sql, args![user, name])?.iter().map(|row| row.get(0)).collect()
}

pub fn has_role(tx: &mut dyn Tx, office: OfficeId, user: UserId) -> Result<bool, DbError> {
    let sql = "select 1 from offices where id = $1 and (owner_id = $2 or exists \
               (select 1 from members where office_id = $1 and user_id = $2))";
    Ok(tx.first(sql, args![office, user])?.is_some())
}

fn read(row: &Row) -> Result<Office, DbError> {
    let mut r = row.reader();
    Ok(Office {
        id: r.take()?,
        name: r.take()?,
        owner_id: r.take()?,
        status: r.take()?,
        created_at: r.take()?,
        settings: serde_json::from_str(&r.take::<String>()?)
            .map_err(|error| DbError::Shape(format!("settings: {error}")))?,
        role: Role::parse(&r.take::<String>()?),
    })
}

pub fn set_status(tx: &mut dyn Tx, office: OfficeId, status: OfficeStatus) -> Result<(), DbError> {
    tx.execute("update offices set status = $2 where id = $1", args![office, status.as_str()])?;
    Ok(())
}

pub fn set_settings(tx: &mut dyn Tx, office: OfficeId, settings: &str) -> Result<(), DbError> {
    tx.execute("update offices set settings = $2 where id = $1", args![office, settings])?;
    Ok(())
}

/// How many pods of the office still have, or are getting, a process; of fired agents too.
pub fn pods_alive(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    let sql = "select count(*) from pods where office_id = $1 and observed in ('starting', 'running')";
    tx.first(sql, args![office])?.map_or(Ok(0), |row| row.get(0))
}

pub fn wish_all_pods_gone(tx: &mut dyn Tx, office: OfficeId) -> Result<(), DbError> {
    tx.execute("update pods set desired = 'gone' where office_id = $1", args![office])?;
    Ok(())
}

/// Every table with an `office_id`; a test compares this list with the schema.
pub const OWNED: &[&str] = &[
    "delete from transfers where office_id = $1",
    "delete from remote_runners where office_id = $1",
    "delete from applications where office_id = $1",
    "delete from invites where office_id = $1",
    "delete from nonces where office_id = $1",
    "delete from agent_keys where office_id = $1",
    "delete from members where office_id = $1",
    "delete from api_key_offices where office_id = $1",
    "delete from schedules where office_id = $1",
    "delete from provider_marks where office_id = $1",
    "delete from integration_requests where office_id = $1",
    "delete from integration_secrets where office_id = $1",
    "delete from integrations where office_id = $1",
    "delete from group_messages where office_id = $1",
    "delete from chat_members where office_id = $1",
    "delete from chat_groups where office_id = $1",
    "delete from check_runs where office_id = $1",
    "delete from check_rounds where office_id = $1",
    "delete from task_checks where office_id = $1",
    "delete from webhook_deliveries where office_id = $1",
    "delete from webhooks where office_id = $1",
    "delete from event_checkpoints where office_id = $1",
    "delete from usage_days where office_id = $1",
    "delete from budget_blocks where office_id = $1",
    "delete from purses where office_id = $1",
    "delete from llm_calls where office_id = $1",
    "delete from messages where office_id = $1",
    "delete from drive_changes where office_id = $1",
    "delete from drive_files where office_id = $1",
    "delete from session_items where office_id = $1",
    "delete from session_tools where office_id = $1",
    "delete from sessions where office_id = $1",
    "delete from late_results where office_id = $1",
    "delete from task_reviews where office_id = $1",
    "delete from task_results where office_id = $1",
    "delete from task_artifacts where office_id = $1",
    "delete from task_comments where office_id = $1",
    "delete from task_logs where office_id = $1",
    "delete from task_dependencies where office_id = $1",
    "delete from tasks where office_id = $1",
    "delete from env_vars where office_id = $1",
    "delete from backups where office_id = $1",
    "delete from pods where office_id = $1",
    "delete from agents where office_id = $1",
    "delete from events where office_id = $1",
    "delete from credits_ledger where office_id = $1",
];

/// Removes the office with everything that it owned, kept answers to its callers included.
pub fn erase(tx: &mut dyn Tx, office: OfficeId) -> Result<(), DbError> {
    for sql in OWNED {
        tx.execute(sql, args![office])?;
    }
    // A path may write the id with or without dashes, in either case.
    let sql = "delete from idempotency where lower(route) like $1 or lower(route) like $2";
    tx.execute(sql, args![format!("%/offices/{}%", office.0), format!("%/offices/{}%", office.0.simple())])?;
    tx.execute("delete from offices where id = $1", args![office])?;
    Ok(())
}

/// For tests: how many rows of the office are left in all tables.
#[cfg(test)]
pub fn rows_left(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    let mut rows = 0;
    for sql in OWNED {
        // Statements are constants; this leak is as long as the test.
        let count: &'static str = sql.replacen("delete", "select count(*)", 1).leak();
        rows += tx.first(count, args![office])?.map_or(Ok(0), |row| row.get::<i64>(0))?;
    }
    Ok(rows)
}
