//! `cargo xtask prove kills`: `kill -9` of the server in the middle of work, again and again.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use benches::chance;
use benches::exit;
use benches::kills::{self, Plan};
use benches::server::{self, Manner};
use clap::Parser;

const VIOLATIONS_SHOWN: usize = 20;

/// Kills the server of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(default_value_t = 20)]
    kills: u32,
    /// The moments of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long, default_value_t = 4)]
    workers: usize,
    #[arg(long, default_value_t = 3)]
    creators: usize,
    #[arg(long, default_value_t = 2)]
    hands: usize,
    #[arg(long, default_value = "local")]
    pods: String,
}

fn main() -> ExitCode {
    exit::with(run())
}

fn run() -> Result<ExitCode> {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(chance::fresh_seed);
    let mut out = std::io::stdout().lock();
    writeln!(out, "seed {seed}, {} kills", options.kills)?;
    let plan = Plan {
        manner: Manner { program: server::program()?, pods: options.pods, port: 0 },
        kills: options.kills,
        seed,
        workers: options.workers,
        creators: options.creators,
        hands: options.hands,
    };
    let outcome = kills::prove(&plan)?;
    for (what, count) in &outcome.counts {
        writeln!(out, "{what}: {count}")?;
    }
    let (p50, p95) = (outcome.ready_again.p50_ms(), outcome.ready_again.p95_ms());
    writeln!(out, "ready again after a kill: p50 {p50:.0} ms, p95 {p95:.0} ms")?;
    for violation in outcome.violations.iter().take(VIOLATIONS_SHOWN) {
        writeln!(out, "violation: {violation}")?;
    }
    if outcome.violations.is_empty() {
        writeln!(out, "nothing acknowledged is missing, nothing ran twice at once, everything finished")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{} violations; again with --seed {seed}", outcome.violations.len())?;
    Ok(ExitCode::FAILURE)
}
