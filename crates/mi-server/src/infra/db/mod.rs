//! The store: one way to read, one way to write, two engines behind one trait.
//!
//! A write is a short closure over [`Tx`], without IO or waiting; it commits
//! durably before its caller hears of it. Closures are `Fn`, because PostgreSQL
//! may ask for them again. SQL is a portable subset in lower case: `$1`, times as
//! milliseconds, ids and JSON as text, booleans as 0/1, money as micro-credits.
//!
//! SQL text lives in each concept's `store.rs`; this folder only carries it out.

mod crew;
pub mod examine;
mod migrate;
mod postgres;
mod row;
mod sqlite;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

pub use row::{Reader, Row, Value};

use crew::Crew;

use crate::infra::fault::{self, Fault};

/// What the engine has to say about a statement that failed. The text is for the log only.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("the disk is full: {0}")]
    Full(String),
    #[error("a unique value already exists: {0}")]
    Conflict(String),
    /// Try the whole transaction again.
    #[error("serialisation failure: {0}")]
    Again(String),
    #[error("a column of another type than expected: {0}")]
    Shape(String),
    /// PostgreSQL keeps no NUL in a text, so neither engine takes one.
    #[error("a text holds a NUL character")]
    Nul,
    #[error("the store is closed")]
    Closed,
    #[error("{0}")]
    Other(String),
}

/// One open transaction.
pub trait Tx {
    fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError>;

    /// As `query`, and nobody else changes these rows before this transaction ends.
    fn query_for_update(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError>;

    /// The number of rows changed.
    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DbError>;

    fn first(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, params)?.into_iter().next())
    }
}

/// `args![office, id.0, title]`: the parameters of a statement.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::infra::db::Value::from($value)),*] };
}

/// Where the store is.
#[derive(Debug, Clone)]
pub enum Location {
    /// A SQLite file; its folder exists.
    File(PathBuf),
    /// The same, but commits don't wait for the disk: for tests, which survive no power cut anyway.
    #[cfg(any(test, feature = "testing"))]
    Scratch(PathBuf),
    /// A PostgreSQL URL, and the schema to use in it.
    Postgres { url: String, schema: String },
}

/// What a job wants to become of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Keep,
    Undo,
    /// PostgreSQL asked for the whole transaction again.
    Again,
}

/// A closure with its waiting caller.
trait Job: Send {
    fn run(&mut self, tx: &mut dyn Tx) -> Wish;
    fn answer(self: Box<Self>, commit: Result<(), DbError>);
}

struct Write<T, F, A> {
    act: F,
    /// What follows from the commit, whether or not anybody still waits for the answer.
    after: A,
    result: Option<Result<T, Fault>>,
    reply: Option<oneshot::Sender<Result<T, Fault>>>,
}

impl<T, F, A> Job for Write<T, F, A>
where
    T: Send,
    F: Fn(&mut dyn Tx) -> Result<T, Fault> + Send,
    A: Fn(&T) + Send,
{
    fn run(&mut self, tx: &mut dyn Tx) -> Wish {
        let act = std::panic::AssertUnwindSafe(|| (self.act)(tx));
        let result = std::panic::catch_unwind(act).unwrap_or_else(|_| Err(fault::panicked()));
        let wish = match &result {
            Ok(_) => Wish::Keep,
            Err(fault) if fault.is_worth_repeating() => Wish::Again,
            Err(_) => Wish::Undo,
        };
        self.result = Some(result);
        wish
    }

    fn answer(self: Box<Self>, commit: Result<(), DbError>) {
        let result = match (self.result, commit) {
            (Some(Err(fault)), _) => Err(fault),
            (_, Err(error)) => Err(fault::store(error)),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(fault::store(DbError::Closed)),
        };
        if let Ok(value) = &result {
            (self.after)(value);
        }
        if let Some(reply) = self.reply
            && reply.send(result).is_err()
        {
            tracing::debug!("a caller went away before its write was answered");
        }
    }
}

/// The store of one server. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    crew: Arc<Crew>,
}

impl Db {
    /// Opens the store and brings its schema up to date. Blocks.
    pub fn open(location: &Location) -> Result<Self, DbError> {
        let crew = match location {
            Location::File(path) => sqlite::open(path, sqlite::Durability::Full)?,
            #[cfg(any(test, feature = "testing"))]
            Location::Scratch(path) => sqlite::open(path, sqlite::Durability::None)?,
            Location::Postgres { url, schema } => postgres::open(url, schema)?,
        };
        Ok(Self { crew: Arc::new(crew) })
    }

    /// Runs `act` in a transaction of its own; `Ok` means that it is on disk.
    pub async fn write<T, F>(&self, act: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
    {
        self.write_then(act, |_| {}).await
    }

    /// As `write`; `after` runs as soon as it is on disk, even if the caller has gone away meanwhile. It must not wait.
    pub async fn write_then<T, F, A>(&self, act: F, after: A) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
        A: Fn(&T) + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write { act, after, result: None, reply: Some(reply) });
        self.crew.submit(job).map_err(fault::store)?;
        answer.await.unwrap_or_else(|_| Err(fault::store(DbError::Closed)))
    }

    /// Runs `look` on a snapshot; what it changes is refused by the engine.
    pub async fn read<T, F>(&self, look: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write { act: look, after: |_: &T| {}, result: None, reply: Some(reply) });
        self.crew.submit_read(job).map_err(fault::store)?;
        answer.await.unwrap_or_else(|_| Err(fault::store(DbError::Closed)))
    }

    /// Finishes what was submitted and closes the files. Blocks.
    pub fn close(&self) {
        self.crew.close();
    }
}
