//! `cargo xtask prove backlog`: claims and first pages with a long backlog.

use std::process::ExitCode;

use benches::backlog::{self, Plan};
use benches::program;
use clap::Args;

/// Measures the program that MI_BIN names.
#[derive(Args)]
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
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("local", async |options: Options, manner| {
        let Options { short, long, claims, pages } = options;
        backlog::prove(&Plan { manner, short, long: long.max(short), claims, pages }).await
    })
    .await
}
