//! `cargo xtask prove dag`: five agents and a graph of twelve tasks.

use std::process::ExitCode;

use anyhow::Result;
use benches::dag::{self, Plan};
use benches::exit;
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Agents in pods of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value = "local")]
    pods: String,
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
    let plan = Plan { manner: Manner::of_environment(&options.pods)? };
    dag::prove(&plan).await?.tell(Telling::of(options.json))
}
