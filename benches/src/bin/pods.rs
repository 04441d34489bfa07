//! `cargo xtask prove pods`: pods started and stopped in a row.

use std::process::ExitCode;

use benches::pods::{self, Plan};
use benches::program;
use clap::Args;

/// Starts pods of the program that MI_BIN names.
#[derive(Args)]
struct Options {
    #[arg(default_value_t = 1_000)]
    pods: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("local", async |options: Options, manner| pods::prove(&Plan { manner, pods: options.pods }).await)
        .await
}
