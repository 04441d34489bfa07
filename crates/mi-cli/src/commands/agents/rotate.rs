//! `mi agents rotate NAME`.

use clap::Args;
use mi_core::ids::AgentName;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views;

#[derive(Args)]
pub struct RotateArgs {
    #[command(flatten)]
    agent: Target,
    /// Of an external agent's new pair, in hex; a hosted agent's pair is made by the server
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
}

pub async fn run(desk: &mut Desk, args: RotateArgs) -> Result<(), Fault> {
    let found = args.agent.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let rotating = client.agents(office).rotate_credentials(&found.thing, args.public_key);
    desk.show(rotating, views::agents::credentials).await?;
    desk.out.note(&format!("{} has new credentials; the old ones are refused", found.thing))
}
