//! What an agent may use of the world outside, and asking for more.

use mi_core::wire::integrations::{AgentIntegrations, AskIntegration};

use super::here::{Here, named_agent};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Screen;
use crate::table::Table;

pub async fn mine(desk: &mut Desk, here: &Here) -> Result<(), Fault> {
    let me = named_agent(desk)?;
    desk.show(here.client.integrations(here.office).of_agent(&me), enabled).await
}

fn enabled(mine: &AgentIntegrations, screen: Screen) -> String {
    let mut table = Table::new(&["INTEGRATION", "NAME", "VARIABLES"]);
    for integration in &mine.integrations {
        let variables = integration.agent_env_vars.join(", ");
        table.row([(&integration.id).into(), (&integration.name).into(), (&variables).into()]);
    }
    table.render(screen)
}

pub async fn request(desk: &mut Desk, here: &Here, id: String, reason: String) -> Result<(), Fault> {
    let me = named_agent(desk)?;
    let note = format!("asked the owner for {id}");
    let ask = AskIntegration { integration_id: id, agent_name: Some(me.to_string()), reason: Some(reason) };
    desk.show(here.client.integrations(here.office).request(&ask), |_, _| String::new()).await?;
    desk.out.note(&note)?;
    desk.out.hint("`tq update --status blocked --blocked-kind needs_integration --reason …` puts your task aside")
}
