//! Rows of what sessions said, and of the tools that they used.

use mi_core::ids::{ClaimToken, OfficeId};
use mi_core::time::Time;
use mi_core::wire::runner::{SessionItem, ToolCalled};
use mi_core::wire::sessions::{ToolUse, TranscriptItem};

use super::{Moment, moments};
use crate::args;
use crate::infra::db::{DbError, Row, Tx};

pub fn add_item(
    tx: &mut dyn Tx,
    office: OfficeId,
    session: ClaimToken,
    n: i64,
    item: &SessionItem,
) -> Result<(), DbError> {
    let sql =
        "insert into session_items (office_id, session, n, kind, text, created_at) values ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, args![office, session, n, item.kind.as_str(), &item.text, item.at])?;
    Ok(())
}

/// What a session said, from an item on.
pub fn items(
    tx: &mut dyn Tx,
    office: OfficeId,
    session: ClaimToken,
    from: i64,
    most: i64,
) -> Result<Vec<TranscriptItem>, DbError> {
    let sql = "select n, created_at, kind, text from session_items \
               where office_id = $1 and session = $2 and n >= $3 order by n limit $4";
    let read = |row: &Row| {
        let mut r = row.reader();
        let (n, at, kind, text) = (r.take()?, r.take()?, r.take::<String>()?, r.take()?);
        let kind = kind.parse().map_err(|_| DbError::Shape(format!("an item of kind {kind}")))?;
        Ok(TranscriptItem { n, at, kind, text })
    };
    tx.query(sql, args![office, session, from, most])?.iter().map(read).collect()
}

/// The number that the next item will have, and how many bytes are kept by now.
pub fn set_said(
    tx: &mut dyn Tx,
    office: OfficeId,
    number: ClaimToken,
    (next, bytes): (i64, i64),
) -> Result<(), DbError> {
    let sql = "update sessions set events_next = $3, said_bytes = $4 where office_id = $1 and number = $2";
    tx.execute(sql, args![office, number, next, bytes])?;
    Ok(())
}

/// The last log lines of a session, oldest first.
pub fn tail(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken, most: i64) -> Result<Vec<String>, DbError> {
    let sql = "select text from session_items where office_id = $1 and session = $2 and kind = 'log' \
               order by n desc limit $3";
    let mut lines: Vec<String> =
        tx.query(sql, args![office, session, most])?.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?;
    lines.reverse();
    Ok(lines)
}

/// One more call of a tool.
pub fn count_tool(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken, call: &ToolCalled) -> Result<(), DbError> {
    let sql = "insert into session_tools (office_id, session, name, calls, failures, took_ms) \
               values ($1, $2, $3, 1, $4, $5) on conflict (office_id, session, name) do update set \
               calls = session_tools.calls + 1, failures = session_tools.failures + excluded.failures, \
               took_ms = coalesce(session_tools.took_ms + excluded.took_ms, session_tools.took_ms, excluded.took_ms)";
    tx.execute(sql, args![office, session, &call.name, i64::from(call.failed), call.took_ms])?;
    Ok(())
}

pub fn is_counted(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken, name: &str) -> Result<bool, DbError> {
    let sql = "select calls from session_tools where office_id = $1 and session = $2 and name = $3";
    Ok(tx.first(sql, args![office, session, name])?.is_some())
}

pub fn different_tools(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken) -> Result<i64, DbError> {
    let sql = "select count(*) from session_tools where office_id = $1 and session = $2";
    tx.first(sql, args![office, session])?.map_or(Ok(0), |row| row.get(0))
}

/// Most called first.
pub fn tools(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken) -> Result<Vec<ToolUse>, DbError> {
    let sql = "select name, calls, failures, took_ms from session_tools \
               where office_id = $1 and session = $2 order by calls desc, name";
    let read = |row: &Row| {
        let mut r = row.reader();
        Ok(ToolUse { name: r.take()?, calls: r.take()?, failures: r.take()?, took_ms: r.take()? })
    };
    tx.query(sql, args![office, session])?.iter().map(read).collect()
}

/// Sessions that ended before, and whose words are still kept, over all offices, after one of them.
pub fn to_forget(tx: &mut dyn Tx, before: Time, after: Option<Moment>, most: i64) -> Result<Vec<Moment>, DbError> {
    let sql = "select office_id, ended_at, number from sessions where ended_at < $1 and said_bytes > 0 \
               and (ended_at, office_id, number) > ($3, $4, $5) order by ended_at, office_id, number limit $2";
    moments(tx, sql, before, after, most)
}

/// What it said goes; what it used, and which tools, stays.
pub fn forget(tx: &mut dyn Tx, office: OfficeId, session: ClaimToken) -> Result<(), DbError> {
    tx.execute("delete from session_items where office_id = $1 and session = $2", args![office, session])?;
    tx.execute("update sessions set said_bytes = 0 where office_id = $1 and number = $2", args![office, session])?;
    Ok(())
}
