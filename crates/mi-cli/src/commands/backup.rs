//! `mi backup …`: workspaces as they were.

use clap::{Args, Subcommand};
use mi_client::{Backups, Paging};
use mi_core::ids::AgentName;
use mi_core::wire::backups::RestoreBackup;

use crate::args::{ColonyArg, ColonyPlace, PagingArgs};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views::{self, backups};

const HELP: &str = "\
Examples:
  mi backup create ada            its workspace as it is now
  mi backup list --agent ada
  mi stop ada && mi backup restore 5f0c… && mi start ada
  mi restore ada                  a fired or archived agent, with its workspace";

#[derive(Subcommand)]
#[command(after_help = HELP)]
pub enum Act {
    /// Which backups there are, the newest first
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Back an agent's workspace up
    Create(Target),
    /// Put a backup into a stopped agent's workspace, in place of what is there
    Restore(RestoreArgs),
    /// Delete a backup
    #[command(visible_alias = "rm")]
    Delete(OneArgs),
}

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Only of everybody who had this name
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
    #[command(flatten)]
    paging: PagingArgs,
}

#[derive(Args)]
pub struct OneArgs {
    /// The backup's id, as mi backup list shows it
    #[arg(value_name = "BACKUP")]
    id: String,
    #[command(flatten)]
    colony: ColonyArg,
}

#[derive(Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Into whose workspace [default: whose it is]
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(args) => {
            let (client, office) = desk.office(args.place.named()).await?;
            let call = client.backups(office).list(args.agent.as_ref(), Paging::from(&args.paging));
            desk.show(call, |(list, total), screen| views::listed(backups::list(list, screen), list.len(), *total))
                .await
        }
        Act::Create(target) => {
            let found = target.read::<AgentName>()?;
            let (client, office) = desk.office(found.colony.as_deref()).await?;
            let call = client.backups(office).create(&found.thing);
            desk.show(call, |made, screen| backups::list(std::slice::from_ref(made), screen)).await
        }
        Act::Restore(args) => {
            let own = own(desk, &args.one).await?;
            let wish = RestoreBackup { agent: args.agent.map(|name| name.to_string()) };
            let call = own.restore(&args.one.id, &wish);
            desk.show(call, |restored, screen| backups::list(std::slice::from_ref(restored), screen)).await?;
            desk.out.hint("mi start NAME lets the agent work with it")
        }
        Act::Delete(args) => {
            let own = own(desk, &args).await?;
            desk.show(own.delete(&args.id), views::nothing).await?;
            desk.out.note(&format!("deleted backup {}", args.id))
        }
    }
}

async fn own(desk: &mut Desk, args: &OneArgs) -> Result<Backups, Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    Ok(client.backups(office))
}
