//! `mi integrations …`.

mod inspect;
mod list;
mod models;
mod requests;
mod set;
mod toggle;
mod unset;

use clap::Subcommand;

use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Subcommand)]
pub enum Act {
    /// The services that agents may use, and which are set up
    List(list::ListArgs),
    /// One of them: what it needs, what agents find
    #[command(visible_alias = "get")]
    Inspect(inspect::InspectArgs),
    /// The models that tiers such as sonnet stand for
    Models(models::ModelsArgs),
    /// Set the secret of a service; it never comes back
    Set(set::SetArgs),
    /// Forget the secret of a service
    Unset(unset::UnsetArgs),
    /// Let agents use a service
    Enable(toggle::ToggleArgs),
    /// Take a service from agents
    Disable(toggle::ToggleArgs),
    /// What agents ask for, each with the command that grants it
    Requests(requests::RequestsArgs),
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(args) => list::run(desk, args).await,
        Act::Inspect(args) => inspect::run(desk, args).await,
        Act::Models(args) => models::run(desk, args).await,
        Act::Set(args) => set::run(desk, args).await,
        Act::Unset(args) => unset::run(desk, args).await,
        Act::Enable(args) => toggle::enable(desk, args).await,
        Act::Disable(args) => toggle::disable(desk, args).await,
        Act::Requests(args) => requests::run(desk, args).await,
    }
}
