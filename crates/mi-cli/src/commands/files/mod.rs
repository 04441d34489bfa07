//! `mi files …`.

mod changes;
pub mod list;
mod pull;
mod push;
mod rm;
mod walk;

use clap::Subcommand;
use mi_core::drive::DrivePath;

use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Subcommand)]
pub enum Act {
    /// What is on the drive
    List(list::ListArgs),
    /// Put files on the drive
    #[command(alias = "upload")]
    Push(push::PushArgs),
    /// Get a file from the drive
    #[command(alias = "download")]
    Pull(pull::PullArgs),
    /// Remove files from the drive
    #[command(alias = "delete")]
    Rm(rm::RmArgs),
    /// What was made, changed and removed
    Changes(changes::ChangesArgs),
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(args) => list::run(desk, args).await,
        Act::Push(args) => push::run(desk, args).await,
        Act::Pull(args) => pull::run(desk, args).await,
        Act::Rm(args) => rm::run(desk, args).await,
        Act::Changes(args) => changes::run(desk, args).await,
    }
}

/// A name on the drive as people type it; `/shared/files/x` is `x`.
fn drive_name(text: &str) -> Result<DrivePath, String> {
    DrivePath::from_typed(text).map_err(|fault| fault.to_string())
}
