//! Rows of logins, links and browsers. All are found by the hash of a secret.

use mi_core::ids::UserId;
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};

/// Where a login stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    Approved,
    Refused,
    /// The terminal has its key.
    Claimed,
}

impl State {
    const ALL: [State; 4] = [State::Open, State::Approved, State::Refused, State::Claimed];

    const fn as_str(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Approved => "approved",
            State::Refused => "refused",
            State::Claimed => "claimed",
        }
    }
}

pub struct NewLogin<'a> {
    pub device_hash: &'a str,
    pub code_hash: &'a str,
    pub client_name: &'a str,
    pub source: Option<&'a str>,
    pub created_at: Time,
    pub expires_at: Time,
}

pub struct LoginRow {
    pub client_name: String,
    pub source: Option<String>,
    pub state: State,
    pub user: Option<UserId>,
    pub created_at: Time,
    pub expires_at: Time,
}

pub fn insert_login(tx: &mut dyn Tx, login: &NewLogin<'_>) -> Result<(), DbError> {
    let sql = "insert into logins (device_hash, code_hash, client_name, source, state, created_at, expires_at) \
               values ($1, $2, $3, $4, 'open', $5, $6)";
    let NewLogin { device_hash, code_hash, client_name, source, created_at, expires_at } = login;
    tx.execute(sql, args![*device_hash, *code_hash, *client_name, *source, *created_at, *expires_at])?;
    Ok(())
}

/// Those that still wait, up to `most`.
pub fn count_open(tx: &mut dyn Tx, now: Time, most: i64) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from logins where expires_at > $1 limit $2) as found";
    tx.first(sql, args![now, most])?.map_or(Ok(0), |row| row.get(0))
}

pub fn login_of_device(tx: &mut dyn Tx, device_hash: &str) -> Result<Option<LoginRow>, DbError> {
    let sql = "select client_name, source, state, user_id, created_at, expires_at from logins where device_hash = $1";
    tx.first(sql, args![device_hash])?.as_ref().map(read).transpose()
}

pub fn login_of_code(tx: &mut dyn Tx, code_hash: &str) -> Result<Option<LoginRow>, DbError> {
    let sql = "select client_name, source, state, user_id, created_at, expires_at from logins where code_hash = $1";
    tx.first(sql, args![code_hash])?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<LoginRow, DbError> {
    let mut r = row.reader();
    let (client_name, source) = (r.take()?, r.take()?);
    let text: String = r.take()?;
    let state = State::ALL.into_iter().find(|state| state.as_str() == text);
    let state = state.ok_or_else(|| DbError::Shape(format!("a login's state: {text}")))?;
    Ok(LoginRow { client_name, source, state, user: r.take()?, created_at: r.take()?, expires_at: r.take()? })
}

/// True if it was still open: two answers are not both given.
pub fn decide(tx: &mut dyn Tx, code_hash: &str, state: State, user: UserId, now: Time) -> Result<bool, DbError> {
    let sql = "update logins set state = $2, user_id = $3 where code_hash = $1 and state = 'open' and expires_at > $4";
    Ok(tx.execute(sql, args![code_hash, state.as_str(), user, now])? == 1)
}

/// True if nobody had: the key is given once.
pub fn claim(tx: &mut dyn Tx, device_hash: &str, now: Time) -> Result<bool, DbError> {
    let sql = "update logins set state = 'claimed' where device_hash = $1 and state = 'approved' and expires_at > $2";
    Ok(tx.execute(sql, args![device_hash, now])? == 1)
}

pub fn insert_link(tx: &mut dyn Tx, hash: &str, user: UserId, expires_at: Time) -> Result<(), DbError> {
    let sql = "insert into login_links (hash, user_id, expires_at) values ($1, $2, $3)";
    tx.execute(sql, args![hash, user, expires_at])?;
    Ok(())
}

/// Whose link it is, if it is good; from now on it is gone.
pub fn use_link(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<Option<UserId>, DbError> {
    let found = tx.first("select user_id from login_links where hash = $1 and expires_at > $2", args![hash, now])?;
    let Some(row) = found else { return Ok(None) };
    let deleted = tx.execute("delete from login_links where hash = $1", args![hash])?;
    if deleted == 1 { row.get(0).map(Some) } else { Ok(None) }
}

pub fn insert_browser(
    tx: &mut dyn Tx,
    hash: &str,
    user: UserId,
    created_at: Time,
    expires_at: Time,
) -> Result<(), DbError> {
    let sql = "insert into browsers (hash, user_id, created_at, expires_at) values ($1, $2, $3, $4)";
    tx.execute(sql, args![hash, user, created_at, expires_at])?;
    Ok(())
}

/// Keeps a person's newest browsers.
pub fn trim_browsers(tx: &mut dyn Tx, user: UserId, most: i64) -> Result<(), DbError> {
    let sql = "delete from browsers where user_id = $1 and hash not in \
               (select hash from browsers where user_id = $1 order by created_at desc, hash limit $2)";
    tx.execute(sql, args![user, most])?;
    Ok(())
}

/// Who signed in with this browser, and their name.
pub fn browser(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<Option<(UserId, String)>, DbError> {
    let sql = "select u.id, u.name from browsers b join users u on u.id = b.user_id \
               where b.hash = $1 and b.expires_at > $2";
    let Some(row) = tx.first(sql, args![hash, now])? else { return Ok(None) };
    Ok(Some((row.get(0)?, row.get(1)?)))
}

pub fn remove_browser(tx: &mut dyn Tx, hash: &str) -> Result<(), DbError> {
    tx.execute("delete from browsers where hash = $1", args![hash])?;
    Ok(())
}

pub fn remove_other_browsers(tx: &mut dyn Tx, user: UserId, hash: &str) -> Result<(), DbError> {
    tx.execute("delete from browsers where user_id = $1 and hash <> $2", args![user, hash])?;
    Ok(())
}

/// A person's id and the hash of their password, if they have one.
pub fn password_of(tx: &mut dyn Tx, name: &str) -> Result<Option<(UserId, Option<String>)>, DbError> {
    let Some(row) = tx.first("select id, password_hash from users where name = $1", args![name])? else {
        return Ok(None);
    };
    Ok(Some((row.get(0)?, row.get(1)?)))
}

pub fn set_password(tx: &mut dyn Tx, user: UserId, hash: &str) -> Result<(), DbError> {
    tx.execute("update users set password_hash = $2 where id = $1", args![user, hash])?;
    Ok(())
}

/// Forgets what is over.
pub fn forget(tx: &mut dyn Tx, now: Time) -> Result<(), DbError> {
    tx.execute("delete from logins where expires_at <= $1", args![now])?;
    tx.execute("delete from login_links where expires_at <= $1", args![now])?;
    tx.execute("delete from browsers where expires_at <= $1", args![now])?;
    Ok(())
}
