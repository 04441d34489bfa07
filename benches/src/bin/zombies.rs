//! `cargo xtask prove zombies`: agents that pause past their lease and then write.

use std::process::ExitCode;

use benches::program;
use benches::zombies::{self, Plan};
use clap::Args;

/// Late writes to the server of the program that MI_BIN names.
#[derive(Args)]
struct Options {
    #[arg(long, default_value_t = 200)]
    zombies: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("local", async |options: Options, manner| {
        zombies::prove(&Plan { manner, zombies: options.zombies }).await
    })
    .await
}
