//! `cargo xtask prove signatures`: a thousand signatures of each program that is installed are accepted.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use benches::exit;
use benches::signatures::{self, Outcome, Plan};
use clap::Parser;

const WRONG_SHOWN: usize = 20;

/// Signatures of Node (OpenSSL), noble and Python
#[derive(Parser)]
struct Options {
    /// Of each program
    #[arg(long, default_value_t = 1_000)]
    signatures: usize,
    #[arg(long, default_value = "node")]
    node: PathBuf,
    /// The folder in which `npm install @noble/curves` was run
    #[arg(long, default_value = ".")]
    modules: PathBuf,
    /// One that has ecdsa and cryptography
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

fn main() -> ExitCode {
    exit::with(run())
}

fn run() -> Result<ExitCode> {
    let Options { signatures, node, modules, python } = Options::parse();
    let outcomes = signatures::prove(&Plan { signatures, node, modules, python })?;
    let mut out = std::io::stdout().lock();
    let mut all_well = true;
    for (signer, outcome) in &outcomes {
        match outcome {
            Outcome::NotInstalled(why) => writeln!(out, "{signer}: not here ({why})")?,
            Outcome::Judged { accepted, wrong, each } => {
                writeln!(out, "{signer}: {accepted} of {signatures} accepted, {} µs each", each.as_micros())?;
                wrong.iter().take(WRONG_SHOWN).try_for_each(|wrong| writeln!(out, "  {wrong}"))?;
                all_well &= wrong.is_empty();
            }
        }
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
