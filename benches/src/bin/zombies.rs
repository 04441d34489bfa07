//! `cargo xtask prove zombies`: agents that pause past their lease and then write.

use std::process::ExitCode;

use anyhow::Result;
use benches::exit;
use benches::server::Manner;
use benches::verdict::Telling;
use benches::zombies::{self, Plan};
use clap::Parser;

/// Late writes to the server of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 200)]
    zombies: usize,
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
    let plan = Plan { manner: Manner::of_environment("local")?, zombies: options.zombies };
    zombies::prove(&plan).await?.tell(Telling::of(options.json))
}
