//! `cargo xtask prove claimers`: many claimers, one task, round after round.

use std::process::ExitCode;

use anyhow::Result;
use benches::claimers::{self, Plan};
use benches::exit;
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Claims from the server of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 500)]
    claimers: usize,
    #[arg(long, default_value_t = 100)]
    rounds: usize,
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
    let plan = Plan { manner, claimers: options.claimers, rounds: options.rounds };
    claimers::prove(&plan).await?.tell(Telling::of(options.json))
}
