//! The store's one way to write: a small durable transaction alone, and 64 that share their commits.

use anyhow::{Context, Result};
use criterion::{Criterion, Throughput};
use mi_server::args;
use mi_server::infra::db::{Db, Location, Tx};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const TOGETHER: i64 = 64;
const SAMPLES: usize = 20;

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let db = Db::open(&Location::File(folder.path().join("bench.db"))).context("the store can't be opened")?;
    let runtime = Builder::new_multi_thread().worker_threads(1).build()?;
    let mut criterion = Criterion::default().sample_size(SAMPLES).configure_from_args();
    writes(&mut criterion, &runtime, &db);
    criterion.final_summary();
    db.close();
    Ok(())
}

fn writes(criterion: &mut Criterion, runtime: &Runtime, db: &Db) {
    let mut group = criterion.benchmark_group("durable writes");
    for count in [1, TOGETHER] {
        group.throughput(Throughput::Elements(count.unsigned_abs()));
        group.bench_function(format!("{count} at once"), |b| b.iter(|| runtime.block_on(write_all(db, count))));
    }
    group.finish();
}

/// How many were written; a number that a failure would change.
async fn write_all(db: &Db, count: i64) -> usize {
    let mut writers = JoinSet::new();
    for number in 0..count {
        let db = db.clone();
        writers.spawn(async move { db.write(move |tx| put(tx, number)).await.is_ok() });
    }
    let written = writers.join_all().await.into_iter().filter(|written| *written).count();
    assert_eq!(written, usize::try_from(count).unwrap_or(0), "the store refused a write");
    written
}

fn put(tx: &mut dyn Tx, number: i64) -> Result<(), mi_server::infra::fault::Fault> {
    let sql = "insert into server_state (key, value) values ($1, $2) \
               on conflict (key) do update set value = excluded.value";
    tx.execute(sql, args![format!("bench-{number}"), "written"])?;
    Ok(())
}
