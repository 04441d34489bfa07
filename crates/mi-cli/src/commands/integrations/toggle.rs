//! `mi integrations enable ID AGENT…`, `mi integrations disable ID AGENT…`.

use clap::Args;
use mi_core::ids::AgentName;
use mi_core::wire::integrations::{IntegrationStatus, IntegrationToggled};

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;

#[derive(Args)]
pub struct ToggleArgs {
    /// Its id or an alias, such as github or gh
    #[arg(value_name = "INTEGRATION")]
    id: String,
    #[arg(value_name = "AGENT", required = true)]
    agents: Vec<AgentName>,
    #[command(flatten)]
    colony: ColonyArg,
}

pub async fn enable(desk: &mut Desk, args: ToggleArgs) -> Result<(), Fault> {
    toggle(desk, args, true).await
}

pub async fn disable(desk: &mut Desk, args: ToggleArgs) -> Result<(), Fault> {
    toggle(desk, args, false).await
}

async fn toggle(desk: &mut Desk, args: ToggleArgs, enabled: bool) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    for agent in &args.agents {
        let (toggled, answer) = client.integrations(office).toggle_agent(&args.id, agent, enabled).both().await?;
        match desk.out.format {
            Format::Json => desk.out.json(&answer.body)?,
            Format::People => tell(desk, &toggled)?,
        }
    }
    Ok(())
}

fn tell(desk: &mut Desk, toggled: &IntegrationToggled) -> Result<(), Fault> {
    let (id, agent) = (&toggled.integration_id, &toggled.agent_name);
    if !toggled.enabled {
        return desk.out.note(&format!("{id} is off for {agent}; a session that runs keeps what it has"));
    }
    desk.out.note(&format!("{id} is on for {agent}"))?;
    for task in &toggled.unblocked {
        desk.out.note(&format!("task {task} is back in the queue"))?;
    }
    match toggled.status {
        IntegrationStatus::Pending => {
            desk.out.hint(&format!("it isn't set up yet: `mi integrations inspect {id}` shows what is missing"))
        }
        IntegrationStatus::Configured | IntegrationStatus::Active => Ok(()),
    }
}
