//! Which agents wait for money.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::Time;

use crate::args;
use crate::credits::suspend::{Lack, Suspension};
use crate::infra::db::{DbError, Row, Tx};

pub fn set(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, what: &Suspension) -> Result<(), DbError> {
    let sql = "update agents set suspended_at = $3, suspended_for = $4, suspended_need_micro = $5 \
               where office_id = $1 and id = $2";
    tx.execute(sql, args![office, agent, what.at, what.lack.as_str(), what.need.0])?;
    Ok(())
}

pub fn clear(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<(), DbError> {
    let sql = "update agents set suspended_at = null, suspended_for = null, suspended_need_micro = 0 \
               where office_id = $1 and id = $2";
    tx.execute(sql, args![office, agent])?;
    Ok(())
}

/// Whoever waits longest comes first.
pub fn all(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<(AgentId, Suspension)>, DbError> {
    let sql = "select suspended_at, suspended_for, suspended_need_micro, id from agents \
               where office_id = $1 and suspended_at is not null and fired_at is null order by suspended_at, id";
    tx.query(sql, args![office])?.iter().map(|row| Ok((row.get(3)?, read(row)?))).collect()
}

pub fn of(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<Suspension>, DbError> {
    let sql = "select suspended_at, suspended_for, suspended_need_micro from agents \
               where office_id = $1 and id = $2 and suspended_at is not null";
    tx.first(sql, args![office, agent])?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Suspension, DbError> {
    let lack: String = row.get(1)?;
    let lack = Lack::parse(&lack).ok_or_else(|| DbError::Shape(format!("an agent that lacks {lack}")))?;
    Ok(Suspension { at: row.get(0)?, lack, need: Micro(row.get(2)?) })
}

/// Offices after one of them, with somebody whose budget was used up before `since`: a sweep acts in each. Of any part,
/// since whoever waits for the whole budget may wait for that of the day as well.
pub fn of_earlier_days(
    tx: &mut dyn Tx,
    since: Time,
    after: Option<OfficeId>,
    most: i64,
) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select distinct office_id from agents where suspended_at < $1 and suspended_for <> 'credits' \
               and fired_at is null and office_id > $3 order by office_id limit $2";
    let after = after.map_or_else(String::new, |office| office.0.simple().to_string());
    tx.query(sql, args![since, most, after])?.iter().map(|row| row.get(0)).collect()
}
