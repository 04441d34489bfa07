//! `mi agents fire NAME`.

use mi_core::ids::AgentName;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views;

pub async fn run(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    let found = target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.agents(office).fire(&found.thing), views::nothing).await?;
    desk.out.note(&format!("fired {}", found.thing))
}
