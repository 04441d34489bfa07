//! `cargo xtask prove lives`: full lives a second, and what limits them.

use std::process::ExitCode;
use std::time::Duration;

use benches::full::{self, Plan};
use benches::program;
use clap::Args;

/// Measures the program that MI_BIN names.
#[derive(Args)]
struct Options {
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// One thread: what the client takes is missing to the server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("local", async |options: Options, manner| {
        let time = Duration::from_secs(options.seconds);
        full::prove(&Plan { manner, connections: options.connections, time }).await
    })
    .await
}
