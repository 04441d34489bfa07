//! `mi env list`.

use clap::Args;
use mi_core::ids::AgentName;

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::env;

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// With their values, for everybody who can see this screen
    #[arg(long, conflicts_with = "agent")]
    values: bool,
    /// What this agent gets
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
}

pub async fn run(desk: &mut Desk, args: ListArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let env = client.env(office);
    let call = match &args.agent {
        Some(agent) => env.of_agent(agent),
        None if args.values => env.values(),
        None => env.list(),
    };
    desk.show(call, |(list, _), screen| env::list(list, screen)).await
}
