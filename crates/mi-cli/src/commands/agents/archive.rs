//! `mi agents archive NAME`, `mi agents restore NAME`.

use clap::Args;
use mi_core::ids::AgentName;
use mi_core::wire::backups::RestoreAgent;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;

#[derive(Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    target: Target,
    /// Its workspace from this backup [default: the newest, if its workspace is gone]
    #[arg(long, value_name = "BACKUP")]
    backup: Option<String>,
}

pub async fn archive(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    let found = target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.agents(office).archive(&found.thing), |_, _| String::new()).await?;
    desk.out.note(&format!("archived {}", found.thing))?;
    desk.out.hint(&format!("mi restore {} brings it back", found.thing))
}

pub async fn restore(desk: &mut Desk, args: RestoreArgs) -> Result<(), Fault> {
    let found = args.target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let wish = RestoreAgent { backup: args.backup };
    desk.show(client.agents(office).restore(&found.thing, &wish), |_, _| String::new()).await?;
    desk.out.note(&format!("restored {}", found.thing))
}
