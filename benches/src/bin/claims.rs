//! `cargo xtask prove claims`: 64 clients claim 10,000 tasks; each is claimed exactly once.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use benches::claims::{self, Plan};
use benches::exit;
use benches::server::Manner;
use clap::Parser;

const VIOLATIONS_SHOWN: usize = 20;

/// Claims from the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// An office holds at most 10,000 open ones
    #[arg(long, default_value_t = 10_000)]
    tasks: usize,
    #[arg(long, default_value = "local")]
    pods: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit::with(run().await)
}

async fn run() -> Result<ExitCode> {
    let options = Options::parse();
    let manner = Manner::of_environment(&options.pods)?;
    let plan = Plan { manner, clients: options.clients, tasks: options.tasks };
    let outcome = claims::prove(&plan).await?;
    let mut out = std::io::stdout().lock();
    let rate = |time: std::time::Duration| plan.tasks as f64 / time.as_secs_f64();
    writeln!(out, "{} tasks created by {} clients: {:.0}/s", plan.tasks, plan.clients, rate(outcome.created_in))?;
    writeln!(out, "{} claims, each finished: {:.0}/s", outcome.tasks, rate(outcome.claimed_in))?;
    for violation in outcome.violations.iter().take(VIOLATIONS_SHOWN) {
        writeln!(out, "violation: {violation}")?;
    }
    if outcome.violations.is_empty() {
        writeln!(out, "every task was claimed exactly once")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{} violations", outcome.violations.len())?;
    Ok(ExitCode::FAILURE)
}
