//! `mi tasks stats`.

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::tasks;

pub async fn run(desk: &mut Desk, place: ColonyPlace) -> Result<(), Fault> {
    let (client, office) = desk.office(place.named()).await?;
    desk.show(client.tasks(office).stats(), tasks::stats).await
}
