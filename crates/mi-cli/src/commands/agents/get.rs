//! `mi agents get NAME`.

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views::agents;

pub async fn run(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    let found = target.read()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.agents(office).get(&found.thing), agents::one).await
}
