//! Rows of what is written on tasks: logs, comments, artifacts, results.

use mi_core::ids::{AgentName, ClaimToken, OfficeId, TaskId};
use mi_core::tasks::status::Status;
use mi_core::time::Time;
use mi_core::wire::tasks::{Artifact, Comment, Review, TaskLog};

use super::TaskRow;
use crate::args;
use crate::infra::db::{DbError, Tx};

/// A line that somebody wrote on a task.
#[derive(Debug)]
pub struct NewLog<'a> {
    pub id: i64,
    pub agent: &'a str,
    pub event: Option<&'a str>,
    pub message: &'a str,
    pub session: Option<ClaimToken>,
    pub attempt: Option<i64>,
    pub at: Time,
}

pub fn add_log(tx: &mut dyn Tx, office: OfficeId, task: TaskId, log: &NewLog<'_>) -> Result<(), DbError> {
    let sql = "insert into task_logs (office_id, task_id, id, agent, event, message, session, attempt, created_at) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    tx.execute(sql, args![office, task, log.id, log.agent, log.event, log.message, log.session, log.attempt, log.at])?;
    Ok(())
}

/// The newest lines, oldest first.
pub fn logs(tx: &mut dyn Tx, office: OfficeId, task: TaskId, most: i64) -> Result<Vec<TaskLog>, DbError> {
    let sql = "select id, agent, event, message, attempt, created_at from task_logs \
               where office_id = $1 and task_id = $2 order by id desc limit $3";
    let mut logs = tx
        .query(sql, args![office, task, most])?
        .iter()
        .map(|row| {
            let mut r = row.reader();
            Ok(TaskLog {
                id: r.take()?,
                agent: r.take()?,
                event: r.take()?,
                message: r.take()?,
                attempt: r.take()?,
                created_at: r.take()?,
            })
        })
        .collect::<Result<Vec<_>, DbError>>()?;
    logs.reverse();
    Ok(logs)
}

pub fn add_comment(tx: &mut dyn Tx, office: OfficeId, task: TaskId, comment: &Comment) -> Result<(), DbError> {
    let sql = "insert into task_comments (office_id, task_id, id, agent, message, created_at) \
               values ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, args![office, task, comment.id, &comment.agent, &comment.message, comment.created_at])?;
    Ok(())
}

pub fn comments(tx: &mut dyn Tx, office: OfficeId, task: TaskId, most: i64) -> Result<Vec<Comment>, DbError> {
    let sql = "select id, agent, message, created_at from task_comments \
               where office_id = $1 and task_id = $2 order by id limit $3";
    tx.query(sql, args![office, task, most])?
        .iter()
        .map(|row| Ok(Comment { id: row.get(0)?, agent: row.get(1)?, message: row.get(2)?, created_at: row.get(3)? }))
        .collect()
}

pub fn add_artifact(
    tx: &mut dyn Tx,
    office: OfficeId,
    task: TaskId,
    artifact: &Artifact,
    session: Option<ClaimToken>,
) -> Result<(), DbError> {
    let sql = "insert into task_artifacts (office_id, task_id, id, kind, path, label, sha256, size, created_by, \
               session, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    tx.execute(
        sql,
        args![
            office,
            task,
            artifact.id,
            &artifact.kind,
            &artifact.path,
            artifact.label.as_ref(),
            &artifact.sha256,
            artifact.size,
            &artifact.created_by,
            session,
            artifact.created_at,
        ],
    )?;
    Ok(())
}

/// What was linked, each compared with the file that the drive's index has now.
pub fn artifacts(tx: &mut dyn Tx, office: OfficeId, task: TaskId, most: i64) -> Result<Vec<Artifact>, DbError> {
    let sql = "select a.id, a.kind, a.path, a.label, a.sha256, a.size, case when f.name is null then 'missing' \
               when f.sha256 = a.sha256 then 'unchanged' else 'changed' end, a.session, a.created_by, a.created_at \
               from task_artifacts a left join drive_files f on f.office_id = a.office_id and f.name = a.path \
               where a.office_id = $1 and a.task_id = $2 order by a.id limit $3";
    tx.query(sql, args![office, task, most])?
        .iter()
        .map(|row| {
            let mut r = row.reader();
            Ok(Artifact {
                id: r.take()?,
                kind: r.take()?,
                path: r.take()?,
                label: r.take()?,
                sha256: r.take()?,
                size: r.take()?,
                state: r.take()?,
                session: r.take()?,
                created_by: r.take()?,
                created_at: r.take()?,
            })
        })
        .collect()
}

/// A judgement about the work of the task's last attempt.
pub fn add_review(tx: &mut dyn Tx, office: OfficeId, task: TaskId, review: &Review) -> Result<(), DbError> {
    let sql = "insert into task_reviews (office_id, task_id, id, session, reviewer, accepted, comments, created_at) \
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    tx.execute(
        sql,
        args![
            office,
            task,
            review.id,
            review.session,
            &review.reviewer,
            review.accepted,
            review.comments.as_ref(),
            review.created_at,
        ],
    )?;
    Ok(())
}

pub fn reviews(tx: &mut dyn Tx, office: OfficeId, task: TaskId, most: i64) -> Result<Vec<Review>, DbError> {
    let sql = "select id, session, reviewer, accepted, comments, created_at from task_reviews \
               where office_id = $1 and task_id = $2 order by id limit $3";
    tx.query(sql, args![office, task, most])?
        .iter()
        .map(|row| {
            let mut r = row.reader();
            Ok(Review {
                id: r.take()?,
                session: r.take()?,
                reviewer: r.take()?,
                accepted: r.take()?,
                comments: r.take()?,
                created_at: r.take()?,
            })
        })
        .collect()
}

/// Whether an attempt has reported this very outcome in time.
pub fn has_result(
    tx: &mut dyn Tx,
    office: OfficeId,
    task: TaskId,
    session: ClaimToken,
    (status, text): (Status, &str),
) -> Result<bool, DbError> {
    let sql = "select cast(1 as bigint) from task_results where office_id = $1 and task_id = $2 and session = $3 \
               and status = $4 and text = $5 limit 1";
    Ok(tx.first(sql, args![office, task, session, status.as_str(), text])?.is_some())
}

/// A kept result and the attempt that reported it.
pub struct KeptResult {
    pub session: Option<ClaimToken>,
    pub status: Status,
    pub text: String,
    pub created_at: Time,
}

/// Every result that the task ever had, oldest first.
pub fn results(tx: &mut dyn Tx, office: OfficeId, task: TaskId, most: i64) -> Result<Vec<KeptResult>, DbError> {
    let sql = "select session, status, text, created_at from task_results \
               where office_id = $1 and task_id = $2 order by id limit $3";
    tx.query(sql, args![office, task, most])?
        .iter()
        .map(|row| {
            let mut r = row.reader();
            Ok(KeptResult { session: r.take()?, status: r.take()?, text: r.take()?, created_at: r.take()? })
        })
        .collect()
}

/// Every result that a task ever had, so that reopening or rejecting loses none.
pub fn keep_result(tx: &mut dyn Tx, office: OfficeId, row: i64, task: &TaskRow, now: Time) -> Result<(), DbError> {
    let sql = "insert into task_results (office_id, task_id, id, session, by_agent, status, text, late, created_at) \
               values ($1, $2, $3, $4, $5, $6, $7, 0, $8)";
    let by = task.claimed_by.as_ref().map_or("owner", AgentName::as_str);
    let text = task.result.as_ref().or(task.error.as_ref()).cloned().unwrap_or_default();
    tx.execute(sql, args![office, task.id, row, task.session, by, task.status.as_str(), text, now])?;
    Ok(())
}

/// Something that was written on a task without moving it.
pub enum Said {
    Log(TaskLog),
    Comment(Comment),
}

impl Said {
    pub fn id(&self) -> i64 {
        match self {
            Said::Log(log) => log.id,
            Said::Comment(comment) => comment.id,
        }
    }
}

/// Logs and comments after this number, in the order in which they were written.
pub fn said(tx: &mut dyn Tx, office: OfficeId, task: TaskId, after: i64, most: i64) -> Result<Vec<Said>, DbError> {
    let sql = "select id, cast(1 as bigint), agent, event, message, attempt, created_at from task_logs \
               where office_id = $1 and task_id = $2 and id > $3 \
               union all select id, cast(0 as bigint), agent, cast(null as text), message, cast(null as bigint), created_at \
               from task_comments where office_id = $1 and task_id = $2 and id > $3 order by 1 limit $4";
    tx.query(sql, args![office, task, after, most])?
        .iter()
        .map(|row| {
            let mut r = row.reader();
            let (id, is_log, agent) = (r.take()?, r.take::<i64>()? == 1, r.take()?);
            let (event, message, attempt, created_at) = (r.take()?, r.take()?, r.take()?, r.take()?);
            Ok(match is_log {
                true => Said::Log(TaskLog { id, agent, event, message, attempt, created_at }),
                false => Said::Comment(Comment { id, agent, message, created_at }),
            })
        })
        .collect()
}
