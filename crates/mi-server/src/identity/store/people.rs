//! Rows of people, and of who works where.

use mi_core::identity::Role;
use mi_core::ids::{OfficeId, UserId};
use mi_core::time::Time;
use mi_core::wire::identity::OfficeMember;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

pub fn any_user(tx: &mut dyn Tx) -> Result<Option<UserId>, DbError> {
    tx.first("select id from users order by created_at limit 1", args![])?.map(|row| row.get(0)).transpose()
}

pub fn user_name(tx: &mut dyn Tx, user: UserId) -> Result<Option<String>, DbError> {
    tx.first("select name from users where id = $1", args![user])?.map(|row| row.get(0)).transpose()
}

pub fn user_named(tx: &mut dyn Tx, name: &str) -> Result<Option<UserId>, DbError> {
    tx.first("select id from users where name = $1", args![name])?.map(|row| row.get(0)).transpose()
}

pub fn insert_user(tx: &mut dyn Tx, user: UserId, name: &str, now: Time) -> Result<(), DbError> {
    tx.execute("insert into users (id, name, created_at) values ($1, $2, $3)", args![user, name, now])?;
    Ok(())
}

pub fn insert_member(
    tx: &mut dyn Tx,
    office: OfficeId,
    user: UserId,
    role: Role,
    added_by: &str,
    now: Time,
) -> Result<(), DbError> {
    let sql = "insert into members (office_id, user_id, role, added_by, created_at) values ($1, $2, $3, $4, $5)";
    tx.execute(sql, args![office, user, role.as_str(), added_by, now])?;
    Ok(())
}

/// The longest here first.
pub fn members(tx: &mut dyn Tx, office: OfficeId, page: Page) -> Result<Vec<OfficeMember>, DbError> {
    let sql = "select m.user_id, u.name, m.role, m.created_at, m.added_by from members m \
               join users u on u.id = m.user_id where m.office_id = $1 \
               order by m.created_at, m.user_id limit $2 offset $3";
    tx.query(sql, args![office, page.limit, page.offset])?.iter().map(read_member).collect()
}

pub fn count_members(tx: &mut dyn Tx, office: OfficeId, most: i64) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from members where office_id = $1 limit $2) as found";
    tx.first(sql, args![office, most])?.map_or(Ok(0), |row| row.get(0))
}

pub fn member(tx: &mut dyn Tx, office: OfficeId, user: UserId) -> Result<Option<OfficeMember>, DbError> {
    let sql = "select m.user_id, u.name, m.role, m.created_at, m.added_by from members m \
               join users u on u.id = m.user_id where m.office_id = $1 and m.user_id = $2";
    tx.first(sql, args![office, user])?.as_ref().map(read_member).transpose()
}

fn read_member(row: &Row) -> Result<OfficeMember, DbError> {
    let mut r = row.reader();
    let (user_id, name) = (r.take()?, r.take()?);
    let role: String = r.take()?;
    let role = Role::parse(&role).ok_or_else(|| DbError::Shape(format!("a role: {role}")))?;
    Ok(OfficeMember { user_id, name, role, created_at: r.take()?, added_by: r.take()? })
}

pub fn set_role(tx: &mut dyn Tx, office: OfficeId, user: UserId, role: Role) -> Result<(), DbError> {
    let sql = "update members set role = $3 where office_id = $1 and user_id = $2";
    tx.execute(sql, args![office, user, role.as_str()])?;
    Ok(())
}

pub fn remove_member(tx: &mut dyn Tx, office: OfficeId, user: UserId) -> Result<(), DbError> {
    tx.execute("delete from members where office_id = $1 and user_id = $2", args![office, user])?;
    Ok(())
}
