//! `cargo xtask prove backlog`: claims and first pages with a long backlog.

use std::process::ExitCode;

use anyhow::Result;
use benches::backlog::{self, Plan};
use benches::exit;
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Measures the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 10_000)]
    short: usize,
    #[arg(long, default_value_t = 1_000_000)]
    long: usize,
    /// Timed at each length
    #[arg(long, default_value_t = 2_000)]
    claims: usize,
    /// Of each kind, timed at each length
    #[arg(long, default_value_t = 500)]
    pages: usize,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit::with(run().await)
}

async fn run() -> Result<ExitCode> {
    let Options { short, long, claims, pages, json } = Options::parse();
    let plan = Plan { manner: Manner::of_environment("local")?, short, long: long.max(short), claims, pages };
    backlog::prove(&plan).await?.tell(Telling::of(json))
}
