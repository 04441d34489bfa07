//! What tests look at across offices, beside every fence.

use mi_core::ids::{AgentId, AgentName, OfficeId, UserId};
use mi_core::time::Time;

use crate::args;
use crate::infra::db::{DbError, Row, Tx};

/// What sweeps may change, one line each.
pub fn print(tx: &mut dyn Tx) -> Result<Vec<String>, DbError> {
    let sql = "select o.id, o.event_seq, o.row_seq, p.agent_id, p.desired, p.observed, p.epoch, p.crashes \
               from offices o left join pods p on p.office_id = o.id order by o.id, p.agent_id";
    Ok(tx.query(sql, args![])?.iter().map(|row| format!("{row:?}")).collect())
}

/// Agents that are not fired.
pub fn agents(tx: &mut dyn Tx) -> Result<Vec<(OfficeId, AgentName)>, DbError> {
    let sql = "select office_id, name from agents where fired_at is null";
    tx.query(sql, args![])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

pub fn live_sessions(tx: &mut dyn Tx) -> Result<Vec<String>, DbError> {
    let sql = "select number, agent, task_id from sessions where state = 'live' order by office_id, number";
    lines(tx, sql)
}

pub fn offices(tx: &mut dyn Tx) -> Result<Vec<OfficeId>, DbError> {
    tx.query("select id from offices order by id", args![])?.iter().map(|row| row.get(0)).collect()
}

/// Each gives the rows that break it.
const RULES: [(&str, &str); 22] = [
    (
        "subtasks are counted",
        "select p.office_id, p.id, p.subtask_count, p.open_subtasks, count(c.id) from tasks p left join tasks c \
         on c.office_id = p.office_id and c.parent_id = p.id \
         group by p.office_id, p.id, p.subtask_count, p.open_subtasks having p.subtask_count <> count(c.id) \
         or p.open_subtasks <> cast(sum(case when c.status in ('queued', 'claimed', 'running', 'blocked') \
         or (c.status = 'done' and c.verification = 'pending') then 1 else 0 end) as bigint)",
    ),
    (
        "open dependencies are counted",
        "select t.office_id, t.id, t.open_dependencies from tasks t where t.open_dependencies <> \
         (select count(*) from task_dependencies d join tasks o on o.office_id = d.office_id and o.id = d.depends_on \
         where d.office_id = t.office_id and d.task_id = t.id \
         and not (o.status = 'done' and o.verification in ('none', 'accepted')))",
    ),
    (
        "ready means claimable",
        "select office_id, id, status, ready from tasks where ready <> case when status = 'queued' \
         and open_dependencies = 0 and open_subtasks = 0 and (subtask_count = 0 or assigned_agent is not null) \
         then 1 else 0 end",
    ),
    (
        "what waits for something broken is blocked",
        "select t.office_id, t.id, o.id, o.status from tasks t \
         join task_dependencies d on d.office_id = t.office_id and d.task_id = t.id \
         join tasks o on o.office_id = d.office_id and o.id = d.depends_on \
         where t.status = 'queued' and o.status in ('failed', 'cancelled')",
    ),
    (
        "a task has at most one live session",
        "select office_id, task_id, count(*) from sessions where state = 'live' and task_id is not null \
         group by office_id, task_id having count(*) > 1",
    ),
    (
        "a held task has its live session",
        "select t.office_id, t.id, t.status, t.session from tasks t left join sessions s \
         on s.office_id = t.office_id and s.number = t.session and s.state in ('live', 'lapsed') \
         where t.status in ('claimed', 'running') and s.number is null",
    ),
    (
        "a live session holds its task",
        "select s.office_id, s.number, s.task_id, t.status from sessions s join tasks t \
         on t.office_id = s.office_id and t.id = s.task_id \
         where s.state = 'live' and (t.status not in ('claimed', 'running') or t.session <> s.number)",
    ),
    (
        "done means a result",
        "select office_id, id from tasks where status = 'done' and (result is null or trim(result) = '')",
    ),
    (
        "checks are due for what waits for them only",
        "select r.office_id, r.task_id, r.generation, t.status from check_rounds r join tasks t \
         on t.office_id = r.office_id and t.id = r.task_id \
         where r.state = 'open' and not (t.status = 'done' and t.verification = 'pending')",
    ),
    ("attempts stay within their limit", "select office_id, id, attempts from tasks where attempts > max_attempts"),
    (
        "a fired agent holds no claim",
        "select a.office_id, a.name, s.number from agents a join sessions s \
         on s.office_id = a.office_id and s.agent_id = a.id where a.fired_at is not null and s.state = 'live'",
    ),
    (
        "an agent's live sessions are counted",
        "select a.office_id, a.name, a.live_sessions, count(s.number) from agents a left join sessions s \
         on s.office_id = a.office_id and s.agent_id = a.id and s.state = 'live' \
         group by a.office_id, a.name, a.id, a.live_sessions having a.live_sessions <> count(s.number)",
    ),
    (
        "agents are counted",
        "select o.id, o.agent_count, count(a.id) from offices o left join agents a \
         on a.office_id = o.id and a.fired_at is null group by o.id, o.agent_count having o.agent_count <> count(a.id)",
    ),
    (
        "the balance is the sum of the ledger",
        "select o.id, o.balance_micro, cast(coalesce(sum(l.amount_micro), 0) as bigint) from offices o \
         left join credits_ledger l on l.office_id = o.id group by o.id, o.balance_micro \
         having o.balance_micro <> coalesce(sum(l.amount_micro), 0)",
    ),
    (
        "each line of the ledger goes on from the one before",
        "select * from (select office_id, id, balance_after_micro, cast(sum(amount_micro) over \
         (partition by office_id order by id) as bigint) as so_far from credits_ledger) l where balance_after_micro <> so_far",
    ),
    (
        "neither the balance nor what is available is below zero",
        "select id, balance_micro, held_micro from offices \
         where balance_micro < 0 or held_micro < 0 or held_micro > balance_micro",
    ),
    (
        "what is put aside belongs to calls under way and to time of pods",
        "select o.id, o.held_micro from offices o where o.held_micro <> \
         (select coalesce(sum(held_micro), 0) from llm_calls c where c.office_id = o.id and c.state = 'reserved') \
         + (select coalesce(sum(owed_micro), 0) from pods p where p.office_id = o.id)",
    ),
    (
        "the ledger pays what calls cost",
        "select o.id from offices o where \
         (select coalesce(sum(cost_micro), 0) from llm_calls c where c.office_id = o.id and c.state <> 'reserved') <> \
         (select -coalesce(sum(amount_micro), 0) from credits_ledger l where l.office_id = o.id and l.kind = 'model')",
    ),
    (
        "no call costs more than was put aside for it",
        "select office_id, id, cost_micro, held_micro from llm_calls where cost_micro > held_micro",
    ),
    (
        "usage is what calls cost",
        "select o.id from offices o where \
         (select coalesce(sum(cost_micro), 0) from llm_calls c where c.office_id = o.id) <> \
         (select coalesce(sum(cost_micro), 0) from usage_days u where u.office_id = o.id and u.kind = 'model')",
    ),
    (
        "an agent's budget counts what everybody below it costs and holds",
        "with recursive below (office_id, owner, id) as (select office_id, subject, subject from purses \
         where kind = 'agent' union select a.office_id, b.owner, a.id from agents a join below b \
         on a.office_id = b.office_id and a.hirer_id = b.id) \
         select p.office_id, p.subject, p.spent_micro, p.held_micro from purses p where p.kind = 'agent' and ( \
         p.spent_micro <> (select coalesce(sum(c.cost_micro), 0) from llm_calls c join below b \
         on b.office_id = c.office_id and b.id = c.agent_id where b.office_id = p.office_id and b.owner = p.subject) \
         or p.held_micro <> (select coalesce(sum(c.held_micro), 0) from llm_calls c join below b \
         on b.office_id = c.office_id and b.id = c.agent_id where b.office_id = p.office_id and b.owner = p.subject \
         and c.state = 'reserved'))",
    ),
    (
        "a task's budget counts what everything below it costs and holds",
        "with recursive below (office_id, owner, id) as (select office_id, subject, cast(subject as bigint) from purses \
         where kind = 'task' union select t.office_id, b.owner, t.id from tasks t join below b \
         on t.office_id = b.office_id and (t.parent_id = b.id or t.made_in = b.id)) \
         select p.office_id, p.subject, p.spent_micro, p.held_micro from purses p where p.kind = 'task' and ( \
         p.spent_micro <> (select coalesce(sum(c.cost_micro), 0) from llm_calls c join below b \
         on b.office_id = c.office_id and b.id = c.task_id where b.office_id = p.office_id and b.owner = p.subject) \
         or p.held_micro <> (select coalesce(sum(c.held_micro), 0) from llm_calls c join below b \
         on b.office_id = c.office_id and b.id = c.task_id where b.office_id = p.office_id and b.owner = p.subject \
         and c.state = 'reserved'))",
    ),
];

/// Which rules are broken, and where.
pub fn broken_rules(tx: &mut dyn Tx) -> Result<Vec<String>, DbError> {
    let mut broken = Vec::new();
    for (rule, sql) in RULES {
        broken.extend(lines(tx, sql)?.into_iter().map(|row| format!("{rule}: {row}")));
    }
    Ok(broken)
}

/// Tasks of an office by status, counted.
pub fn task_counts(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<(String, i64)>, DbError> {
    let sql = "select status, count(*) from tasks where office_id = $1 group by status order by status";
    tx.query(sql, args![office])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

fn lines(tx: &mut dyn Tx, sql: &'static str) -> Result<Vec<String>, DbError> {
    Ok(tx.query(sql, args![])?.iter().map(show).collect())
}

fn show(row: &Row) -> String {
    format!("{row:?}")
}

/// Every row of every table: the table's name, then its columns.
pub fn everything(tx: &mut dyn Tx) -> Result<Vec<String>, DbError> {
    let mut found = Vec::new();
    for table in tables() {
        // Statements are constants; this leak is as long as the test.
        let sql: &'static str = format!("select * from {table}").leak();
        found.extend(tx.query(sql, args![])?.iter().map(|row| format!("{table}: {}", show(row))));
    }
    Ok(found)
}

/// Of the migrations, in their order.
fn tables() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.map(|path| std::fs::read_to_string(path).unwrap()).collect::<String>();
    let names = texts.split("create table ").skip(1).filter_map(|rest| rest.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// Blocks.
pub fn drop_schema(url: &str, schema: &str) {
    let mut client = ::postgres::Client::connect(url, ::postgres::NoTls).unwrap();
    client.batch_execute(&format!("drop schema {schema} cascade")).unwrap();
}

pub fn add_user(tx: &mut dyn Tx, user: UserId, now: Time) -> Result<(), DbError> {
    let name = format!("stranger-{}", user.0.simple());
    tx.execute("insert into users (id, name, created_at) values ($1, $2, $3)", args![user, name, now])?;
    Ok(())
}

/// From now on the key opens this office only.
pub fn scope_key(tx: &mut dyn Tx, hash: &str, office: OfficeId) -> Result<(), DbError> {
    tx.execute("update api_keys set scoped = 1 where hash = $1", args![hash])?;
    let sql = "insert into api_key_offices (office_id, key_id) select $2, id from api_keys where hash = $1";
    tx.execute(sql, args![hash, office])?;
    Ok(())
}

pub fn add_agent_key(tx: &mut dyn Tx, hash: &str, office: OfficeId, agent: AgentId, now: Time) -> Result<(), DbError> {
    let sql = "insert into agent_keys (office_id, id, agent_id, kind, hash, prefix, created_at) \
               values ($1, substr($3, 1, 32), $2, 'api', $3, 'mia_', $4)";
    tx.execute(sql, args![office, agent, hash, now])?;
    Ok(())
}

pub fn add_key(
    tx: &mut dyn Tx,
    hash: &str,
    user: UserId,
    now: Time,
    expires: Option<Time>,
    revoked: Option<Time>,
) -> Result<(), DbError> {
    let sql = "insert into api_keys (hash, id, user_id, name, prefix, created_at, expires_at, revoked_at) \
               values ($1, substr($1, 1, 32), $2, 'test', 'mi_', $3, $4, $5)";
    tx.execute(sql, args![hash, user, now, expires, revoked])?;
    Ok(())
}

pub fn give_office(tx: &mut dyn Tx, office: OfficeId, user: UserId) -> Result<(), DbError> {
    tx.execute("update offices set owner_id = $2 where id = $1", args![office, user])?;
    Ok(())
}

pub fn set_settings(tx: &mut dyn Tx, office: OfficeId, settings: &str) -> Result<(), DbError> {
    tx.execute("update offices set settings = $2 where id = $1", args![office, settings]).map(drop)
}

/// From now on the agent lives elsewhere, and its pod never was.
pub fn move_out(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<(), DbError> {
    tx.execute("delete from pods where office_id = $1 and agent_id = $2", args![office, agent])?;
    let sql = "update agents set kind = 'external' where office_id = $1 and id = $2";
    tx.execute(sql, args![office, agent])?;
    Ok(())
}

pub fn nonces(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    let row = tx.first("select count(*) from nonces where office_id = $1", args![office])?;
    row.map_or(Ok(0), |row| row.get(0))
}

pub fn revoke_agent_keys(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, now: Time) -> Result<(), DbError> {
    let sql = "update agent_keys set revoked_at = $3 where office_id = $1 and agent_id = $2";
    tx.execute(sql, args![office, agent, now])?;
    Ok(())
}

/// Of all pairs that an agent has or had, this one counts.
pub fn prefer_pair(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, public_key: &str) -> Result<(), DbError> {
    let sql = "delete from agent_keys where office_id = $1 and agent_id = $2 and kind = 'public' and public_key <> $3";
    tx.execute(sql, args![office, agent, public_key])?;
    let sql = "update agent_keys set revoked_at = null where office_id = $1 and agent_id = $2 and public_key = $3";
    tx.execute(sql, args![office, agent, public_key])?;
    Ok(())
}
