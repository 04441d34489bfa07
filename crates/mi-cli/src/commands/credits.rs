//! `mi credits`, `mi credits add --amount N`, `mi credits history`.

use clap::{Args, Subcommand};
use mi_core::credits::Micro;
use mi_core::wire::usage::LedgerKind;

use crate::args::{ColonyArg, ColonyPlace, PagingArgs, amount, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::credits;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CreditsArgs {
    #[command(flatten)]
    place: ColonyPlace,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Subcommand)]
pub enum Act {
    /// Top a colony up
    Add(AddArgs),
    /// Everything that was added and paid, newest first
    History(HistoryArgs),
}

#[derive(Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Only these lines
    #[arg(long, value_parser = one_of!(LedgerKind))]
    kind: Option<LedgerKind>,
    #[command(flatten)]
    paging: PagingArgs,
}

#[derive(Args)]
pub struct AddArgs {
    #[command(flatten)]
    colony: ColonyArg,
    /// Credits (1 credit = 0.01 USD)
    #[arg(long, value_parser = amount, allow_hyphen_values = true)]
    amount: Micro,
    /// What for
    #[arg(long)]
    reason: Option<String>,
}

pub async fn run(desk: &mut Desk, args: CreditsArgs) -> Result<(), Fault> {
    match args.act {
        None => show(desk, args.place.named()).await,
        Some(Act::Add(args)) => add(desk, args).await,
        Some(Act::History(args)) => history(desk, args).await,
    }
}

async fn history(desk: &mut Desk, args: HistoryArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let entries = client.credits(office).history(args.kind, (&args.paging).into());
    desk.show(entries, |(entries, _), screen| credits::history(entries, screen)).await
}

async fn show(desk: &mut Desk, colony: Option<&str>) -> Result<(), Fault> {
    let (client, office) = desk.office(colony).await?;
    desk.show(client.credits(office).get(), credits::balance).await
}

async fn add(desk: &mut Desk, args: AddArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let answer = client.credits(office).add(args.amount, args.reason.as_deref()).await?;
    match desk.out.format {
        crate::output::Format::Json => desk.out.json(&answer.body),
        crate::output::Format::People => {
            desk.out.note(&format!("added {} credits", credits::amount(args.amount)))?;
            show(desk, Some(&office.to_string())).await
        }
    }
}
