//! `cargo xtask prove gateway`: what the gateway adds to model calls.

use std::process::ExitCode;

use benches::gateway::{self, Plan};
use benches::program;
use clap::Args;

/// Measures the program that MI_BIN names.
#[derive(Args)]
struct Options {
    /// Measured one after another
    #[arg(long, default_value_t = 1_000)]
    calls: usize,
    #[arg(long, default_value_t = 100)]
    streams: usize,
    /// That the streams take
    #[arg(long, default_value_t = 22)]
    seconds: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("process", async |options: Options, manner| {
        let Options { calls, streams, seconds } = options;
        gateway::prove(&Plan { manner, calls, streams, seconds }).await
    })
    .await
}
