//! `cargo xtask prove ordinary`: everyday work in a pod and outside.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use benches::exit;
use benches::ordinary::{self, Plan};
use benches::server::Manner;
use benches::verdict::Telling;
use clap::Parser;

/// Works in a pod of the program that MI_BIN names.
#[derive(Parser)]
struct Options {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit::with(run().await)
}

async fn run() -> Result<ExitCode> {
    let options = Options::parse();
    let plan = Plan { manner: Manner::of_environment("local")?, toolchain: toolchain() };
    ordinary::prove(&plan).await?.tell(Telling::of(options.json))
}

/// Where the machine's Rust is, if it has one.
fn toolchain() -> Option<PathBuf> {
    let said = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(said.stdout).ok()?.trim());
    path.join("bin/cargo").is_file().then_some(path)
}
