//! Rows of invites and applications.

use mi_core::identity::Role;
use mi_core::ids::{OfficeId, UserId};
use mi_core::time::Time;
use mi_core::wire::invites::{ApplicationState, InviteKind};

use super::codes::Found;
use crate::args;
use crate::infra::db::{DbError, Row, Tx};

pub struct InviteRow {
    pub id: i64,
    pub kind: InviteKind,
    pub role: Option<Role>,
    pub for_whom: Option<String>,
    pub created_by: String,
    pub created_at: Time,
    pub expires_at: Time,
    pub used_at: Option<Time>,
    pub used_by: Option<String>,
    pub revoked_at: Option<Time>,
}

fn role(text: Option<String>) -> Result<Option<Role>, DbError> {
    let read = |text: String| Role::parse(&text).ok_or_else(|| DbError::Shape(format!("a role: {text}")));
    text.map(read).transpose()
}

/// Whether that one can still be used.
pub fn is_live(tx: &mut dyn Tx, office: OfficeId, id: i64, now: Time) -> Result<bool, DbError> {
    let sql = "select 1 from invites where office_id = $1 and id = $2 and used_at is null and revoked_at is null \
               and expires_at > $3";
    Ok(tx.first(sql, args![office, id, now])?.is_some())
}

/// A code that can be used now. It says which office it is for, so this alone looks in all of them.
pub fn live(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<Option<Found>, DbError> {
    let sql = "select office_id, id, kind, role, for_whom from invites \
               where code_hash = $1 and used_at is null and revoked_at is null and expires_at > $2";
    let Some(row) = tx.first(sql, args![hash, now])? else { return Ok(None) };
    let mut r = row.reader();
    let (office, id, kind) = (r.take()?, r.take()?, r.take()?);
    Ok(Some(Found { office, id, kind, role: role(r.take()?)?, for_whom: r.take()? }))
}

/// A code that would be live, had its office not been deleted.
pub fn is_orphaned(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<bool, DbError> {
    let sql = "select expires_at from orphaned_invites where code_hash = $1 and expires_at > $2";
    Ok(tx.first(sql, args![hash, now])?.is_some())
}

/// With the office: its live codes are remembered for as long as they would have been valid.
pub fn orphan(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<(), DbError> {
    tx.execute("delete from orphaned_invites where expires_at <= $1", args![now])?;
    let live = "select code_hash, expires_at from invites \
                where office_id = $1 and used_at is null and revoked_at is null and expires_at > $2";
    let sql = "insert into orphaned_invites (code_hash, expires_at) values ($1, $2) on conflict (code_hash) do nothing";
    for row in tx.query(live, args![office, now])? {
        tx.execute(sql, args![row.get::<String>(0)?, row.get::<Time>(1)?])?;
    }
    Ok(())
}

/// The one write that decides who comes in with a code: true for one caller only.
pub fn consume(tx: &mut dyn Tx, office: OfficeId, id: i64, now: Time, used_by: &str) -> Result<bool, DbError> {
    let sql = "update invites set used_at = $3, used_by = $4 where office_id = $1 and id = $2 \
               and used_at is null and revoked_at is null and expires_at > $3";
    Ok(tx.execute(sql, args![office, id, now, used_by])? == 1)
}

/// An expired code makes way for a new one that happens to be the same.
pub fn clear_code(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<(), DbError> {
    let sql = "update invites set revoked_at = $2 where code_hash = $1 and used_at is null and revoked_at is null \
               and expires_at <= $2";
    tx.execute(sql, args![hash, now])?;
    Ok(())
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, hash: &str, row: &InviteRow) -> Result<(), DbError> {
    let sql = "insert into invites (office_id, id, code_hash, kind, role, for_whom, created_by, created_at, expires_at) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (kind, role, for_whom) = (row.kind.as_str(), row.role.map(Role::as_str), row.for_whom.as_ref());
    tx.execute(
        sql,
        args![office, row.id, hash, kind, role, for_whom, &row.created_by, row.created_at, row.expires_at],
    )?;
    Ok(())
}

pub fn count_live(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<i64, DbError> {
    let sql = "select count(*) from invites where office_id = $1 and used_at is null and revoked_at is null \
               and expires_at > $2";
    tx.first(sql, args![office, now])?.map_or(Ok(0), |row| row.get(0))
}

/// The newest first.
pub fn list(tx: &mut dyn Tx, office: OfficeId, limit: i64, offset: i64) -> Result<Vec<InviteRow>, DbError> {
    let sql = "select id, kind, role, for_whom, created_by, created_at, expires_at, used_at, used_by, revoked_at \
               from invites where office_id = $1 order by id desc limit $2 offset $3";
    tx.query(sql, args![office, limit, offset])?.iter().map(read_invite).collect()
}

pub fn count(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    tx.first("select count(*) from invites where office_id = $1", args![office])?.map_or(Ok(0), |row| row.get(0))
}

pub fn by_number(tx: &mut dyn Tx, office: OfficeId, id: i64) -> Result<Option<InviteRow>, DbError> {
    let sql = "select id, kind, role, for_whom, created_by, created_at, expires_at, used_at, used_by, revoked_at \
               from invites where office_id = $1 and id = $2";
    tx.first(sql, args![office, id])?.as_ref().map(read_invite).transpose()
}

/// A code may have been made twice; the newest is meant.
pub fn by_code(tx: &mut dyn Tx, office: OfficeId, hash: &str) -> Result<Option<InviteRow>, DbError> {
    let sql = "select id, kind, role, for_whom, created_by, created_at, expires_at, used_at, used_by, revoked_at \
               from invites where office_id = $1 and code_hash = $2 order by id desc limit 1";
    tx.first(sql, args![office, hash])?.as_ref().map(read_invite).transpose()
}

fn read_invite(row: &Row) -> Result<InviteRow, DbError> {
    let mut r = row.reader();
    Ok(InviteRow {
        id: r.take()?,
        kind: r.take()?,
        role: role(r.take()?)?,
        for_whom: r.take()?,
        created_by: r.take()?,
        created_at: r.take()?,
        expires_at: r.take()?,
        used_at: r.take()?,
        used_by: r.take()?,
        revoked_at: r.take()?,
    })
}

pub fn revoke(tx: &mut dyn Tx, office: OfficeId, id: i64, now: Time) -> Result<(), DbError> {
    tx.execute("update invites set revoked_at = $3 where office_id = $1 and id = $2", args![office, id, now])?;
    Ok(())
}

/// Forgets what has been over since before `before`.
pub fn forget(tx: &mut dyn Tx, office: OfficeId, before: Time) -> Result<(), DbError> {
    tx.execute("delete from invites where office_id = $1 and expires_at < $2", args![office, before])?;
    let sql = "delete from applications where office_id = $1 and expires_at < $2";
    tx.execute(sql, args![office, before])?;
    Ok(())
}

#[derive(Debug, Clone)]
pub struct ApplicationRow {
    pub id: i64,
    pub kind: InviteKind,
    pub role: Option<Role>,
    pub name: String,
    pub statement: String,
    pub capabilities: Vec<String>,
    pub model: Option<String>,
    pub public_key: Option<String>,
    pub source: Option<String>,
    pub state: ApplicationState,
    /// The agent or user that it became.
    pub subject: Option<String>,
    pub created_at: Time,
    pub expires_at: Time,
    pub decided_at: Option<Time>,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
}

pub fn insert_application(
    tx: &mut dyn Tx,
    office: OfficeId,
    token_hash: &str,
    row: &ApplicationRow,
) -> Result<(), DbError> {
    let sql = "insert into applications (office_id, id, token_hash, kind, role, name, statement, capabilities, model, \
               public_key, source, state, created_at, expires_at) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    tx.execute(
        sql,
        args![
            office,
            row.id,
            token_hash,
            row.kind.as_str(),
            row.role.map(Role::as_str),
            &row.name,
            &row.statement,
            serde_json::to_string(&row.capabilities).map_err(|error| DbError::Shape(error.to_string()))?,
            row.model.as_ref(),
            row.public_key.as_ref(),
            row.source.as_ref(),
            row.state.as_str(),
            row.created_at,
            row.expires_at,
        ],
    )?;
    Ok(())
}

macro_rules! select_applications {
    ($rest:literal) => {
        concat!(
            "select id, kind, role, name, statement, capabilities, model, public_key, source, state, subject_id, \
             created_at, expires_at, decided_at, decided_by, reason from applications ",
            $rest
        )
    };
}

fn read_application(row: &Row) -> Result<ApplicationRow, DbError> {
    let mut r = row.reader();
    Ok(ApplicationRow {
        id: r.take()?,
        kind: r.take()?,
        role: role(r.take()?)?,
        name: r.take()?,
        statement: r.take()?,
        capabilities: serde_json::from_str(&r.take::<String>()?).map_err(|error| DbError::Shape(error.to_string()))?,
        model: r.take()?,
        public_key: r.take()?,
        source: r.take()?,
        state: r.take()?,
        subject: r.take()?,
        created_at: r.take()?,
        expires_at: r.take()?,
        decided_at: r.take()?,
        decided_by: r.take()?,
        reason: r.take()?,
    })
}

pub fn application(tx: &mut dyn Tx, office: OfficeId, id: i64) -> Result<Option<ApplicationRow>, DbError> {
    let sql = select_applications!("where office_id = $1 and id = $2");
    tx.first(sql, args![office, id])?.as_ref().map(read_application).transpose()
}

/// The newest first.
pub fn applications(
    tx: &mut dyn Tx,
    office: OfficeId,
    limit: i64,
    offset: i64,
) -> Result<Vec<ApplicationRow>, DbError> {
    let sql = select_applications!("where office_id = $1 order by id desc limit $2 offset $3");
    tx.query(sql, args![office, limit, offset])?.iter().map(read_application).collect()
}

/// What waits for this person's word in the offices that they own, the longest wait first, with the offices' names.
pub fn for_owner(
    tx: &mut dyn Tx,
    owner: UserId,
    now: Time,
    most: i64,
) -> Result<Vec<(OfficeId, String, ApplicationRow)>, DbError> {
    let sql = "select a.id, a.kind, a.role, a.name, a.statement, a.capabilities, a.model, a.public_key, a.source, \
               a.state, a.subject_id, a.created_at, a.expires_at, a.decided_at, a.decided_by, a.reason, o.id, o.name \
               from offices o join applications a on a.office_id = o.id where o.owner_id = $1 \
               and a.state = 'pending' and a.expires_at > $2 order by a.created_at, a.office_id, a.id limit $3";
    let rows = tx.query(sql, args![owner, now, most])?;
    rows.iter().map(|row| Ok((row.get(16)?, row.get(17)?, read_application(row)?))).collect()
}

pub fn count_applications(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    tx.first("select count(*) from applications where office_id = $1", args![office])?.map_or(Ok(0), |row| row.get(0))
}

pub fn count_pending(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<i64, DbError> {
    let sql = "select count(*) from applications where office_id = $1 and state = 'pending' and expires_at > $2";
    tx.first(sql, args![office, now])?.map_or(Ok(0), |row| row.get(0))
}

/// The token says which office and application it belongs to.
pub fn by_token(tx: &mut dyn Tx, hash: &str) -> Result<Option<(OfficeId, i64)>, DbError> {
    let sql = "select office_id, id from applications where token_hash = $1";
    tx.first(sql, args![hash])?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// Moves an application on; true for the one who found it where it was.
pub fn move_application(
    tx: &mut dyn Tx,
    office: OfficeId,
    id: i64,
    (from, to): (ApplicationState, ApplicationState),
) -> Result<bool, DbError> {
    let sql = "update applications set state = $4 where office_id = $1 and id = $2 and state = $3";
    Ok(tx.execute(sql, args![office, id, from.as_str(), to.as_str()])? == 1)
}

pub fn decide(tx: &mut dyn Tx, office: OfficeId, row: &ApplicationRow) -> Result<(), DbError> {
    let sql = "update applications set state = $3, subject_id = $4, decided_at = $5, decided_by = $6, reason = $7, \
               expires_at = $8 where office_id = $1 and id = $2";
    let (state, subject) = (row.state.as_str(), row.subject.as_ref());
    let (by, reason) = (row.decided_by.as_ref(), row.reason.as_ref());
    tx.execute(sql, args![office, row.id, state, subject, row.decided_at, by, reason, row.expires_at])?;
    Ok(())
}

/// People with a role, the owner not among them.
pub fn count_members(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    tx.first("select count(*) from members where office_id = $1", args![office])?.map_or(Ok(0), |row| row.get(0))
}
