//! `cargo xtask prove claimers`: many claimers, one task, round after round.

use std::process::ExitCode;

use benches::claimers::{self, Plan};
use benches::program;
use clap::Args;

/// Claims from the server of the program that MI_BIN names.
#[derive(Args)]
struct Options {
    #[arg(long, default_value_t = 500)]
    claimers: usize,
    #[arg(long, default_value_t = 100)]
    rounds: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("local", async |options: Options, manner| {
        let Options { claimers, rounds } = options;
        claimers::prove(&Plan { manner, claimers, rounds }).await
    })
    .await
}
