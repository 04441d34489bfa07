//! `cargo xtask prove idle`: what the server costs when nothing happens.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use benches::exit;
use benches::idle::{self, Plan};
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Measures the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 1_000)]
    claimers: usize,
    /// Measured with the claimers, and as long without
    #[arg(long, default_value_t = 60)]
    seconds: u64,
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
    let time = Duration::from_secs(options.seconds);
    let plan = Plan { manner: Manner::of_environment("local")?, claimers: options.claimers, time };
    idle::prove(&plan).await?.tell(Telling::of(options.json))
}
