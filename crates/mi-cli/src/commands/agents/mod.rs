//! `mi agents …`.

mod activity;
pub mod error;
mod fire;
mod get;
pub mod hire;
pub mod lifecycle;
pub mod list;
pub mod logs;
mod update;

use clap::Subcommand;
use mi_core::wire::agents::LifecycleAction::{Restart, Start, Stop};

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;

const HELP: &str = "\
Examples:
  mi agents hire --name ada --provider anthropic --model sonnet --role \"reviews Go\"
  mi agents hire --name counter --command 'tq done \"$(wc -l /shared/files/*)\"'
  mi agents get ada
  mi agents logs ada -f               what its pod writes
  mi agents error ada                 why it doesn't run";

#[derive(Subcommand)]
#[command(after_help = HELP)]
pub enum Act {
    /// Who works in a colony
    List(list::ListArgs),
    /// Bring an agent in
    Hire(hire::HireArgs),
    /// What an agent is and does
    Get(Target),
    /// Change what an agent is
    Update(update::UpdateArgs),
    /// Let an agent go: its pod ends, its name becomes free
    Fire(Target),
    /// What its pod wrote
    Logs(logs::LogsArgs),
    /// What it did
    Activity(activity::ActivityArgs),
    /// Start its pod
    Start(Target),
    /// Stop its pod until it is started again
    Stop(Target),
    /// Stop and start its pod
    Restart(Target),
    /// The last error that it met
    Error(Target),
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(args) => list::run(desk, args).await,
        Act::Hire(args) => hire::run(desk, args).await,
        Act::Get(target) => get::run(desk, target).await,
        Act::Update(args) => update::run(desk, args).await,
        Act::Fire(target) => fire::run(desk, target).await,
        Act::Logs(args) => logs::run(desk, args).await,
        Act::Activity(args) => activity::run(desk, args).await,
        Act::Start(target) => lifecycle::run(desk, target, Start).await,
        Act::Stop(target) => lifecycle::run(desk, target, Stop).await,
        Act::Restart(target) => lifecycle::run(desk, target, Restart).await,
        Act::Error(target) => error::run(desk, target).await,
    }
}
