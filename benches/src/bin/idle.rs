//! `cargo xtask prove idle`: what the server costs when nothing happens.

use std::process::ExitCode;
use std::time::Duration;

use benches::idle::{self, Plan};
use benches::program;
use clap::Args;

/// Measures the program that MI_BIN names.
#[derive(Args)]
struct Options {
    #[arg(long, default_value_t = 1_000)]
    claimers: usize,
    /// Measured with the claimers, and as long without
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("local", async |options: Options, manner| {
        let time = Duration::from_secs(options.seconds);
        idle::prove(&Plan { manner, claimers: options.claimers, time }).await
    })
    .await
}
