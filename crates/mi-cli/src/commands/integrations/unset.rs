//! `mi integrations unset ID`.

use clap::Args;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

#[derive(Args)]
pub struct UnsetArgs {
    /// Its id or an alias, such as github or gh
    #[arg(value_name = "INTEGRATION")]
    id: String,
    #[command(flatten)]
    colony: ColonyArg,
}

pub async fn run(desk: &mut Desk, args: UnsetArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    desk.show(client.integrations(office).delete_secret(&args.id), views::nothing).await?;
    desk.out.note(&format!("the secret of {} is forgotten; sessions that run keep what they have", args.id))
}
