//! `mi integrations inspect ID`.

use clap::Args;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::integrations;

#[derive(Args)]
pub struct InspectArgs {
    /// Its id or an alias, such as github or gh
    #[arg(value_name = "INTEGRATION")]
    id: String,
    #[command(flatten)]
    colony: ColonyArg,
}

pub async fn run(desk: &mut Desk, args: InspectArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    desk.show(client.integrations(office).get(&args.id), integrations::one).await
}
