//! One seed drives everybody: the owner, agents elsewhere, runners and their harnesses, a stranger, the clock, crashes
//! of pods and of the server, lost and repeated requests, and zombies with claims that are long over.
//!
//! After every step the invariants must hold; in the end the history of what clients saw must be one that may have
//! happened (`testkit::history`). `MI_SEEDS` says how many seeds (default below), `MI_SEED` replays one of them.
//!
//! `world` is what everybody shares, `owner`, `elsewhere`, `hosted` and `money` are who acts, `memory` what the office tells.

mod caught_tests;
pub mod chance;
mod elsewhere;
mod hosted;
mod memory;
mod money;
mod owner;
mod world;

use mi_core::credits::Micro;

use crate::testing::{ENGINE_VARIABLE, TestHouse};
use chance::Chance;
use world::{State, World};

/// On SQLite; the same on PostgreSQL takes ten times as long, and what differs there is the engine.
const SEEDS_DEFAULT: u64 = 300;
const SEEDS_DEFAULT_POSTGRES: u64 = 24;
const STEPS: u64 = 220;
/// The seeds are shared out, so that tests that run side by side use every core.
const PARTS: u64 = 6;
/// Of steps, the server is killed and started again at one in so many.
const RESTART_ONE_IN: u64 = 70;
const POD_MINUTE: Micro = Micro(100_000);

#[test]
fn part_0() {
    simulate(0);
}

#[test]
fn part_1() {
    simulate(1);
}

#[test]
fn part_2() {
    simulate(2);
}

#[test]
fn part_3() {
    simulate(3);
}

#[test]
fn part_4() {
    simulate(4);
}

#[test]
fn part_5() {
    simulate(5);
}

fn simulate(part: u64) {
    let seeds: Vec<u64> = match (number("MI_SEED"), number("MI_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (1..=count.unwrap_or_else(seeds_default)).collect(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for seed in seeds.into_iter().filter(|seed| seed % PARTS == part) {
        let run = std::panic::AssertUnwindSafe(|| runtime.block_on(live(seed)));
        if let Err(panic) = std::panic::catch_unwind(run) {
            println!("the simulation broke with seed {seed}; replay it with MI_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seeds_default() -> u64 {
    let on_postgres = std::env::var(ENGINE_VARIABLE).is_ok_and(|engine| engine == "postgres");
    if on_postgres { SEEDS_DEFAULT_POSTGRES } else { SEEDS_DEFAULT }
}

async fn live(seed: u64) {
    let mut house = TestHouse::with_pod_minute(POD_MINUTE).await;
    let mut state = State::new(&house, Chance(seed)).await;
    let mut step = 0;
    while step < STEPS {
        let mut world = World::enter(&house, &mut state).await;
        while step < STEPS {
            step += 1;
            world.step().await;
            let broken = house.broken().await;
            assert!(broken.is_empty(), "caught by the invariants: step {step}: {broken:?}\n{}", world.told());
            if world.chance().one_in(RESTART_ONE_IN) {
                break;
            }
        }
        world.leave().await;
        house = state.restart(house).await;
    }
    let violations = memory::check(&house, &state).await;
    assert!(violations.is_empty(), "caught by the history checker: {violations:#?}\n{}", state.log.join("\n"));
    house.close().await;
}
