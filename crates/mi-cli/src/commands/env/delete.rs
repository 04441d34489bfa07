//! `mi env delete KEY…`.

use clap::Args;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

#[derive(Args)]
pub struct DeleteArgs {
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    #[command(flatten)]
    colony: ColonyArg,
}

pub async fn run(desk: &mut Desk, args: DeleteArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    for key in &args.keys {
        desk.show(client.env(office).delete(key), views::nothing).await?;
        desk.out.note(&format!("removed {key}"))?;
    }
    Ok(())
}
