//! `cargo xtask prove spending`: many agents spend at once what is enough for some.

use std::process::ExitCode;

use benches::program;
use benches::spending::{self, Plan};
use clap::Args;

/// Spends from the server of the program that MI_BIN names.
#[derive(Args)]
struct Options {
    #[arg(long, default_value_t = 50)]
    agents: usize,
    /// Calls that the first balance is enough for
    #[arg(long, default_value_t = 30)]
    paid: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    program::run("process", async |options: Options, manner| {
        let Options { agents, paid } = options;
        spending::prove(&Plan { manner, agents, paid }).await
    })
    .await
}
