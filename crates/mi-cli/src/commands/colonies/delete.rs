//! `mi colonies delete COLONY`.

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

/// Nothing is deleted by default: the colony is always named.
pub async fn run(desk: &mut Desk, place: ColonyPlace) -> Result<(), Fault> {
    let Some(named) = place.named() else {
        return Err(Fault::usage("which colony is to be deleted?", "`mi colonies delete COLONY` names it"));
    };
    let (client, office) = desk.office(Some(named)).await?;
    desk.show(client.offices().delete(office), views::nothing).await?;
    desk.out.note(&format!("deleted {named}"))
}
