//! `mi keys …`: the API keys of your own.

use clap::{Args, Subcommand};
use mi_client::{Client, Paging};
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::time::Time;
use mi_core::wire::identity::{ApiKey, CreateKey};

use crate::args::{PagingArgs, moment};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::{self, identity};

#[derive(Subcommand)]
pub enum Act {
    /// Your keys, the newest first
    #[command(visible_alias = "ls")]
    List(PagingArgs),
    /// Make a key; it is shown once
    Create(CreateArgs),
    /// End a key, and all that is open with it
    #[command(visible_alias = "rm")]
    Revoke(RevokeArgs),
}

#[derive(Args)]
pub struct CreateArgs {
    /// What it is for, such as ci or laptop
    name: String,
    /// When it ends, in days from now
    #[arg(long, value_name = "DAYS", conflicts_with = "expires_at", value_parser = clap::value_parser!(i64).range(1..))]
    expires_in_days: Option<i64>,
    /// When it ends, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires_at: Option<Time>,
    /// A colony that it opens, by id or name (may be repeated) [default: all of yours]
    #[arg(short = 'c', long = "colony", alias = "office", value_name = "COLONY", value_delimiter = ',')]
    colonies: Vec<String>,
}

#[derive(Args)]
pub struct RevokeArgs {
    /// Its id or its first characters, as `mi keys list` shows them, or its name
    #[arg(value_name = "KEY")]
    which: String,
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    let client = desk.client()?;
    match act {
        Act::List(paging) => {
            let call = client.keys().list(Paging::from(&paging));
            let now = (desk.now)();
            desk.show(call, |(list, total), screen| {
                views::listed(identity::keys(list, now, screen), list.len(), *total)
            })
            .await
        }
        Act::Create(args) => create(desk, &client, args).await,
        Act::Revoke(args) => {
            let key = find(&client, &args.which).await?;
            desk.show(client.keys().revoke(&key.id), |_, _| String::new()).await?;
            desk.out.note(&format!("revoked {} ({}…)", key.name, key.prefix))
        }
    }
}

async fn create(desk: &mut Desk, client: &Client, args: CreateArgs) -> Result<(), Fault> {
    let offices = (!args.colonies.is_empty()).then_some(args.colonies);
    let CreateArgs { name, expires_in_days, expires_at, .. } = args;
    let wish = CreateKey { name, expires_at, expires_in_days, offices };
    let (made, answer) = client.keys().create(&wish).both().await?;
    match desk.out.format {
        Format::Json => desk.out.json(&answer.body),
        Format::People => {
            let screen = desk.out.screen;
            desk.out.data(&identity::made(&made, screen))?;
            desk.out.note("the key is not shown again")?;
            desk.out.hint("`mi login --key -` stores it where it is used")
        }
    }
}

/// The one key that is meant: revoking the wrong one can't be undone.
async fn find(client: &Client, which: &str) -> Result<ApiKey, Fault> {
    let (keys, _) = client.keys().list(Paging { limit: Some(LIST_LIMIT_MAX), offset: None }).await?;
    let is_meant = |key: &ApiKey| key.id == which || key.name == which || (!which.is_empty() && key.prefix == which);
    let (meant, ended): (Vec<ApiKey>, Vec<ApiKey>) =
        keys.into_iter().filter(is_meant).partition(|key| key.revoked_at.is_none());
    let found = if meant.is_empty() { ended } else { meant };
    match <[ApiKey; 1]>::try_from(found) {
        Ok([key]) => Ok(key),
        Err(none) if none.is_empty() => {
            Err(Fault::not_found(format!("you have no key {which:?}"), "`mi keys list` shows yours"))
        }
        Err(several) => {
            let ids: Vec<&str> = several.iter().map(|key| key.id.as_str()).collect();
            let hint = format!("name it by its id: {}", ids.join(", "));
            Err(Fault::usage(format!("{} keys are called {which:?}", several.len()), hint))
        }
    }
}
