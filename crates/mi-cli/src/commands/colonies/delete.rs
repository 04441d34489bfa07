//! `mi colonies delete COLONY`.

use clap::Args;

use crate::args::ColonyPlace;
use crate::confirm::{Consent, confirm};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

#[derive(Args)]
pub struct DeleteArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Don't ask, as on a terminal
    #[arg(short, long)]
    yes: bool,
}

/// Nothing is deleted by default: the colony is always named. Programs, which can't be asked, mean what they say.
pub async fn run(desk: &mut Desk, args: DeleteArgs) -> Result<(), Fault> {
    let Some(named) = args.place.named() else {
        return Err(Fault::usage("which colony is to be deleted?", "`mi colonies delete COLONY` names it"));
    };
    let (client, office) = desk.office(Some(named)).await?;
    if !args.yes && desk.out.stderr_is_terminal {
        let question = format!("delete {named} with its agents, tasks and files for good?");
        if confirm(desk, &question)? == Consent::Refused {
            return Err(Fault::failed("nothing was deleted", "`mi colonies suspend` only lets it rest"));
        }
    }
    desk.show(client.offices().delete(office), views::nothing).await?;
    desk.out.note(&format!("deleted {named}"))
}
