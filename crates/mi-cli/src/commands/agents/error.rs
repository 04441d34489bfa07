//! `mi error NAME`: the last error that an agent met.

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views::agents;

pub async fn run(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    let found = target.read()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.agents(office).last_error(&found.thing), |error, _| agents::last_error(error)).await
}
