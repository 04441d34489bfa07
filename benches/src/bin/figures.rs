//! `cargo xtask prove figures`: the table of docs/evidence.md.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use benches::exit;
use benches::figures::{self, Plan};
use benches::server::Manner;
use clap::Parser;

/// Measures the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    #[arg(long, default_value_t = 20)]
    starts: usize,
    #[arg(long, default_value_t = 30)]
    hires: usize,
    /// Of each kind
    #[arg(long, default_value_t = 200)]
    handovers: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long full lives are counted
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value = "local")]
    pods: String,
}

/// One thread: what the client takes is missing to the server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit::with(run().await)
}

async fn run() -> Result<ExitCode> {
    let options = Options::parse();
    let plan = Plan {
        manner: Manner::of_environment(&options.pods)?,
        starts: options.starts,
        hires: options.hires,
        handovers: options.handovers,
        connections: options.connections,
        load_time: Duration::from_secs(options.seconds),
    };
    let report = figures::measure(&plan).await?;
    let mut out = std::io::stdout().lock();
    if options.json {
        writeln!(out, "{:#}", report.json())?
    } else {
        write!(out, "{report}")?
    }
    Ok(ExitCode::SUCCESS)
}
