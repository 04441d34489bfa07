//! `cargo xtask prove asleep`: a thousand agents that rest, and how soon one is back.

use std::process::ExitCode;
use std::time::Duration;

use benches::asleep::{self, Plan};
use benches::program;
use clap::Args;

/// Measures the program that MI_BIN names.
#[derive(Args)]
struct Options {
    #[arg(long, default_value_t = 1_000)]
    agents: usize,
    /// Woken one after another
    #[arg(long, default_value_t = 100)]
    wakes: usize,
    /// Of sleep, measured
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("local", async |options: Options, manner| {
        let time = Duration::from_secs(options.seconds);
        asleep::prove(&Plan { manner, agents: options.agents, wakes: options.wakes, time }).await
    })
    .await
}
