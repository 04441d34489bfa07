//! `cargo xtask prove joins`: many agents, one code, round after round; then many guesses.

use std::process::ExitCode;

use anyhow::Result;
use benches::exit;
use benches::joins::{self, Plan};
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Joins an office of the server of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 100)]
    racers: usize,
    #[arg(long, default_value_t = 50)]
    rounds: usize,
    #[arg(long, default_value_t = 10_000)]
    guesses: usize,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit::with(run().await)
}

async fn run() -> Result<ExitCode> {
    let options = Options::parse();
    let manner = Manner::of_environment("local")?;
    let plan = Plan { manner, racers: options.racers, rounds: options.rounds, guesses: options.guesses };
    joins::prove(&plan).await?.tell(Telling::of(options.json))
}
