//! `mi colonies settings [get|set KEY=VALUE…]`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use crate::args::{ColonyArg, ColonyPlace, key_value};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::offices;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SettingsArgs {
    #[command(flatten)]
    place: ColonyPlace,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Subcommand)]
enum Act {
    /// Show them
    Get(ColonyPlace),
    /// Change some, such as maxAgents=10 or 'hireLimit={"count":5}'
    Set(SetArgs),
}

#[derive(Args)]
struct SetArgs {
    /// A value is JSON where it can be read as such, else text
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_value)]
    changes: Vec<(String, String)>,
    #[command(flatten)]
    colony: ColonyArg,
}

pub async fn run(desk: &mut Desk, args: SettingsArgs) -> Result<(), Fault> {
    match args.act {
        None => get(desk, args.place).await,
        Some(Act::Get(place)) => get(desk, place).await,
        Some(Act::Set(args)) => set(desk, args).await,
    }
}

async fn get(desk: &mut Desk, place: ColonyPlace) -> Result<(), Fault> {
    let (client, office) = desk.office(place.named()).await?;
    desk.show(client.offices().settings(office), offices::settings).await
}

async fn set(desk: &mut Desk, args: SetArgs) -> Result<(), Fault> {
    let changes: Map<String, Value> = args.changes.into_iter().map(|(key, text)| (key, value(text))).collect();
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    desk.show(client.offices().update_settings(office, &Value::Object(changes)), offices::settings).await
}

/// JSON where it can be read as such, else text.
pub(super) fn value(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
