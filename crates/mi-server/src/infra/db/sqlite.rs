//! The embedded engine: one writer thread with group commit, a few readers.
//!
//! The writer drains its queue into one transaction, a savepoint per job, and
//! answers after COMMIT: a hundred clients share one fsync, and a job that fails
//! or panics is rolled back alone. WAL with `synchronous=FULL`: `NORMAL` loses
//! acknowledged commits at a power cut.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags};

use super::crew::{Crew, Queue};
use super::{DbError, Job, Row, Tx, Value, Wish, migrate};

/// Jobs that share one COMMIT at most.
const BATCH_JOBS_MAX: usize = 256;
const READERS: usize = 2;
const STATEMENTS_CACHED: usize = 256;
const BUSY_TIMEOUT_MS: u64 = 5_000;

/// When a commit is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// When it is on disk.
    Full,
    /// When the system has it: for tests.
    #[cfg(any(test, feature = "testing"))]
    None,
}

impl Durability {
    const fn pragma(self) -> &'static str {
        match self {
            Durability::Full => "pragma synchronous = full;",
            #[cfg(any(test, feature = "testing"))]
            Durability::None => "pragma synchronous = off;",
        }
    }
}

pub(super) fn open(path: &Path, durability: Durability) -> Result<Crew, DbError> {
    let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    writer.execute_batch(durability.pragma()).map_err(translate)?;
    migrate::sqlite(&mut writer)?;
    let crew = Crew::default();
    crew.writer(move |queue| write_loop(queue, &writer))?;
    for _ in 0..READERS {
        let reader = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        crew.reader(move |queue| read_loop(queue, &reader))?;
    }
    Ok(crew)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, DbError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(translate)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS)).map_err(translate)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Plans must not depend on bound values: otherwise every new `limit $3` prepares its statement anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(translate)?;
    let settings = "pragma journal_mode = wal; pragma foreign_keys = on; \
                    pragma temp_store = memory; pragma cache_size = -8192; pragma wal_autocheckpoint = 4000;";
    connection.execute_batch(settings).map_err(translate)?;
    Ok(connection)
}

fn write_loop(queue: &Queue, connection: &Connection) {
    let places = Places::default();
    loop {
        let jobs = queue.take(BATCH_JOBS_MAX);
        if jobs.is_empty() {
            return;
        }
        write_batch(connection, &places, jobs);
    }
}

/// Runs the jobs in one transaction; each hears of its own fate after COMMIT.
fn write_batch(connection: &Connection, places: &Places, mut jobs: Vec<Box<dyn Job>>) {
    let outcome = run_batch(connection, places, &mut jobs);
    if outcome.is_err() && !connection.is_autocommit() {
        log_failure("rollback", run(connection, "rollback"));
    }
    for job in jobs {
        job.answer(match &outcome {
            Ok(()) => Ok(()),
            Err(DbError::Full(text)) => Err(DbError::Full(text.clone())),
            Err(error) => Err(DbError::Other(error.to_string())),
        });
    }
}

fn run_batch(connection: &Connection, places: &Places, jobs: &mut [Box<dyn Job>]) -> Result<(), DbError> {
    run(connection, "begin immediate")?;
    for job in jobs {
        run(connection, "savepoint job")?;
        match job.run(&mut SqliteTx { connection, places }) {
            Wish::Keep => run(connection, "release job")?,
            Wish::Undo | Wish::Again => {
                // A full disk may have rolled everything back already: then nobody's work is kept.
                if connection.is_autocommit() {
                    return Err(DbError::Full("the transaction was given up by the store".to_owned()));
                }
                run(connection, "rollback to job")?;
                run(connection, "release job")?;
            }
        }
    }
    let lost = sabotage!(ReplyBeforeCommit) && connection.last_insert_rowid() % 16 == 7;
    run(connection, if lost { "rollback" } else { "commit" })
}

fn run(connection: &Connection, sql: &'static str) -> Result<(), DbError> {
    connection.prepare_cached(sql).map_err(translate)?.execute([]).map(|_| ()).map_err(translate)
}

fn read_loop(queue: &Queue, connection: &Connection) {
    let places = Places::default();
    loop {
        let Some(mut job) = queue.take(1).pop() else { return };
        let opened = run(connection, "begin");
        if opened.is_ok() {
            job.run(&mut SqliteTx { connection, places: &places });
            log_failure("commit of a read", run(connection, "commit"));
        }
        job.answer(opened);
    }
}

fn log_failure(what: &str, result: Result<(), DbError>) {
    if let Err(error) = result {
        tracing::error!(%error, "{what} failed");
    }
}

/// Where `$1`, `$2`… of each statement stand: SQLite numbers names by first appearance, so they are bound by name,
/// and looking names up at each use would cost more than the binding.
#[derive(Default)]
struct Places {
    known: RefCell<HashMap<*const u8, Rc<[usize]>>>,
}

impl Places {
    fn of(&self, sql: &'static str, statement: &CachedStatement<'_>, count: usize) -> Result<Rc<[usize]>, DbError> {
        if let Some(places) = self.known.borrow().get(&sql.as_ptr()).filter(|places| places.len() == count) {
            return Ok(Rc::clone(places));
        }
        let places = (1..=count).map(|number| place(statement, number)).collect::<Result<Rc<[usize]>, _>>()?;
        self.known.borrow_mut().insert(sql.as_ptr(), Rc::clone(&places));
        Ok(places)
    }
}

fn place(statement: &CachedStatement<'_>, number: usize) -> Result<usize, DbError> {
    let index = statement.parameter_index(&format!("${number}")).map_err(translate)?;
    index.ok_or_else(|| DbError::Shape(format!("the statement has no ${number}")))
}

struct SqliteTx<'a> {
    connection: &'a Connection,
    places: &'a Places,
}

impl SqliteTx<'_> {
    fn prepare(&self, sql: &'static str, params: &[Value]) -> Result<CachedStatement<'_>, DbError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(translate)?;
        let places = self.places.of(sql, &statement, params.len())?;
        for (index, value) in places.iter().zip(params) {
            let bound = match value {
                Value::Null => statement.raw_bind_parameter(*index, rusqlite::types::Null),
                Value::Int(n) => statement.raw_bind_parameter(*index, n),
                Value::Text(text) if text.contains('\0') => return Err(DbError::Nul),
                Value::Text(text) => statement.raw_bind_parameter(*index, text),
                Value::Foreign(what) => return Err(DbError::Shape((*what).to_owned())),
            };
            bound.map_err(translate)?;
        }
        Ok(statement)
    }
}

impl Tx for SqliteTx<'_> {
    fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let mut statement = self.prepare(sql, params)?;
        let width = statement.column_count();
        let mut rows = statement.raw_query();
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(translate)? {
            let values = (0..width).map(|i| row.get_ref(i).map(own).map_err(translate)).collect::<Result<_, _>>()?;
            out.push(Row::new(values));
        }
        Ok(out)
    }

    /// There is one writer, so every row is already ours.
    fn query_for_update(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.query(sql, params)
    }

    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DbError> {
        let mut statement = self.prepare(sql, params)?;
        statement.raw_execute().map(|n| n as u64).map_err(translate)
    }
}

fn own(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Foreign("a text that is not UTF-8"),
        },
        ValueRef::Real(_) | ValueRef::Blob(_) => Value::Foreign("a type outside the portable subset"),
    }
}

pub(super) fn translate(error: rusqlite::Error) -> DbError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => DbError::Full(text),
        Some(ErrorCode::ConstraintViolation) => DbError::Conflict(text),
        _ => DbError::Other(text),
    }
}
