//! `mi webhooks …`: who is told of a colony's events.

use std::time::Duration;

use clap::{Args, Subcommand};
use mi_client::{Paging, Webhooks};
use mi_core::wire::webhooks::{CreateWebhook, Delivery, DeliveryState};

use crate::args::{ColonyArg, ColonyPlace, PagingArgs};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::{self, webhooks};

/// How long the outcome of a test is waited for; a receiver has ten seconds.
const OUTCOME_SECONDS_MAX: u64 = 20;

#[derive(Subcommand)]
pub enum Act {
    /// Who is told of what
    #[command(visible_alias = "ls")]
    List(ColonyPlace),
    /// Tell an address of events; shows the secret with which calls are signed, once, unless you bring one
    Add(AddArgs),
    /// Tell it nothing any more
    #[command(visible_alias = "delete")]
    Rm(OneArgs),
    /// What became of its deliveries, newest first
    Deliveries(DeliveriesArgs),
    /// Send a delivery once more, under its old name
    Redeliver(RedeliverArgs),
    /// Send a call without an event, and see what the receiver says (exit code 1 if it refuses)
    Test(OneArgs),
    /// Go on with a webhook that was disabled, where it stopped
    Enable(OneArgs),
}

#[derive(Args)]
pub struct AddArgs {
    /// Where to call, with POST; an address of the server's own network needs mi up --allow-upstream
    url: String,
    /// Which events: a category (task, message, session, lifecycle, office, file), a type (tasks.update) or its
    /// beginning (tasks.*) [default: all]
    #[arg(short, long = "event", value_name = "EVENTS", value_delimiter = ',')]
    events: Vec<String>,
    /// Your own secret instead of a made one; `@FILE` reads a file, `-` stdin, and `@@` begins a text with `@`
    #[arg(long, value_name = "TEXT")]
    secret: Option<String>,
    #[command(flatten)]
    colony: ColonyArg,
}

#[derive(Args)]
pub struct OneArgs {
    /// The webhook's number, as mi webhooks list shows it
    #[arg(value_name = "WEBHOOK")]
    id: i64,
    #[command(flatten)]
    colony: ColonyArg,
}

#[derive(Args)]
pub struct DeliveriesArgs {
    #[command(flatten)]
    one: OneArgs,
    #[command(flatten)]
    paging: PagingArgs,
}

#[derive(Args)]
pub struct RedeliverArgs {
    #[command(flatten)]
    one: OneArgs,
    /// The delivery's number, as mi webhooks deliveries shows it
    #[arg(value_name = "DELIVERY")]
    n: i64,
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(place) => {
            let (client, office) = desk.office(place.named()).await?;
            desk.show(client.webhooks(office).list(), |(list, _), screen| webhooks::list(list, screen)).await
        }
        Act::Add(args) => add(desk, args).await,
        Act::Rm(args) => rm(desk, args).await,
        Act::Deliveries(args) => deliveries(desk, args).await,
        Act::Redeliver(args) => {
            let hooks = hooks(desk, &args.one).await?;
            let begun = hooks.redeliver(args.one.id, args.n).await?;
            outcome(desk, &hooks, args.one.id, begun).await
        }
        Act::Test(args) => {
            let hooks = hooks(desk, &args).await?;
            let begun = hooks.test(args.id).await?;
            outcome(desk, &hooks, args.id, begun).await
        }
        Act::Enable(args) => {
            let hooks = hooks(desk, &args).await?;
            desk.show(hooks.enable(args.id), |hook, screen| webhooks::list(std::slice::from_ref(hook), screen)).await
        }
    }
}

async fn hooks(desk: &mut Desk, args: &OneArgs) -> Result<Webhooks, Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    Ok(client.webhooks(office))
}

async fn add(desk: &mut Desk, args: AddArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let secret = args.secret.map(|text| desk.text_or_file(&text)).transpose()?;
    let secret = secret.map(|text| text.trim().to_owned());
    let events = (!args.events.is_empty()).then_some(args.events);
    let (hook, answer) =
        client.webhooks(office).create(&CreateWebhook { url: args.url, events, secret }).both().await?;
    match desk.out.format {
        Format::Json => desk.out.json(&answer.body),
        Format::People => {
            let screen = desk.out.screen;
            desk.out.data(&webhooks::made(&hook, screen))?;
            if hook.secret.is_some() {
                desk.out.note("the secret is not shown again; receivers check X-Mi-Signature with it")?;
            }
            desk.out.hint(&format!("mi webhooks test {} sends a call", hook.id))
        }
    }
}

async fn rm(desk: &mut Desk, args: OneArgs) -> Result<(), Fault> {
    let hooks = hooks(desk, &args).await?;
    desk.show(hooks.delete(args.id), views::nothing).await?;
    desk.out.note(&format!("removed webhook {}", args.id))
}

async fn deliveries(desk: &mut Desk, args: DeliveriesArgs) -> Result<(), Fault> {
    let hooks = hooks(desk, &args.one).await?;
    let call = hooks.deliveries(args.one.id, Paging::from(&args.paging));
    desk.show(call, |(list, total), screen| views::listed(webhooks::deliveries(list, screen), list.len(), *total)).await
}

/// Waits until a delivery has ended, and says how.
async fn outcome(desk: &mut Desk, hooks: &Webhooks, id: i64, begun: Delivery) -> Result<(), Fault> {
    let ended =
        tokio::time::timeout(Duration::from_secs(OUTCOME_SECONDS_MAX), ended(desk.pace, hooks, id, begun.n)).await;
    let Ok(ended) = ended else {
        let hint = format!("mi webhooks deliveries {id} shows it later");
        return Err(Fault::failed(format!("delivery {} is still under way", begun.n), hint));
    };
    let ended = ended?;
    let screen = desk.out.screen;
    match desk.out.format {
        Format::Json => {
            let text = serde_json::to_vec(&ended).map_err(|fault| Fault::failed(fault.to_string(), "report this"))?;
            desk.out.json(&text)?;
        }
        Format::People => desk.out.data(&webhooks::deliveries(std::slice::from_ref(&ended), screen))?,
    }
    match ended.state {
        DeliveryState::Delivered => Ok(()),
        DeliveryState::Pending | DeliveryState::GivenUp => {
            let why = ended.error.as_deref().unwrap_or("no cause is known");
            Err(Fault::failed(format!("the delivery failed: {why}"), "mend the receiver and try again"))
        }
    }
}

async fn ended(pace: Duration, hooks: &Webhooks, id: i64, n: i64) -> Result<Delivery, Fault> {
    loop {
        let (latest, _) = hooks.deliveries(id, Paging { limit: Some(500), offset: None }).await?;
        let found = latest.into_iter().find(|one| one.n == n);
        let found = found.ok_or_else(|| Fault::failed(format!("delivery {n} is gone"), "mi webhooks list"))?;
        if found.state != DeliveryState::Pending {
            return Ok(found);
        }
        tokio::time::sleep(pace).await;
    }
}
