//! What both engines promise, asked of both: each test runs on SQLite, and on
//! PostgreSQL where `MI_TEST_DATABASE_URL` names one (as `./ci` does).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mi_core::problem::Code;

use super::*;
use crate::args;
use crate::infra::fault::Fault;

/// A store of its own, gone with the test.
pub struct Fresh {
    pub db: Db,
    postgres: Option<(String, String)>,
    _folder: tempfile::TempDir,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        self.db.close();
        if let Some((url, schema)) = &self.postgres {
            let mut client = ::postgres::Client::connect(url, ::postgres::NoTls).unwrap();
            client.batch_execute(&format!("drop schema {schema} cascade")).unwrap();
        }
    }
}

fn engines() -> Vec<Fresh> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut all = vec![sqlite()];
    if let Ok(url) = std::env::var("MI_TEST_DATABASE_URL") {
        let schema = format!("db_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let db = Db::open(&Location::Postgres { url: url.clone(), schema: schema.clone() }).unwrap();
        all.push(Fresh { db, postgres: Some((url, schema)), _folder: tempfile::tempdir().unwrap() });
    }
    all
}

fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&Location::File(folder.path().join("store.db"))).unwrap();
    Fresh { db, postgres: None, _folder: folder }
}

fn put(tx: &mut dyn Tx, key: &str, value: &str) -> Result<u64, DbError> {
    tx.execute("insert into server_state (key, value) values ($1, $2)", args![key, value])
}

fn value(tx: &mut dyn Tx, key: &str) -> Result<Option<String>, DbError> {
    tx.first("select value from server_state where key = $1", args![key])?.map(|row| row.get(0)).transpose()
}

fn refused() -> Fault {
    Fault::new(Code::BadRequest, "no")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn a_write_is_seen_by_the_next_read_and_a_refused_one_never() {
    for fresh in engines() {
        block_on(async {
            fresh.db.write(|tx| Ok(put(tx, "a", "1")?)).await.unwrap();
            let refused: Result<(), _> =
                fresh.db.write(|tx| put(tx, "b", "2").map_err(Fault::from).and(Err(refused()))).await;
            assert_eq!(refused.unwrap_err().code, Code::BadRequest);
            let seen = fresh.db.read(|tx| Ok((value(tx, "a")?, value(tx, "b")?))).await.unwrap();
            assert_eq!(seen, (Some("1".to_owned()), None));
        });
    }
}

#[test]
fn a_job_that_panics_or_breaks_a_constraint_falls_alone() {
    for fresh in engines() {
        block_on(async {
            let good = |n: i64| fresh.db.write(move |tx| Ok(put(tx, &format!("k{n}"), "x")?));
            let panics = fresh.db.write(|tx| -> Result<(), Fault> {
                put(tx, "p", "x")?;
                panic!("on purpose");
            });
            let twice = fresh.db.write(|tx| {
                put(tx, "t", "x")?;
                Ok(put(tx, "t", "y")?)
            });
            let (a, p, b, t, c) = tokio::join!(good(1), panics, good(2), twice, good(3));
            assert!(a.is_ok() && b.is_ok() && c.is_ok());
            assert_eq!(p.unwrap_err().code, Code::Internal);
            assert_eq!(t.unwrap_err().code, Code::Internal);
            let count = "select count(*) from server_state where key like 'k%' or key in ('p', 't')";
            let left: i64 = fresh.db.read(move |tx| Ok(tx.query(count, args![])?[0].get(0)?)).await.unwrap();
            assert_eq!(left, 3);
        });
    }
}

#[test]
fn counters_are_exact_under_many_writers() {
    const WRITERS: u64 = 16;
    const EACH: u64 = 25;
    for fresh in engines() {
        let db = fresh.db.clone();
        block_on(async { db.write(|tx| Ok(put(tx, "n", "0")?)).await.unwrap() });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(count_up(db.clone(), EACH))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let n = block_on(async { db.read(|tx| Ok(value(tx, "n")?)).await.unwrap() });
        assert_eq!(n, Some((WRITERS * EACH).to_string()));
    }
}

async fn count_up(db: Db, times: u64) {
    for _ in 0..times {
        db.write(|tx| {
            let locked = tx.query_for_update("select value from server_state where key = $1", args!["n"])?;
            let n: u64 = locked[0].get::<String>(0)?.parse().unwrap();
            Ok(tx.execute("update server_state set value = $1 where key = 'n'", args![(n + 1).to_string()])?)
        })
        .await
        .unwrap();
    }
}

#[test]
fn reads_can_not_write() {
    for fresh in engines() {
        block_on(async {
            let result = fresh.db.read(|tx| Ok(put(tx, "sneaky", "x")?)).await;
            assert_eq!(result.unwrap_err().code, Code::Internal);
            assert_eq!(fresh.db.read(|tx| Ok(value(tx, "sneaky")?)).await.unwrap(), None);
        });
    }
}

#[test]
fn every_kind_of_value_comes_back_as_it_went() {
    for fresh in engines() {
        block_on(async {
            let text = "ä\u{1F980}\n'\"; --".to_owned();
            let sent = text.clone();
            let back = fresh
                .db
                .write(move |tx| {
                    let sql = "insert into idempotency (caller, route, key, body_sha256, status, answer, created_at) \
                               values ($1, '', '', '', $2, '', $3)";
                    tx.execute(sql, args![&sent, i64::MAX, i64::MIN])?;
                    let row = tx.first(
                        "select caller, status, created_at, null from idempotency where caller = $1",
                        args![&sent],
                    )?;
                    let row = row.ok_or_else(refused)?;
                    Ok((row.get::<String>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?))
                })
                .await
                .unwrap();
            assert_eq!(back, (text, i64::MAX, i64::MIN));
        });
    }
}

#[test]
fn closing_finishes_what_was_submitted() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("store.db"));
    let db = Db::open(&location).unwrap();
    let done = Arc::new(AtomicU64::new(0));
    block_on(async {
        let counted = Arc::clone(&done);
        db.write(move |tx| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(put(tx, "kept", "yes")?)
        })
        .await
        .unwrap();
    });
    db.close();
    let late = block_on(async { db.write(|tx| Ok(put(tx, "late", "no")?)).await });
    assert_eq!(late.unwrap_err().code, Code::Draining);
    let again = Db::open(&location).unwrap();
    let kept = block_on(async { again.read(|tx| Ok((value(tx, "kept")?, value(tx, "late")?))).await.unwrap() });
    assert_eq!(kept, (Some("yes".to_owned()), None));
}

#[test]
fn a_store_from_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    Db::open(&Location::File(path.clone())).unwrap().close();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("insert into schema_version (version) values (999)", []).unwrap();
    drop(connection);
    let refused = Db::open(&Location::File(path)).err().unwrap();
    assert!(refused.to_string().contains("written by a newer mi"), "{refused}");
}

/// Offices that are older than groups get theirs, with everybody who works there.
#[test]
fn an_office_of_the_first_schema_gets_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let before = rusqlite::Connection::open(&path).unwrap();
    before.execute_batch(migrate::MIGRATIONS[0]).unwrap();
    let rows = "create table schema_version (version bigint not null primary key);
        insert into schema_version (version) values (1);
        insert into users (id, name, created_at) values ('u', 'owner', 1);
        insert into offices (id, name, owner_id, status, settings, created_at, row_seq) \
            values ('0f', 'old', 'u', 'active', '{}', 2, 9);
        insert into agents (office_id, id, name, harness, skills, integrations, resources, kind, created_at, fired_at) \
            values ('0f', 'a', 'ada', 'native', '[]', '[]', '{}', 'hosted', 3, null),
            ('0f', 'b', 'ben', 'native', '[]', '[]', '{}', 'hosted', 3, 4);";
    before.execute_batch(rows).unwrap();
    drop(before);
    Db::open(&Location::File(path.clone())).unwrap().close();
    let after = rusqlite::Connection::open(&path).unwrap();
    let mut members = after.prepare("select name, read_up_to from chat_members order by name").unwrap();
    let members: Vec<(String, i64)> =
        members.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    assert_eq!(members, [("ada".to_owned(), 9), ("owner".to_owned(), 9)]);
    let kind: String =
        after.query_row("select kind from chat_groups where office_id = '0f'", [], |r| r.get(0)).unwrap();
    assert_eq!(kind, "office");
}
