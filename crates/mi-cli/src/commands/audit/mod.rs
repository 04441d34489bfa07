//! `mi audit …`: whether a colony's record is as it was written, and the record itself.

mod check;
mod export;
mod verify;

use clap::Subcommand;
use mi_core::wire::audit::Broken;

use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Subcommand)]
pub enum Act {
    /// Check that no event was changed, removed, moved or cut off (exit code 1 if one was)
    ///
    /// Each event carries a keyed tag over itself and the one before; the key is not in the store. The end of the
    /// chain is also published to a file beside the store, so that a store that was put back to an earlier state shows.
    Verify(verify::VerifyArgs),
    /// Write every event with its links to a file or to stdout, one JSON object a line
    Export(export::ExportArgs),
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::Verify(args) => verify::run(desk, args).await,
        Act::Export(args) => export::run(desk, args).await,
    }
}

/// What is wrong with `what`, and what to do next.
fn broken(what: &str, broken: &Broken, hint: &str) -> Fault {
    Fault::failed(format!("{what} is broken ({}): {}", broken.kind, broken.what), hint)
}
