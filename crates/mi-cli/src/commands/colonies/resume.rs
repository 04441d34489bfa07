//! `mi colonies resume COLONY`.

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

pub async fn run(desk: &mut Desk, place: ColonyPlace) -> Result<(), Fault> {
    let (client, office) = desk.office(place.named()).await?;
    desk.show(client.offices().resume(office), views::nothing).await?;
    desk.out.note("resumed")
}
