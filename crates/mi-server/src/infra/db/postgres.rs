//! The scale-out engine: a few threads with a PostgreSQL client each.
//!
//! `synchronous_commit=on`, READ COMMITTED: every act of an office begins by
//! locking the office's row, so acts of one office stand in a queue and those of
//! different offices don't. A transaction that PostgreSQL gives up (40001, 40P01)
//! is run again.

use std::collections::HashMap;

use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Client, NoTls, Statement, Transaction};

use super::crew::{Crew, Queue};
use super::{DbError, Job, Row, Tx, Value, Wish, migrate};

const WRITERS: usize = 4;
const READERS: usize = 2;
const READ_WRITE: &str = "set default_transaction_read_only = off";
const READ_ONLY: &str = "set default_transaction_read_only = on";
/// How often a transaction is begun again before its caller is told.
const TRIES_MAX: usize = 10;

/// Several servers (and tests) may share a database, each in a schema of its own.
pub(super) fn open(url: &str, schema: &str) -> Result<Crew, DbError> {
    let mut first = connect(url, schema)?;
    migrate::postgres(&mut first)?;
    drop(first);
    let crew = Crew::default();
    for _ in 0..WRITERS {
        let client = session(url, schema, READ_WRITE)?;
        crew.writer(move |queue| work_loop(queue, client))?;
    }
    for _ in 0..READERS {
        let client = session(url, schema, READ_ONLY)?;
        crew.reader(move |queue| work_loop(queue, client))?;
    }
    Ok(crew)
}

fn connect(url: &str, schema: &str) -> Result<Client, DbError> {
    let legal = !schema.is_empty() && schema.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !legal {
        return Err(DbError::Other("a schema name is made of a-z, 0-9 and _".to_owned()));
    }
    let mut client = Client::connect(url, NoTls).map_err(translate)?;
    let prepare = format!(
        "set synchronous_commit = on; set client_min_messages = warning; \
         create schema if not exists {schema}; set search_path to {schema}"
    );
    client.batch_execute(&prepare).map_err(translate)?;
    Ok(client)
}

fn session(url: &str, schema: &str, mode: &'static str) -> Result<Client, DbError> {
    let mut client = connect(url, schema)?;
    client.batch_execute(mode).map_err(translate)?;
    Ok(client)
}

fn work_loop(queue: &Queue, mut client: Client) {
    let mut statements = HashMap::new();
    while let Some(job) = queue.take(1).pop() {
        carry_out(&mut client, &mut statements, job);
    }
}

type Statements = HashMap<(*const u8, Lock), Statement>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lock {
    Free,
    ForUpdate,
}

fn carry_out(client: &mut Client, statements: &mut Statements, mut job: Box<dyn Job>) {
    let mut outcome = Err(DbError::Closed);
    for _ in 0..TRIES_MAX {
        outcome = attempt(client, statements, job.as_mut());
        if !matches!(outcome, Err(DbError::Again(_))) {
            break;
        }
    }
    job.answer(outcome);
}

fn attempt(client: &mut Client, statements: &mut Statements, job: &mut dyn Job) -> Result<(), DbError> {
    let transaction = client.transaction().map_err(translate)?;
    let mut tx = PostgresTx { transaction, statements };
    match job.run(&mut tx) {
        Wish::Keep => tx.transaction.commit().map_err(translate),
        Wish::Undo => tx.transaction.rollback().map_err(translate),
        Wish::Again => {
            tx.transaction.rollback().map_err(translate)?;
            Err(DbError::Again("the transaction was given up".to_owned()))
        }
    }
}

struct PostgresTx<'a> {
    transaction: Transaction<'a>,
    statements: &'a mut Statements,
}

impl PostgresTx<'_> {
    fn prepare(&mut self, sql: &'static str, lock: Lock) -> Result<Statement, DbError> {
        let key = (sql.as_ptr(), lock);
        if let Some(statement) = self.statements.get(&key) {
            return Ok(statement.clone());
        }
        let text = match lock {
            Lock::Free => sql.to_owned(),
            Lock::ForUpdate => format!("{sql} for update"),
        };
        let statement = self.transaction.prepare(&text).map_err(translate)?;
        self.statements.insert(key, statement.clone());
        Ok(statement)
    }

    fn rows(&mut self, sql: &'static str, params: &[Value], lock: Lock) -> Result<Vec<Row>, DbError> {
        let statement = self.prepare(sql, lock)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        self.transaction.query(&statement, &params).map_err(translate)?.iter().map(own).collect()
    }
}

impl Tx for PostgresTx<'_> {
    fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.rows(sql, params, Lock::Free)
    }

    fn query_for_update(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.rows(sql, params, Lock::ForUpdate)
    }

    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DbError> {
        let statement = self.prepare(sql, Lock::Free)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        self.transaction.execute(&statement, &params).map_err(translate)
    }
}

fn own(row: &::postgres::Row) -> Result<Row, DbError> {
    let columns = row.columns().iter().enumerate();
    let values = columns.map(|(i, column)| own_value(row, i, column.type_())).collect::<Result<_, _>>()?;
    Ok(Row::new(values))
}

fn own_value(row: &::postgres::Row, index: usize, column: &Type) -> Result<Value, DbError> {
    let value = match *column {
        Type::INT8 => row.try_get::<_, Option<i64>>(index).map(|n| n.map_or(Value::Null, Value::Int)),
        Type::INT4 => row.try_get::<_, Option<i32>>(index).map(|n| n.map_or(Value::Null, |n| Value::Int(n.into()))),
        Type::TEXT | Type::VARCHAR => {
            row.try_get::<_, Option<String>>(index).map(|text| text.map_or(Value::Null, Value::Text))
        }
        _ => return Err(DbError::Shape(format!("a column of type {column}, outside the portable subset"))),
    };
    value.map_err(|error| DbError::Shape(error.to_string()))
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut ::postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(n) if *kind == Type::INT4 => i32::try_from(*n)?.to_sql(kind, out),
            Value::Int(n) => n.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Foreign(what) => Err((*what).into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::TEXT | Type::VARCHAR)
    }

    to_sql_checked!();
}

pub(super) fn translate(error: ::postgres::Error) -> DbError {
    let text =
        error.as_db_error().map_or_else(|| error.to_string(), |e| format!("{}: {}", e.code().code(), e.message()));
    match error.code().map(::postgres::error::SqlState::code) {
        Some("40001" | "40P01") => DbError::Again(text),
        Some("23505") => DbError::Conflict(text),
        Some("53100") => DbError::Full(text),
        // Our texts are UTF-8, so this can only be a NUL.
        Some("22021") => DbError::Nul,
        _ => DbError::Other(text),
    }
}
