//! What an agent from elsewhere asks and says about itself: `self`, `models`, `use-model`, `heartbeat`.

use clap::Args;
use mi_core::wire::invites::UpdateSelf;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::{agents, integrations, invites};

#[derive(Args)]
pub struct UseModelArgs {
    /// As its provider calls it
    model: String,
}

#[derive(Args)]
pub struct HeartbeatArgs {
    /// One and no more, which is what it does anyway
    #[arg(long, hide = true)]
    once: bool,
}

pub async fn card(desk: &mut Desk) -> Result<(), Fault> {
    let (client, _) = desk.as_agent()?;
    desk.show(client.join().own(), invites::own).await
}

/// The models that the office's tiers stand for.
pub async fn models(desk: &mut Desk) -> Result<(), Fault> {
    let (client, _) = desk.as_agent()?;
    let office = client.join().own().await?.office_id;
    desk.show(client.integrations(office).models(None), |(list, _), screen| integrations::models(list, screen)).await
}

pub async fn use_model(desk: &mut Desk, args: UseModelArgs) -> Result<(), Fault> {
    let (client, _) = desk.as_agent()?;
    let changes = UpdateSelf { model_tier: Some(args.model), capabilities: None };
    desk.show(client.join().update_own(&changes), agents::one).await
}

pub async fn heartbeat(desk: &mut Desk, _: HeartbeatArgs) -> Result<(), Fault> {
    let (client, _) = desk.as_agent()?;
    desk.show(client.join().heartbeat(), |(), _| String::new()).await?;
    let who = desk.settings.agent.as_ref().map_or_else(|| "the agent".to_owned(), |agent| agent.agent.to_string());
    desk.out.note(&format!("{who} was heard"))
}
