//! `cargo xtask prove asleep`: a thousand agents that rest, and how soon one is back.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use benches::asleep::{self, Plan};
use benches::exit;
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Measures the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 1_000)]
    agents: usize,
    /// Woken one after another
    #[arg(long, default_value_t = 100)]
    wakes: usize,
    /// Of sleep, measured
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
    let manner = Manner::of_environment("local")?;
    let plan = Plan { manner, agents: options.agents, wakes: options.wakes, time };
    asleep::prove(&plan).await?.tell(Telling::of(options.json))
}
