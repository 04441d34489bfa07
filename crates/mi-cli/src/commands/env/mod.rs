//! `mi env …`.

mod delete;
mod list;
mod set;

use clap::Subcommand;

use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Subcommand)]
pub enum Act {
    /// The keys that are set
    List(list::ListArgs),
    /// Set KEY=value
    Set(set::SetArgs),
    /// Remove keys of the colony, or of an agent
    #[command(visible_alias = "rm")]
    Delete(delete::DeleteArgs),
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(args) => list::run(desk, args).await,
        Act::Set(args) => set::run(desk, args).await,
        Act::Delete(args) => delete::run(desk, args).await,
    }
}
