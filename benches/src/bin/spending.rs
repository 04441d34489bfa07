//! `cargo xtask prove spending`: many agents spend at once what is enough for some.

use std::process::ExitCode;

use anyhow::Result;
use benches::exit;
use benches::server::Manner;
use benches::spending::{self, Plan};
use benches::verdict::Telling;
use clap::Parser;

/// Spends from the server of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 50)]
    agents: usize,
    /// Calls that the first balance is enough for
    #[arg(long, default_value_t = 30)]
    paid: usize,
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
    let plan = Plan { manner: Manner::of_environment("process")?, agents: options.agents, paid: options.paid };
    spending::prove(&plan).await?.tell(Telling::of(options.json))
}
