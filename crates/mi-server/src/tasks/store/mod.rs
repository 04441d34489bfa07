//! Rows of tasks. What is written on them is in `notes`, what came too late in `late`, what time does to them in
//! `times`, who could take them in `workers`.

pub mod blocks;
pub mod late;
pub mod list;
pub mod notes;
pub mod times;
pub mod workers;

use mi_core::credits::Micro;
use mi_core::ids::{AgentName, ClaimToken, OfficeId, TaskId, TaskName};
use mi_core::limits::{PRIORITY_DEFAULT, TASK_ATTEMPTS_MAX_DEFAULT};
use mi_core::tasks::rules::{Assigned, Readiness};
use mi_core::tasks::status::{BlockedKind, Kind, Status, Verification};
use mi_core::time::Time;
use mi_core::wire::sessions::Used;

use crate::args;
use crate::infra::db::{DbError, Reader, Row, Tx};

/// One task as it stands in the store.
#[derive(Debug, Clone)]
pub struct TaskRow {
    pub id: TaskId,
    pub name: Option<TaskName>,
    pub parent: Option<TaskId>,
    pub depth: i64,
    pub title: String,
    pub description: Option<String>,
    pub kind: Kind,
    pub priority: i64,
    pub status: Status,
    pub assigned: Option<String>,
    /// Who holds it, or who held it last.
    pub claimed_by: Option<AgentName>,
    /// The claim that is live, or the one that ended it.
    pub session: Option<ClaimToken>,
    pub created_by: String,
    pub depends_on: Option<String>,
    pub required_tools: String,
    pub result: Option<String>,
    pub error: Option<String>,
    pub blocked_kind: Option<BlockedKind>,
    pub blocked_reason: Option<String>,
    /// When a block by quota ends by itself.
    pub blocked_until: Option<Time>,
    pub attempts: i64,
    pub max_attempts: i64,
    pub verification: Verification,
    pub rejections: i64,
    /// The done task that this one was made to judge.
    pub verifies: Option<TaskId>,
    pub split_rounds: i64,
    pub agent_retries: i64,
    pub subtask_count: i64,
    pub open_subtasks: i64,
    pub open_dependencies: i64,
    /// Until when a lost or released attempt pauses.
    pub backoff_until: Option<Time>,
    /// Before when nobody is to begin, as somebody wants it.
    pub wanted_not_before: Option<Time>,
    pub deadline: Option<Time>,
    /// When it was found late, once for each deadline, and why.
    pub late_at: Option<Time>,
    pub late_code: Option<String>,
    pub late_message: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub started_at: Option<Time>,
    pub completed_at: Option<Time>,
    /// When it came into the queue last.
    pub queued_at: Option<Time>,
    /// How many wake-ups among agents led to it, one by the other, since an operator's act.
    pub chain: i64,
    /// What its own sessions used, and what those of everything below it used with them.
    pub used: Used,
    pub all_used: Used,
    /// Of the live claim, read along.
    pub lease_expires_at: Option<Time>,
}

impl TaskRow {
    /// A task that nobody has said anything about yet.
    pub fn empty() -> Self {
        Self {
            id: TaskId(0),
            name: None,
            parent: None,
            depth: 0,
            title: String::new(),
            description: None,
            kind: Kind::General,
            priority: PRIORITY_DEFAULT,
            status: Status::Queued,
            assigned: None,
            claimed_by: None,
            session: None,
            created_by: String::new(),
            depends_on: None,
            required_tools: String::new(),
            result: None,
            error: None,
            blocked_kind: None,
            blocked_reason: None,
            blocked_until: None,
            attempts: 0,
            max_attempts: TASK_ATTEMPTS_MAX_DEFAULT,
            verification: Verification::None,
            rejections: 0,
            verifies: None,
            split_rounds: 0,
            agent_retries: 0,
            subtask_count: 0,
            open_subtasks: 0,
            open_dependencies: 0,
            backoff_until: None,
            wanted_not_before: None,
            deadline: None,
            late_at: None,
            late_code: None,
            late_message: None,
            created_at: Time(0),
            updated_at: Time(0),
            started_at: None,
            completed_at: None,
            queued_at: None,
            chain: 0,
            used: Used::default(),
            all_used: Used::default(),
            lease_expires_at: None,
        }
    }

    pub fn readiness(&self) -> Readiness {
        Readiness {
            status: self.status,
            open_dependencies: self.open_dependencies,
            subtasks: self.subtask_count,
            open_subtasks: self.open_subtasks,
            assigned: if self.assigned.is_some() { Assigned::Somebody } else { Assigned::Nobody },
        }
    }

    /// From when it may be offered: the wish and the back-off, whichever is later. Column `not_before`.
    pub fn offered_at(&self) -> Option<Time> {
        self.wanted_not_before.max(self.backoff_until)
    }

    pub fn is_open(&self) -> bool {
        self.status.is_open(self.verification)
    }

    pub fn is_accepted(&self) -> bool {
        self.status.is_accepted(self.verification)
    }

    pub fn required_tools(&self) -> Vec<String> {
        self.required_tools.split(',').filter(|tool| !tool.is_empty()).map(str::to_owned).collect()
    }
}

/// `select` with every column in the order of [`read`], and the lease of the live claim.
macro_rules! select_tasks {
    ($rest:literal) => {
        concat!(
            "select t.id, t.name, t.parent_id, t.depth, t.title, t.description, t.kind, t.priority, t.status, \
             t.assigned_agent, t.claimed_by, t.session, t.created_by, t.depends_on, t.required_tools, t.result, \
             t.error, t.blocked_kind, t.blocked_reason, t.blocked_until, t.attempts, t.max_attempts, t.verification, \
             t.rejections, t.verifies, t.split_rounds, t.agent_retries, t.subtask_count, t.open_subtasks, \
             t.open_dependencies, t.backoff_until, t.wanted_not_before, t.deadline_at, t.late_at, t.late_code, \
             t.late_message, t.created_at, t.updated_at, t.started_at, t.completed_at, t.queued_at, t.chain, \
             t.input_tokens, t.cached_tokens, t.output_tokens, t.cost_micro, t.all_input_tokens, \
             t.all_cached_tokens, t.all_output_tokens, t.all_cost_micro, s.lease_expires_at \
             from tasks t left join sessions s \
             on s.office_id = t.office_id and s.number = t.session and s.state = 'live' ",
            $rest
        )
    };
}

pub(super) use select_tasks;

fn read(row: &Row) -> Result<TaskRow, DbError> {
    let mut r = row.reader();
    Ok(TaskRow {
        id: r.take()?,
        name: r.take()?,
        parent: r.take()?,
        depth: r.take()?,
        title: r.take()?,
        description: r.take()?,
        kind: r.take()?,
        priority: r.take()?,
        status: r.take()?,
        assigned: r.take()?,
        claimed_by: r.take()?,
        session: r.take()?,
        created_by: r.take()?,
        depends_on: r.take()?,
        required_tools: r.take()?,
        result: r.take()?,
        error: r.take()?,
        blocked_kind: r.take()?,
        blocked_reason: r.take()?,
        blocked_until: r.take()?,
        attempts: r.take()?,
        max_attempts: r.take()?,
        verification: r.take()?,
        rejections: r.take()?,
        verifies: r.take()?,
        split_rounds: r.take()?,
        agent_retries: r.take()?,
        subtask_count: r.take()?,
        open_subtasks: r.take()?,
        open_dependencies: r.take()?,
        backoff_until: r.take()?,
        wanted_not_before: r.take()?,
        deadline: r.take()?,
        late_at: r.take()?,
        late_code: r.take()?,
        late_message: r.take()?,
        created_at: r.take()?,
        updated_at: r.take()?,
        started_at: r.take()?,
        completed_at: r.take()?,
        queued_at: r.take()?,
        chain: r.take()?,
        used: used(&mut r)?,
        all_used: used(&mut r)?,
        lease_expires_at: r.take()?,
    })
}

fn used(r: &mut Reader<'_>) -> Result<Used, DbError> {
    Ok(Used { input_tokens: r.take()?, cached_tokens: r.take()?, output_tokens: r.take()?, cost: Micro(r.take()?) })
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, id: TaskId) -> Result<Option<TaskRow>, DbError> {
    let sql = select_tasks!("where t.office_id = $1 and t.id = $2");
    tx.first(sql, args![office, id])?.as_ref().map(read).transpose()
}

pub fn by_name(tx: &mut dyn Tx, office: OfficeId, name: &TaskName) -> Result<Option<TaskRow>, DbError> {
    let sql = select_tasks!("where t.office_id = $1 and t.name = $2");
    tx.first(sql, args![office, name.as_str()])?.as_ref().map(read).transpose()
}

/// Most tasks have none, so it isn't part of [`insert`].
pub fn save_name(tx: &mut dyn Tx, office: OfficeId, id: TaskId, name: &TaskName) -> Result<(), DbError> {
    tx.execute("update tasks set name = $3 where office_id = $1 and id = $2", args![office, id, name.as_str()])?;
    Ok(())
}

pub fn insert(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow) -> Result<(), DbError> {
    let sql = "insert into tasks (office_id, id, parent_id, depth, title, description, kind, priority, status, \
               assigned_agent, created_by, depends_on, required_tools, blocked_kind, blocked_reason, max_attempts, \
               verification, open_dependencies, ready, created_at, updated_at, verifies, not_before, \
               wanted_not_before, deadline_at, queued_at, chain) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
               $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)";
    tx.execute(
        sql,
        args![
            office,
            task.id,
            task.parent,
            task.depth,
            &task.title,
            task.description.as_ref(),
            task.kind.as_str(),
            task.priority,
            task.status.as_str(),
            task.assigned.as_ref(),
            &task.created_by,
            task.depends_on.as_ref(),
            &task.required_tools,
            task.blocked_kind.map(BlockedKind::as_str),
            task.blocked_reason.as_ref(),
            task.max_attempts,
            task.verification.as_str(),
            task.open_dependencies,
            task.readiness().is_ready(),
            task.created_at,
            task.updated_at,
            task.verifies,
            task.offered_at(),
            task.wanted_not_before,
            task.deadline,
            task.created_at,
            task.chain,
        ],
    )?;
    Ok(())
}

/// Most tasks are made by people, so it isn't part of [`insert`].
pub fn save_maker(tx: &mut dyn Tx, office: OfficeId, id: TaskId, made_in: TaskId) -> Result<(), DbError> {
    tx.execute("update tasks set made_in = $3 where office_id = $1 and id = $2", args![office, id, made_in])?;
    Ok(())
}

/// Writes everything that moves change; titles and the like have [`save_edits`].
pub fn save(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow) -> Result<(), DbError> {
    let sql = "update tasks set status = $3, claimed_by = $4, session = $5, result = $6, error = $7, \
               blocked_kind = $8, blocked_reason = $9, attempts = $10, verification = $11, rejections = $12, \
               split_rounds = $13, agent_retries = $14, subtask_count = $15, open_subtasks = $16, \
               open_dependencies = $17, ready = $18, not_before = $19, updated_at = $20, started_at = $21, \
               completed_at = $22, assigned_agent = $23, blocked_until = $24, backoff_until = $25, \
               wanted_not_before = $26, queued_at = $27, chain = $28 where office_id = $1 and id = $2";
    tx.execute(
        sql,
        args![
            office,
            task.id,
            task.status.as_str(),
            task.claimed_by.as_ref(),
            task.session,
            task.result.as_ref(),
            task.error.as_ref(),
            task.blocked_kind.map(BlockedKind::as_str),
            task.blocked_reason.as_ref(),
            task.attempts,
            task.verification.as_str(),
            task.rejections,
            task.split_rounds,
            task.agent_retries,
            task.subtask_count,
            task.open_subtasks,
            task.open_dependencies,
            task.readiness().is_ready(),
            task.offered_at(),
            task.updated_at,
            task.started_at,
            task.completed_at,
            task.assigned.as_ref(),
            task.blocked_until,
            task.backoff_until,
            task.wanted_not_before,
            task.queued_at,
            task.chain,
        ],
    )?;
    Ok(())
}

pub fn save_edits(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow) -> Result<(), DbError> {
    let sql = "update tasks set title = $3, description = $4, priority = $5, depends_on = $6, required_tools = $7, \
               updated_at = $8 where office_id = $1 and id = $2";
    tx.execute(
        sql,
        args![
            office,
            task.id,
            &task.title,
            task.description.as_ref(),
            task.priority,
            task.depends_on.as_ref(),
            &task.required_tools,
            task.updated_at,
        ],
    )?;
    Ok(())
}

/// Ready tasks for an agent, its own first, then open ones; within each by priority and age.
pub fn ready_assigned(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: &AgentName,
    now: Time,
    most: i64,
) -> Result<Vec<TaskRow>, DbError> {
    let sql = select_tasks!(
        "where t.office_id = $1 and t.assigned_agent = $2 and t.ready = 1 \
         and (t.not_before is null or t.not_before <= $3) order by t.priority, t.id limit $4"
    );
    tx.query(sql, args![office, agent, now, most])?.iter().map(read).collect()
}

pub fn ready_open(tx: &mut dyn Tx, office: OfficeId, now: Time, most: i64) -> Result<Vec<TaskRow>, DbError> {
    let sql = select_tasks!(
        "where t.office_id = $1 and t.assigned_agent is null and t.ready = 1 \
         and (t.not_before is null or t.not_before <= $2) order by t.priority, t.id limit $3"
    );
    tx.query(sql, args![office, now, most])?.iter().map(read).collect()
}

/// Whether there is a ready task for the agent or for anybody.
pub fn any_ready(tx: &mut dyn Tx, office: OfficeId, agent: &AgentName, now: Time) -> Result<bool, DbError> {
    let sql = "select cast(1 as bigint) where exists (select 1 from tasks where office_id = $1 and assigned_agent = $2 and ready = 1 \
               and (not_before is null or not_before <= $3)) \
               or exists (select 1 from tasks where office_id = $1 and assigned_agent is null and ready = 1 \
               and (not_before is null or not_before <= $3))";
    Ok(tx.first(sql, args![office, agent, now])?.is_some())
}

/// Whether something that is not over is assigned to the agent, or was begun by it: done, it may still be sent back.
pub fn any_open_of(tx: &mut dyn Tx, office: OfficeId, agent: &AgentName) -> Result<bool, DbError> {
    let sql = "select id from tasks where office_id = $1 and (assigned_agent = $2 or claimed_by = $2) \
               and (status in ('queued', 'claimed', 'running', 'blocked') \
               or (status = 'done' and verification = 'pending')) limit 1";
    Ok(tx.first(sql, args![office, agent])?.is_some())
}

pub fn children(tx: &mut dyn Tx, office: OfficeId, parent: TaskId) -> Result<Vec<TaskRow>, DbError> {
    let sql = select_tasks!("where t.office_id = $1 and t.parent_id = $2 order by t.id");
    tx.query(sql, args![office, parent])?.iter().map(read).collect()
}

pub fn dependencies(tx: &mut dyn Tx, office: OfficeId, id: TaskId) -> Result<Vec<TaskRow>, DbError> {
    let sql = select_tasks!(
        "where t.office_id = $1 and t.id in \
         (select depends_on from task_dependencies where office_id = $1 and task_id = $2) order by t.id"
    );
    tx.query(sql, args![office, id])?.iter().map(read).collect()
}

pub fn dependents(tx: &mut dyn Tx, office: OfficeId, id: TaskId) -> Result<Vec<TaskRow>, DbError> {
    let sql = select_tasks!(
        "where t.office_id = $1 and t.id in \
         (select task_id from task_dependencies where office_id = $1 and depends_on = $2) order by t.id"
    );
    tx.query(sql, args![office, id])?.iter().map(read).collect()
}

pub fn dependent_ids(tx: &mut dyn Tx, office: OfficeId, id: TaskId) -> Result<Vec<TaskId>, DbError> {
    let sql = "select task_id from task_dependencies where office_id = $1 and depends_on = $2 order by task_id";
    tx.query(sql, args![office, id])?.iter().map(|row| row.get(0)).collect()
}

pub fn dependency_ids(tx: &mut dyn Tx, office: OfficeId, id: TaskId) -> Result<Vec<TaskId>, DbError> {
    let sql = "select depends_on from task_dependencies where office_id = $1 and task_id = $2 order by depends_on";
    tx.query(sql, args![office, id])?.iter().map(|row| row.get(0)).collect()
}

pub fn add_dependency(tx: &mut dyn Tx, office: OfficeId, task: TaskId, on: TaskId) -> Result<(), DbError> {
    let sql = "insert into task_dependencies (office_id, task_id, depends_on) values ($1, $2, $3)";
    tx.execute(sql, args![office, task, on])?;
    Ok(())
}

pub fn clear_dependencies(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<(), DbError> {
    tx.execute("delete from task_dependencies where office_id = $1 and task_id = $2", args![office, task])?;
    Ok(())
}

/// The newest review that the server asked for of this task.
pub fn review_of(tx: &mut dyn Tx, office: OfficeId, id: TaskId) -> Result<Option<TaskRow>, DbError> {
    let sql = select_tasks!("where t.office_id = $1 and t.verifies = $2 order by t.id desc limit 1");
    tx.first(sql, args![office, id])?.as_ref().map(read).transpose()
}

/// Blocks whose time is over, in all offices, after one of them.
pub fn blocks_over(
    tx: &mut dyn Tx,
    now: Time,
    after: Option<(OfficeId, TaskId)>,
    most: i64,
) -> Result<Vec<(OfficeId, TaskId)>, DbError> {
    let sql = "select office_id, id from tasks where status = 'blocked' and blocked_until is not null \
               and blocked_until <= $1 and (office_id > $3 or (office_id = $3 and id > $4)) \
               order by office_id, id limit $2";
    let (office, task) = place(after);
    tx.query(sql, args![now, most, office, task])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Where a sweep goes on, as rows say it; before all of them if nowhere.
fn place(after: Option<(OfficeId, TaskId)>) -> (String, i64) {
    after.map_or_else(Default::default, |(office, task)| (office.0.simple().to_string(), task.0))
}
