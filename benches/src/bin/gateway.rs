//! `cargo xtask prove gateway`: what the gateway adds to model calls.

use std::process::ExitCode;

use anyhow::Result;
use benches::exit;
use benches::gateway::{self, Plan};
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Measures the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    /// Measured one after another
    #[arg(long, default_value_t = 1_000)]
    calls: usize,
    #[arg(long, default_value_t = 100)]
    streams: usize,
    /// That the streams take
    #[arg(long, default_value_t = 22)]
    seconds: u32,
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
    let manner = Manner::of_environment("process")?;
    let plan = Plan { manner, calls: options.calls, streams: options.streams, seconds: options.seconds };
    gateway::prove(&plan).await?.tell(Telling::of(options.json))
}
