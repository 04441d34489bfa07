//! Rows of what providers said of an office's key.

use mi_core::ids::OfficeId;
use mi_core::time::Time;

use crate::args;
use crate::gateway::kinds::Kind;
use crate::gateway::marks::Mark;
use crate::infra::db::{DbError, Row, Tx};

/// What an office can call models with, as far as rows tell.
#[derive(Debug, Default)]
pub struct Means {
    /// Names of the providers that the server announced, space-framed.
    pub announced: String,
    /// Integrations of which a secret is set.
    pub integrations: Vec<String>,
    pub marks: Vec<Mark>,
}

pub fn means(tx: &mut dyn Tx, office: OfficeId) -> Result<Means, DbError> {
    let sql = "select 'announced', value, cast(null as bigint), 0, 0 from server_state where key = 'model_providers' \
               union all select 'integration', integration, cast(null as bigint), 0, 0 from integration_secrets \
               where office_id = $1 group by integration \
               union all select 'mark', provider, parked_until, pauses, refusals from provider_marks \
               where office_id = $1";
    let mut means = Means::default();
    for row in tx.query(sql, args![office])? {
        let text: String = row.get(1)?;
        match row.get::<String>(0)?.as_str() {
            "announced" => means.announced = text,
            "integration" => means.integrations.push(text),
            _ => means.marks.extend(read(&text, &row, 2)?),
        }
    }
    Ok(means)
}

/// None of a provider that this server doesn't know any more.
fn read(provider: &str, row: &Row, from: usize) -> Result<Option<Mark>, DbError> {
    let Some(kind) = Kind::parse(provider) else { return Ok(None) };
    Ok(Some(Mark { kind, parked_until: row.get(from)?, pauses: row.get(from + 1)?, refusals: row.get(from + 2)? }))
}

pub fn mark(tx: &mut dyn Tx, office: OfficeId, kind: Kind) -> Result<Mark, DbError> {
    let sql = "select parked_until, pauses, refusals from provider_marks where office_id = $1 and provider = $2";
    let found = tx.first(sql, args![office, kind.as_str()])?.map(|row| read(kind.as_str(), &row, 0)).transpose()?;
    Ok(found.flatten().unwrap_or(Mark::none(kind)))
}

/// Whether the provider has said something since then.
pub fn is_since(tx: &mut dyn Tx, office: OfficeId, kind: Kind, since: Time) -> Result<bool, DbError> {
    let sql = "select 1 from provider_marks where office_id = $1 and provider = $2 and updated_at >= $3";
    Ok(tx.first(sql, args![office, kind.as_str(), since])?.is_some())
}

pub fn save(tx: &mut dyn Tx, office: OfficeId, mark: &Mark, now: Time) -> Result<(), DbError> {
    let sql = "insert into provider_marks (office_id, provider, parked_until, pauses, refusals, updated_at) \
               values ($1, $2, $3, $4, $5, $6) on conflict (office_id, provider) do update set \
               parked_until = excluded.parked_until, pauses = excluded.pauses, refusals = excluded.refusals, \
               updated_at = excluded.updated_at";
    let Mark { kind, parked_until, pauses, refusals } = mark;
    tx.execute(sql, args![office, kind.as_str(), *parked_until, *pauses, *refusals, now])?;
    Ok(())
}

pub fn forget(tx: &mut dyn Tx, office: OfficeId, kind: Kind) -> Result<(), DbError> {
    let sql = "delete from provider_marks where office_id = $1 and provider = $2";
    tx.execute(sql, args![office, kind.as_str()])?;
    Ok(())
}

/// Quotas whose time is over, in any office, after one of them.
pub fn over(
    tx: &mut dyn Tx,
    now: Time,
    after: Option<(OfficeId, Kind)>,
    most: i64,
) -> Result<Vec<(OfficeId, Kind)>, DbError> {
    let sql = "select office_id, provider from provider_marks where parked_until is not null and parked_until <= $1 \
               and (office_id > $3 or (office_id = $3 and provider > $4)) order by office_id, provider limit $2";
    let (office, provider) =
        after.map_or_else(Default::default, |(office, kind)| (office.0.simple().to_string(), kind.as_str().to_owned()));
    let mut found = Vec::new();
    for row in tx.query(sql, args![now, most, office, provider])? {
        found.extend(Kind::parse(&row.get::<String>(1)?).map(|kind| Ok((row.get(0)?, kind))));
    }
    found.into_iter().collect()
}

/// The next moment at which one is over.
pub fn next_over(tx: &mut dyn Tx) -> Result<Option<Time>, DbError> {
    let sql = "select min(parked_until) from provider_marks where parked_until is not null";
    tx.first(sql, args![])?.map_or(Ok(None), |row| row.get(0))
}

/// A server that starts may have another key: what the last one was refused says nothing of it.
pub fn forget_refusals(tx: &mut dyn Tx) -> Result<(), DbError> {
    tx.execute("update provider_marks set refusals = 0 where refusals > 0", args![])?;
    Ok(())
}
