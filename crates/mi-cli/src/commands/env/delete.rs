//! `mi env delete KEY…`.

use clap::Args;
use mi_core::ids::AgentName;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

#[derive(Args)]
pub struct DeleteArgs {
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    #[command(flatten)]
    colony: ColonyArg,
    /// Of this agent only
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
}

pub async fn run(desk: &mut Desk, args: DeleteArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    for key in &args.keys {
        let call = match &args.agent {
            None => client.env(office).delete(key),
            Some(agent) => client.env(office).delete_for_agent(agent, key),
        };
        desk.show(call, views::nothing).await?;
        desk.out.note(&format!("removed {key}"))?;
    }
    Ok(())
}
