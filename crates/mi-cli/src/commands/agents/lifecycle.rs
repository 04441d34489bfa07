//! `mi start|stop|restart NAME`.

use mi_core::ids::AgentName;
use mi_core::wire::agents::LifecycleAction;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views;

pub async fn run(desk: &mut Desk, target: Target, action: LifecycleAction) -> Result<(), Fault> {
    let found = target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.agents(office).lifecycle(&found.thing, action), views::nothing).await?;
    desk.out.note(&format!("{action}: {}", found.thing))
}
