//! `mi agents keys NAME`.

use mi_core::ids::AgentName;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views::{self, agents};

pub async fn run(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    let found = target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let call = client.agents(office).keys(&found.thing);
    desk.show(call, |(list, total), screen| views::listed(agents::keys(list, screen), list.len(), *total)).await
}
