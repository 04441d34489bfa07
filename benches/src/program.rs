//! What the programs of the evidence share: `--json`, and how they begin and end.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser};

use crate::exit;
use crate::server::Manner;
use crate::verdict::{Telling, Verdict};

#[derive(Parser)]
struct Words<O: Args> {
    #[command(flatten)]
    own: O,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Proves by its own options, with pods of that kind unless the environment says otherwise, and tells what it found.
pub async fn run<O: Args>(pods: &str, prove: impl AsyncFnOnce(O, Manner) -> Result<Verdict>) -> ExitCode {
    exit::with(tried(pods, prove).await)
}

async fn tried<O: Args>(pods: &str, prove: impl AsyncFnOnce(O, Manner) -> Result<Verdict>) -> Result<ExitCode> {
    let Words { own, json } = Words::<O>::parse();
    prove(own, Manner::of_environment(pods)?).await?.tell(Telling::of(json))
}
