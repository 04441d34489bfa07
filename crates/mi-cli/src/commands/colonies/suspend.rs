//! `mi colonies suspend COLONY`.

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

pub async fn run(desk: &mut Desk, place: ColonyPlace) -> Result<(), Fault> {
    let (client, office) = desk.office(place.named()).await?;
    desk.show(client.offices().suspend(office), views::nothing).await?;
    desk.out.note("suspended; `mi colonies resume` lets it work again")
}
