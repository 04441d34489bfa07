//! `cargo xtask prove escapes`: attempts to get out of a pod, inside and as controls outside.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use benches::escapes::{self, Plan};
use benches::exit;
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Tries the pods of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    /// Only these attempts, by name
    only: Vec<String>,
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
    let plan = Plan { manner: Manner::of_environment("local")?, only: options.only };
    let outcome = escapes::prove(&plan).await?;
    if !options.json {
        write!(std::io::stdout(), "{}", outcome.table())?;
    }
    outcome.verdict().tell(Telling::of(options.json))
}
