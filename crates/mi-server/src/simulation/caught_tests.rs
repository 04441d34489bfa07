//! The checkers are checked: each deliberate bug of `sabotage` is let loose on the simulation, and somebody must see it.
//!
//! A bug is the whole process's, so each has a process of its own: this very test program, asked for one part of the
//! simulation.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::sync::Mutex;

use crate::sabotage::{Bug, VARIABLE};

/// The part that is let loose, and of how many seeds in all; a bug that takes more is hard to see.
const PART: &str = "simulation::part_1";
const SEEDS: u64 = 400;
/// Without a bug the same part must be clean; these seeds are enough to show that it runs at all.
const CLEAN_SEEDS: u64 = 12;
const AT_ONCE: usize = 2;
/// What a failure says when it was not one of the simulation's own assertions.
const CATCHERS: [&str; 2] = ["the invariants", "the history checker"];

fn simulate(seeds: u64, bug: Option<Bug>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", PART, "--nocapture"]).env("MI_SEEDS", seeds.to_string()).env_remove("MI_SEED");
    match bug {
        Some(bug) => command.env(VARIABLE, format!("{bug:?}")),
        None => command.env_remove(VARIABLE),
    };
    command.output().unwrap()
}

/// By whom it was caught, if it was.
fn catcher(output: &Output) -> Option<&'static str> {
    if output.status.success() {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let named = CATCHERS.into_iter().find(|catcher| said.contains(&format!("caught by {catcher}")));
    Some(named.unwrap_or("the simulation"))
}

#[test]
fn every_deliberate_bug_is_caught() {
    let (left, caught) = (Mutex::new(Bug::ALL.to_vec()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(bug) = { left.lock().unwrap().pop() } {
                    let by = catcher(&simulate(SEEDS, Some(bug)));
                    caught.lock().unwrap().insert(format!("{bug:?}"), by);
                }
            });
        }
    });
    let caught = caught.into_inner().unwrap();
    for (bug, by) in &caught {
        println!("{bug}: {}", by.map_or_else(|| "not caught".to_owned(), |by| format!("caught by {by}")));
    }
    let missed: Vec<&String> = caught.iter().filter(|(_, by)| by.is_none()).map(|(bug, _)| bug).collect();
    assert!(missed.is_empty(), "nobody saw {missed:?}");
}

#[test]
fn without_a_bug_nothing_is_caught() {
    let output = simulate(CLEAN_SEEDS, None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ran = String::from_utf8_lossy(&output.stdout).contains("1 passed");
    assert!(ran, "{}", String::from_utf8_lossy(&output.stdout));
}
