//! Rows of sessions. What they said is in `said`, what they used in `usage`.

pub mod said;
pub mod usage;

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, AgentName, ClaimToken, OfficeId, TaskId};
use mi_core::time::{Millis, Time};
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::sessions::{Used, WakeKind};
use mi_core::wire::tasks::Session;

use super::row::{Origin, Seat, SessionRow, State};
use crate::args;
use crate::infra::db::{DbError, Row, Tx};

macro_rules! select_sessions {
    ($rest:literal) => {
        concat!(
            "select number, agent_id, agent, task_id, attempt, state, epoch, remote_epoch, cause, cause_by, chain, \
             queued_at, harness, provider, model, lease_expires_at, deadline_at, events_next, messages_up_to, exit, \
             summary, input_tokens, cached_tokens, output_tokens, cost_micro, first_token_at, said_bytes, started_at, \
             ended_at from sessions ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<SessionRow, DbError> {
    let mut r = row.reader();
    Ok(SessionRow {
        number: r.take()?,
        agent_id: r.take()?,
        agent: r.take()?,
        task: r.take()?,
        attempt: r.take()?,
        state: State::parse(&r.take::<String>()?)?,
        seat: seat(r.take()?, r.take()?),
        origin: Origin { kind: kind(r.take()?)?, by: r.take()?, chain: r.take()?, queued_at: r.take()? },
        harness: r.take()?,
        provider: r.take()?,
        model: r.take()?,
        lease_expires_at: r.take()?,
        deadline_at: r.take()?,
        events_next: r.take()?,
        messages_up_to: r.take()?,
        exit: r.take()?,
        summary: r.take()?,
        used: Used {
            input_tokens: r.take()?,
            cached_tokens: r.take()?,
            output_tokens: r.take()?,
            cost: Micro(r.take()?),
        },
        first_token_at: r.take()?,
        said_bytes: r.take()?,
        started_at: r.take()?,
        ended_at: r.take()?,
    })
}

fn kind(text: Option<String>) -> Result<Option<WakeKind>, DbError> {
    text.map(|text| text.parse().map_err(|_| DbError::Shape(format!("a session begun for {text}")))).transpose()
}

fn seat(pod: Option<i64>, elsewhere: Option<i64>) -> Seat {
    match (pod, elsewhere) {
        (Some(epoch), _) => Seat::Pod(epoch),
        (None, Some(epoch)) => Seat::Elsewhere(epoch),
        (None, None) => Seat::Outside,
    }
}

/// The columns `epoch` and `remote_epoch`.
fn epochs(seat: Seat) -> (Option<i64>, Option<i64>) {
    match seat {
        Seat::Pod(epoch) => (Some(epoch), None),
        Seat::Elsewhere(epoch) => (None, Some(epoch)),
        Seat::Outside => (None, None),
    }
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, s: &SessionRow) -> Result<(), DbError> {
    let sql = "insert into sessions (office_id, number, agent_id, agent, task_id, attempt, state, epoch, harness, \
               provider, model, lease_expires_at, deadline_at, started_at, worked_at, remote_epoch, cause, cause_by, \
               chain, queued_at, messages_up_to) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
               $14, $15, $16, $17, $18, $19, $20)";
    let (epoch, remote_epoch) = epochs(s.seat);
    tx.execute(
        sql,
        args![
            office,
            s.number,
            s.agent_id,
            &s.agent,
            s.task,
            s.attempt,
            s.state.as_str(),
            epoch,
            &s.harness,
            s.provider.as_ref(),
            s.model.as_ref(),
            s.lease_expires_at,
            s.deadline_at,
            s.started_at,
            remote_epoch,
            s.origin.kind.map(WakeKind::as_str),
            s.origin.by.as_ref(),
            s.origin.chain,
            s.origin.queued_at,
            s.messages_up_to,
        ],
    )?;
    Ok(())
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, number: ClaimToken) -> Result<Option<SessionRow>, DbError> {
    let sql = select_sessions!("where office_id = $1 and number = $2");
    tx.first(sql, args![office, number])?.as_ref().map(read).transpose()
}

/// Everything of the agent that is not ended, oldest first.
pub fn of_agent(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Vec<SessionRow>, DbError> {
    let sql = select_sessions!("where office_id = $1 and agent_id = $2 and state <> 'ended' order by number");
    tx.query(sql, args![office, agent])?.iter().map(read).collect()
}

/// When its newest session began, whatever became of it, and the link of what it was begun for.
pub fn newest_link(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<(Time, i64)>, DbError> {
    let sql = "select started_at, chain from sessions where office_id = $1 and agent_id = $2 \
               order by number desc limit 1";
    tx.first(sql, args![office, agent])?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// Everything in the office that belongs to a pod and is not ended.
pub fn hosted(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<SessionRow>, DbError> {
    let sql = select_sessions!("where office_id = $1 and epoch is not null and state <> 'ended' order by number");
    tx.query(sql, args![office])?.iter().map(read).collect()
}

pub fn current(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
) -> Result<Option<(ClaimToken, Option<TaskId>)>, DbError> {
    let sql = "select number, task_id from sessions \
               where office_id = $1 and agent_id = $2 and state = 'live' order by number limit 1";
    tx.first(sql, args![office, agent])?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

pub fn set_state(
    tx: &mut dyn Tx,
    office: OfficeId,
    number: ClaimToken,
    state: State,
    exit: &str,
    ended_at: Option<Time>,
) -> Result<(), DbError> {
    let sql = "update sessions set state = $3, exit = $4, ended_at = $5 where office_id = $1 and number = $2";
    tx.execute(sql, args![office, number, state.as_str(), exit, ended_at])?;
    Ok(())
}

/// What the runner says at the end, and which program it really ran, where that is another one than it was told.
pub fn set_summary(
    tx: &mut dyn Tx,
    office: OfficeId,
    number: ClaimToken,
    summary: &str,
    ran: Option<HarnessKind>,
) -> Result<(), DbError> {
    let sql = "update sessions set summary = $3, harness = coalesce($4, harness) where office_id = $1 and number = $2";
    tx.execute(sql, args![office, number, summary, ran.map(HarnessKind::as_str)])?;
    Ok(())
}

/// The claimer showed work: a full term from now.
pub fn renew(tx: &mut dyn Tx, office: OfficeId, number: ClaimToken, until: Time, now: Time) -> Result<(), DbError> {
    let sql = "update sessions set lease_expires_at = $3, worked_at = $4 where office_id = $1 and number = $2";
    tx.execute(sql, args![office, number, until, now])?;
    Ok(())
}

/// A sign of life of an agent elsewhere: its claims hold on, but no longer than `weak` after their last sign of work.
/// What a runner holds is not among them: that runner has to show itself.
pub fn hold_on(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, until: Time, weak: Millis) -> Result<u64, DbError> {
    let sql = "update sessions set lease_expires_at = case when worked_at + $4 < $3 then worked_at + $4 else $3 end \
               where office_id = $1 and agent_id = $2 and state = 'live' and epoch is null and remote_epoch is null and worked_at is not null \
               and lease_expires_at < case when worked_at + $4 < $3 then worked_at + $4 else $3 end";
    tx.execute(sql, args![office, agent, until, weak.0])
}

/// A session of some office, and the moment by which sweeps look for it.
pub type Moment = (OfficeId, (Time, ClaimToken));

/// Live claims whose lease ended before `now`, over all offices, after one of them.
pub fn lapsed(tx: &mut dyn Tx, now: Time, after: Option<Moment>, most: i64) -> Result<Vec<Moment>, DbError> {
    let sql = "select office_id, lease_expires_at, number from sessions where state = 'live' \
               and lease_expires_at < $1 and (lease_expires_at, office_id, number) > ($3, $4, $5) \
               order by lease_expires_at, office_id, number limit $2";
    moments(tx, sql, now, after, most)
}

/// Sessions of runners elsewhere that fell silent while they were winding down, over all offices, after one of them.
pub fn silent(tx: &mut dyn Tx, now: Time, after: Option<Moment>, most: i64) -> Result<Vec<Moment>, DbError> {
    let sql = "select office_id, lease_expires_at, number from sessions where state = 'settled' \
               and remote_epoch is not null and lease_expires_at < $1 \
               and (lease_expires_at, office_id, number) > ($3, $4, $5) \
               order by lease_expires_at, office_id, number limit $2";
    moments(tx, sql, now, after, most)
}

/// From the beginning if after nothing.
fn moments(
    tx: &mut dyn Tx,
    sql: &'static str,
    until: Time,
    after: Option<Moment>,
    most: i64,
) -> Result<Vec<Moment>, DbError> {
    let (at, office, number) = match after {
        Some((office, (at, number))) => (at, office.0.simple().to_string(), number),
        None => (Time(0), String::new(), ClaimToken(0)),
    };
    let rows = tx.query(sql, args![until, most, at, office, number])?;
    rows.iter().map(|row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).collect()
}

/// Offices in which a pod's session is not ended.
pub fn offices_with_hosted(tx: &mut dyn Tx) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select distinct office_id from sessions where epoch is not null and state <> 'ended'";
    tx.query(sql, args![])?.iter().map(|row| row.get(0)).collect()
}

/// Whose sandbox may still be at a task whose claim is over.
pub fn still_at(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Option<AgentName>, DbError> {
    let sql = "select agent from sessions where office_id = $1 and task_id = $2 and state in ('settled', 'lapsed') \
               order by number limit 1";
    tx.first(sql, args![office, task])?.map(|row| row.get(0)).transpose()
}

/// The newest of a task, oldest first.
pub fn rows_of_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId, most: i64) -> Result<Vec<SessionRow>, DbError> {
    let sql = select_sessions!("where office_id = $1 and task_id = $2 order by number desc limit $3");
    let mut rows =
        tx.query(sql, args![office, task, most])?.iter().map(read).collect::<Result<Vec<SessionRow>, DbError>>()?;
    rows.reverse();
    Ok(rows)
}

pub fn has_worked(tx: &mut dyn Tx, office: OfficeId, task: TaskId, agent: &AgentName) -> Result<bool, DbError> {
    let sql = "select number from sessions where office_id = $1 and task_id = $2 and agent = $3 limit 1";
    Ok(tx.first(sql, args![office, task, agent])?.is_some())
}

pub fn of_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId, most: i64) -> Result<Vec<Session>, DbError> {
    Ok(rows_of_task(tx, office, task, most)?.into_iter().map(SessionRow::card).collect())
}

/// Offices in which an agent elsewhere holds a claim.
pub fn offices_with_external(tx: &mut dyn Tx) -> Result<Vec<OfficeId>, DbError> {
    let sql = "select distinct office_id from sessions where epoch is null and state = 'live' order by office_id";
    tx.query(sql, args![])?.iter().map(|row| row.get(0)).collect()
}

/// For external claims after a restart: one fresh term.
pub fn freshen_external(tx: &mut dyn Tx, office: OfficeId, until: Time) -> Result<u64, DbError> {
    let sql = "update sessions set lease_expires_at = $2 \
               where office_id = $1 and state = 'live' and epoch is null and lease_expires_at < $2";
    tx.execute(sql, args![office, until])
}
