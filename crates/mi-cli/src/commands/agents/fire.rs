//! `mi agents fire NAME`.

use clap::Args;
use mi_core::ids::AgentName;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views;

#[derive(Args)]
pub struct FireArgs {
    #[command(flatten)]
    target: Target,
    /// Keep nothing of its workspace
    #[arg(long)]
    no_backup: bool,
}

pub async fn run(desk: &mut Desk, args: FireArgs) -> Result<(), Fault> {
    let found = args.target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let agents = client.agents(office);
    let call = if args.no_backup { agents.fire_without_backup(&found.thing) } else { agents.fire(&found.thing) };
    desk.show(call, views::nothing).await?;
    desk.out.note(&format!("fired {}", found.thing))
}
