//! `cargo xtask prove joins`: many agents, one code, round after round; then many guesses.

use std::process::ExitCode;

use benches::joins::{self, Plan};
use benches::program;
use clap::Args;

/// Joins an office of the server of the program that MI_BIN names.
#[derive(Args)]
struct Options {
    #[arg(long, default_value_t = 100)]
    racers: usize,
    #[arg(long, default_value_t = 50)]
    rounds: usize,
    #[arg(long, default_value_t = 10_000)]
    guesses: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("local", async |options: Options, manner| {
        let Options { racers, rounds, guesses } = options;
        joins::prove(&Plan { manner, racers, rounds, guesses }).await
    })
    .await
}
