//! `mi integrations list`.

use clap::Args;
use mi_core::ids::AgentName;

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::integrations;

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Only what this agent may use
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
}

pub async fn run(desk: &mut Desk, args: ListArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let all = client.integrations(office);
    match &args.agent {
        Some(agent) => {
            let show = |found: &mi_core::wire::integrations::AgentIntegrations, screen| {
                integrations::list(&found.integrations, screen)
            };
            desk.show(all.of_agent(agent), show).await
        }
        None => desk.show(all.list(), |(list, _), screen| integrations::list(list, screen)).await,
    }
}
