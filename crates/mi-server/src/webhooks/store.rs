//! Rows of webhooks and of their deliveries.

use mi_core::ids::OfficeId;
use mi_core::time::Time;
use mi_core::wire::webhooks::{DeliveryCause, DeliveryState, WebhookStatus};

use crate::args;
use crate::infra::db::{DbError, Row, Tx};
use crate::infra::http::call::Page;

#[derive(Debug, Clone)]
pub struct WebhookRow {
    pub id: i64,
    pub url: String,
    pub patterns: Vec<String>,
    pub sealed: String,
    pub status: WebhookStatus,
    pub reason: Option<String>,
    pub cursor: i64,
    pub given_up_in_a_row: i64,
    pub delivery_seq: i64,
    pub created_at: Time,
}

#[derive(Debug, Clone)]
pub struct DeliveryRow {
    pub n: i64,
    pub event: Option<i64>,
    pub kind: String,
    pub cause: DeliveryCause,
    pub state: DeliveryState,
    pub attempts: i64,
    pub next_at: Option<Time>,
    pub status: Option<i64>,
    pub error: Option<String>,
    pub duration_ms: Option<i64>,
    pub created_at: Time,
    pub ended_at: Option<Time>,
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, row: &WebhookRow) -> Result<(), DbError> {
    let sql = "insert into webhooks (office_id, id, url, patterns, secret_sealed, status, cursor_seq, created_at) \
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let patterns = row.patterns.join(",");
    let status = row.status.as_str();
    tx.execute(sql, args![office, row.id, &row.url, patterns, &row.sealed, status, row.cursor, row.created_at])?;
    Ok(())
}

pub fn all(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<WebhookRow>, DbError> {
    let sql = "select id, url, patterns, secret_sealed, status, reason, cursor_seq, given_up_in_a_row, delivery_seq, \
               created_at from webhooks where office_id = $1 order by id";
    tx.query(sql, args![office])?.iter().map(read_webhook).collect()
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, id: i64) -> Result<Option<WebhookRow>, DbError> {
    let sql = "select id, url, patterns, secret_sealed, status, reason, cursor_seq, given_up_in_a_row, delivery_seq, \
               created_at from webhooks where office_id = $1 and id = $2";
    tx.first(sql, args![office, id])?.as_ref().map(read_webhook).transpose()
}

fn read_webhook(row: &Row) -> Result<WebhookRow, DbError> {
    let mut r = row.reader();
    Ok(WebhookRow {
        id: r.take()?,
        url: r.take()?,
        patterns: r.take::<String>()?.split(',').filter(|p| !p.is_empty()).map(str::to_owned).collect(),
        sealed: r.take()?,
        status: r.take()?,
        reason: r.take()?,
        cursor: r.take()?,
        given_up_in_a_row: r.take()?,
        delivery_seq: r.take()?,
        created_at: r.take()?,
    })
}

/// What deliveries change.
pub fn save(tx: &mut dyn Tx, office: OfficeId, row: &WebhookRow) -> Result<(), DbError> {
    let sql = "update webhooks set status = $3, reason = $4, cursor_seq = $5, given_up_in_a_row = $6, \
               delivery_seq = $7 where office_id = $1 and id = $2";
    let status = row.status.as_str();
    let reason = row.reason.as_ref();
    tx.execute(sql, args![office, row.id, status, reason, row.cursor, row.given_up_in_a_row, row.delivery_seq])?;
    Ok(())
}

/// False if there is none.
pub fn remove(tx: &mut dyn Tx, office: OfficeId, id: i64) -> Result<bool, DbError> {
    tx.execute("delete from webhook_deliveries where office_id = $1 and webhook_id = $2", args![office, id])?;
    Ok(tx.execute("delete from webhooks where office_id = $1 and id = $2", args![office, id])? > 0)
}

pub fn insert_delivery(tx: &mut dyn Tx, office: OfficeId, webhook: i64, row: &DeliveryRow) -> Result<(), DbError> {
    let sql = "insert into webhook_deliveries (office_id, webhook_id, n, event_seq, event_type, cause, state, next_at, \
               created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (cause, state) = (row.cause.as_str(), row.state.as_str());
    tx.execute(sql, args![office, webhook, row.n, row.event, &row.kind, cause, state, row.next_at, row.created_at])?;
    Ok(())
}

pub fn save_delivery(tx: &mut dyn Tx, office: OfficeId, webhook: i64, row: &DeliveryRow) -> Result<(), DbError> {
    let sql = "update webhook_deliveries set cause = $4, state = $5, attempts = $6, next_at = $7, status = $8, \
               error = $9, duration_ms = $10, ended_at = $11 where office_id = $1 and webhook_id = $2 and n = $3";
    let (cause, state, error) = (row.cause.as_str(), row.state.as_str(), row.error.as_ref());
    tx.execute(
        sql,
        args![
            office,
            webhook,
            row.n,
            cause,
            state,
            row.attempts,
            row.next_at,
            row.status,
            error,
            row.duration_ms,
            row.ended_at
        ],
    )?;
    Ok(())
}

/// The newest first.
pub fn deliveries(tx: &mut dyn Tx, office: OfficeId, webhook: i64, page: Page) -> Result<Vec<DeliveryRow>, DbError> {
    let sql = "select n, event_seq, event_type, cause, state, attempts, next_at, status, error, duration_ms, \
               created_at, ended_at from webhook_deliveries where office_id = $1 and webhook_id = $2 \
               order by n desc limit $3 offset $4";
    tx.query(sql, args![office, webhook, page.limit, page.offset])?.iter().map(read_delivery).collect()
}

pub fn count_deliveries(tx: &mut dyn Tx, office: OfficeId, webhook: i64) -> Result<i64, DbError> {
    let sql = "select count(*) from webhook_deliveries where office_id = $1 and webhook_id = $2";
    tx.first(sql, args![office, webhook])?.map_or(Ok(0), |row| row.get(0))
}

pub fn delivery(tx: &mut dyn Tx, office: OfficeId, webhook: i64, n: i64) -> Result<Option<DeliveryRow>, DbError> {
    let sql = "select n, event_seq, event_type, cause, state, attempts, next_at, status, error, duration_ms, \
               created_at, ended_at from webhook_deliveries where office_id = $1 and webhook_id = $2 and n = $3";
    tx.first(sql, args![office, webhook, n])?.as_ref().map(read_delivery).transpose()
}

/// Deliveries that have not ended, in their order; there are hardly ever more than one.
pub fn pending(tx: &mut dyn Tx, office: OfficeId, webhook: i64) -> Result<Vec<DeliveryRow>, DbError> {
    let sql = "select n, event_seq, event_type, cause, state, attempts, next_at, status, error, duration_ms, \
               created_at, ended_at from webhook_deliveries \
               where office_id = $1 and webhook_id = $2 and state = 'pending' order by n limit 100";
    tx.query(sql, args![office, webhook])?.iter().map(read_delivery).collect()
}

fn read_delivery(row: &Row) -> Result<DeliveryRow, DbError> {
    let mut r = row.reader();
    Ok(DeliveryRow {
        n: r.take()?,
        event: r.take()?,
        kind: r.take()?,
        cause: r.take()?,
        state: r.take()?,
        attempts: r.take()?,
        next_at: r.take()?,
        status: r.take()?,
        error: r.take()?,
        duration_ms: r.take()?,
        created_at: r.take()?,
        ended_at: r.take()?,
    })
}

/// A webhook of some office, and how far its office is.
#[derive(Debug, Clone, Copy)]
pub struct Active {
    pub office: OfficeId,
    pub id: i64,
    pub cursor: i64,
    pub newest: i64,
}

pub fn active(tx: &mut dyn Tx) -> Result<Vec<Active>, DbError> {
    let sql = "select w.office_id, w.id, w.cursor_seq, o.event_seq from webhooks w join offices o on o.id = w.office_id \
               where w.status = 'active' order by w.office_id, w.id";
    let read =
        |row: &Row| Ok(Active { office: row.get(0)?, id: row.get(1)?, cursor: row.get(2)?, newest: row.get(3)? });
    tx.query(sql, args![])?.iter().map(read).collect()
}

/// Webhooks with deliveries whose time has come.
pub fn due(tx: &mut dyn Tx, now: Time) -> Result<Vec<(OfficeId, i64)>, DbError> {
    let sql = "select distinct office_id, webhook_id from webhook_deliveries where state = 'pending' and next_at <= $1 \
               order by office_id, webhook_id";
    tx.query(sql, args![now])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

pub fn next_due(tx: &mut dyn Tx, now: Time) -> Result<Option<Time>, DbError> {
    let sql = "select min(next_at) from webhook_deliveries where state = 'pending' and next_at > $1";
    tx.first(sql, args![now])?.map_or(Ok(None), |row| row.get(0))
}

/// Every webhook there is, for pruning.
pub fn everywhere(tx: &mut dyn Tx) -> Result<Vec<(OfficeId, i64)>, DbError> {
    let sql = "select office_id, id from webhooks order by office_id, id";
    tx.query(sql, args![])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Removes ended deliveries that are too old, or of which there are newer ones enough.
pub fn prune(tx: &mut dyn Tx, office: OfficeId, webhook: i64, before: Time, up_to: i64) -> Result<(), DbError> {
    let sql = "delete from webhook_deliveries where office_id = $1 and webhook_id = $2 and state <> 'pending' \
               and (created_at < $3 or n <= $4)";
    tx.execute(sql, args![office, webhook, before, up_to])?;
    Ok(())
}
