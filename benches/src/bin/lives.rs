//! `cargo xtask prove lives`: full lives a second, and what limits them.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use benches::exit;
use benches::full::{self, Plan};
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Measures the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// One thread: what the client takes is missing to the server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit::with(run().await)
}

async fn run() -> Result<ExitCode> {
    let options = Options::parse();
    let time = Duration::from_secs(options.seconds);
    let plan = Plan { manner: Manner::of_environment("local")?, connections: options.connections, time };
    full::prove(&plan).await?.tell(Telling::of(options.json))
}
