//! `mi env set KEY=value…`.

use std::collections::BTreeMap;

use clap::Args;
use mi_core::ids::AgentName;

use crate::args::{ColonyArg, key_value};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

#[derive(Args)]
pub struct SetArgs {
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_value)]
    variables: Vec<(String, String)>,
    #[command(flatten)]
    colony: ColonyArg,
    /// For this agent only
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
}

pub async fn run(desk: &mut Desk, args: SetArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let env = client.env(office);
    let variables: BTreeMap<String, String> = args.variables.into_iter().collect();
    match &args.agent {
        None => desk.show(env.set(&variables), views::nothing).await?,
        Some(agent) => {
            for (key, value) in &variables {
                desk.show(env.set_for_agent(agent, key, value), views::nothing).await?;
            }
        }
    }
    let keys: Vec<&str> = variables.keys().map(String::as_str).collect();
    desk.out.note(&format!("set {}; agents see it from their next session on", keys.join(", ")))
}
