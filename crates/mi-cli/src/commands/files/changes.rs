//! `mi files changes`.

use clap::Args;

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::files;

#[derive(Args)]
pub struct ChangesArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Only later than this time, in milliseconds since 1970
    #[arg(long, value_name = "MS")]
    since: Option<i64>,
}

pub async fn run(desk: &mut Desk, args: ChangesArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    desk.show(client.files(office).changes(args.since), files::changes).await
}
