//! Each program of the long evidence for a few seconds, on the program that the build made: that they run, that what they
//! say is true of a small case, and that what they measure is measured. Speed is judged by the long form alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "everything here is a test")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use benches::kills::Victims;
use benches::server::Manner;
use benches::verdict::Verdict;
use benches::{
    asleep, backlog, claimers, dag, escapes, full, gateway, idle, joins, kills, ordinary, pods, spending, zombies,
};

/// `MI_BIN`, or the one that was built beside this test.
fn manner() -> Manner {
    let built = || {
        let test = std::env::current_exe().unwrap();
        test.parent().and_then(Path::parent).unwrap().join("mi")
    };
    let program = std::env::var_os("MI_BIN").map_or_else(built, PathBuf::from);
    assert!(program.is_file(), "{} is missing: `cargo build -p mi` makes it", program.display());
    Manner { program, pods: "local".to_owned(), port: 0, arguments: Vec::new(), environment: Vec::new() }
}

fn run(work: impl Future<Output = anyhow::Result<Verdict>>) -> Verdict {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work).unwrap()
}

fn nothing_wrong(verdict: &Verdict) {
    assert_eq!(verdict.violations, Vec::<String>::new(), "{}", verdict.report);
}

#[test]
fn kills() {
    let plan = kills::Plan {
        manner: manner(),
        kills: 3,
        seed: 7,
        workers: 1,
        creators: 1,
        hands: 1,
        clients: 16,
        victims: Victims::Server,
        told: drop,
    };
    let outcome = kills::prove(&plan).unwrap();
    nothing_wrong(&outcome.verdict());
    let count = |name: &str| outcome.counts.iter().find(|(what, _)| *what == name).unwrap().1;
    assert!(count("claims of the load") > 0 && count("of them refused as stale") > 0, "{:?}", outcome.counts);
}

#[test]
fn spending() {
    let plan = spending::Plan { manner: manner(), agents: 4, paid: 2 };
    nothing_wrong(&run(spending::prove(&plan)));
}

#[test]
fn gateway() {
    let plan = gateway::Plan { manner: manner(), calls: 5, streams: 4, seconds: 4 };
    nothing_wrong(&run(gateway::prove(&plan)));
}

#[test]
fn no_way_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(escapes::prove(&escapes::Plan { manner: manner(), only: Vec::new() })).unwrap();
    println!("{}", outcome.table());
    nothing_wrong(&outcome.verdict());
}

#[test]
fn everyday_work() {
    nothing_wrong(&run(ordinary::prove(&ordinary::Plan { manner: manner(), toolchain: None })));
}

#[test]
fn pods_in_a_row() {
    nothing_wrong(&run(pods::prove(&pods::Plan { manner: manner(), pods: 5 })));
}

#[test]
fn crashes() {
    let small = kills::Plan { kills: 6, seed: 9, workers: 2, creators: 1, hands: 1, clients: 4, ..of_anybody() };
    let outcome = kills::prove(&small).unwrap();
    nothing_wrong(&outcome.verdict());
}

fn of_anybody() -> kills::Plan {
    kills::Plan {
        manner: manner(),
        kills: 0,
        seed: 0,
        workers: 0,
        creators: 0,
        hands: 0,
        clients: 0,
        victims: Victims::Anybody,
        told: drop,
    }
}

#[test]
fn everybody_asleep() {
    let plan = asleep::Plan { manner: manner(), agents: 6, wakes: 3, time: Duration::from_secs(1) };
    nothing_wrong(&run(asleep::prove(&plan)));
}

#[test]
fn late_writers() {
    let verdict = run(zombies::prove(&zombies::Plan { manner: manner(), zombies: 6 }));
    assert!(verdict.holds(), "{}{:?}", verdict.report, verdict.violations);
}

#[test]
fn one_task_for_many() {
    let verdict = run(claimers::prove(&claimers::Plan { manner: manner(), claimers: 24, rounds: 4 }));
    assert!(verdict.holds(), "{}{:?}", verdict.report, verdict.violations);
}

#[test]
fn one_code_for_many() {
    let plan = joins::Plan { manner: manner(), racers: 24, rounds: 3, guesses: 60 };
    let verdict = run(joins::prove(&plan));
    assert!(verdict.holds(), "{}{:?}", verdict.report, verdict.violations);
}

#[test]
fn a_graph_of_tasks() {
    let verdict = run(dag::prove(&dag::Plan { manner: manner() }));
    assert!(verdict.holds(), "{}{:?}", verdict.report, verdict.violations);
}

#[test]
fn a_backlog() {
    let plan = backlog::Plan { manner: manner(), short: 100, long: 400, claims: 10, pages: 5 };
    nothing_wrong(&run(backlog::prove(&plan)));
}

#[test]
fn full_lives() {
    let plan = full::Plan { manner: manner(), connections: 8, time: Duration::from_secs(1) };
    nothing_wrong(&run(full::prove(&plan)));
}

#[test]
fn nothing_to_do() {
    let plan = idle::Plan { manner: manner(), claimers: 100, time: Duration::from_secs(2) };
    nothing_wrong(&run(idle::prove(&plan)));
}
