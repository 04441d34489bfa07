//! `cargo xtask prove pods`: pods started and stopped in a row.

use std::process::ExitCode;

use anyhow::Result;
use benches::exit;
use benches::pods::{self, Plan};
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Starts pods of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(default_value_t = 1_000)]
    pods: usize,
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
    let plan = Plan { manner: Manner::of_environment("local")?, pods: options.pods };
    pods::prove(&plan).await?.tell(Telling::of(options.json))
}
