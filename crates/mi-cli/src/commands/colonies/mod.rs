//! `mi colonies …` = `mi offices …`.

mod cleanup;
mod create;
mod delete;
mod get;
mod list;
mod resume;
mod settings;
pub mod status;
mod suspend;
mod update;
mod watch;

use clap::Subcommand;

use crate::args::{ColonyPlace, PagingArgs};
use crate::desk::Desk;
use crate::fault::Fault;

const HELP: &str = "\
Examples:
  mi colonies create --name review
  mi colonies status                  who does what, what waits and why
  mi colonies watch --until-idle      follow everything; exit code 1 when something failed
  mi colonies cleanup --dry-run       what is only in the way
  mi colonies update --allow github.com    lets its pods reach a host
  mi colonies settings set maxAgents=10 'hireLimit={\"count\":5}'";

#[derive(Subcommand)]
#[command(after_help = HELP)]
pub enum Act {
    /// Your colonies
    List(PagingArgs),
    /// Make a colony
    Create(create::CreateArgs),
    /// What a colony is
    Get(ColonyPlace),
    /// Change what its pods may reach, or any other setting
    Update(update::UpdateArgs),
    /// How a colony is doing: who does what, what waits and why
    Status(ColonyPlace),
    /// What happens in a colony, as it happens
    Watch(watch::WatchArgs),
    /// Take away what is only in the way
    Cleanup(cleanup::CleanupArgs),
    /// Stop its agents and remove everything it owns
    Delete(delete::DeleteArgs),
    /// What a colony has set
    Settings(settings::SettingsArgs),
    /// Stop all work until it is resumed
    Suspend(ColonyPlace),
    /// Let a suspended colony work again
    Resume(ColonyPlace),
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(paging) => list::run(desk, paging).await,
        Act::Create(args) => create::run(desk, args).await,
        Act::Get(place) => get::run(desk, place).await,
        Act::Update(args) => update::run(desk, args).await,
        Act::Status(place) => status::run(desk, place).await,
        Act::Watch(args) => watch::run(desk, args).await,
        Act::Cleanup(args) => cleanup::run(desk, args).await,
        Act::Delete(args) => delete::run(desk, args).await,
        Act::Settings(args) => settings::run(desk, args).await,
        Act::Suspend(place) => suspend::run(desk, place).await,
        Act::Resume(place) => resume::run(desk, place).await,
    }
}
