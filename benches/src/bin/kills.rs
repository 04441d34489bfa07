//! `cargo xtask prove kills`: `kill -9` of the server in the middle of work, again and again.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use benches::chance;
use benches::exit;
use benches::kills::{self, Plan, Victims};
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Kills the server of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(default_value_t = 300)]
    kills: u32,
    /// The moments of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    /// Of the load
    #[arg(long, default_value_t = 64)]
    clients: usize,
    #[arg(long, default_value_t = 4)]
    workers: usize,
    #[arg(long, default_value_t = 3)]
    creators: usize,
    #[arg(long, default_value_t = 2)]
    hands: usize,
    #[arg(long, default_value = "local")]
    pods: String,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Who waits for minutes wants to see that something happens.
const TOLD_EVERY: u32 = 25;

#[expect(clippy::print_stderr, reason = "progress of long work")]
fn tell(kills: u32) {
    if kills.is_multiple_of(TOLD_EVERY) {
        eprintln!("{kills} kills");
    }
}

fn main() -> ExitCode {
    exit::with(run())
}

fn run() -> Result<ExitCode> {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(chance::fresh_seed);
    writeln!(std::io::stderr(), "seed {seed}, {} kills; the same again with --seed {seed}", options.kills)?;
    let plan = Plan {
        manner: Manner::of_environment(&options.pods)?,
        kills: options.kills,
        seed,
        workers: options.workers,
        creators: options.creators,
        hands: options.hands,
        clients: options.clients,
        victims: Victims::Server,
        told: tell,
    };
    kills::prove(&plan)?.verdict().tell(Telling::of(options.json))
}
