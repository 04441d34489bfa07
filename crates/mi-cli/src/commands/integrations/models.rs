//! `mi integrations models`.

use clap::Args;

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::integrations;

#[derive(Args)]
pub struct ModelsArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Of this provider only, such as google
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
}

pub async fn run(desk: &mut Desk, args: ModelsArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let call = client.integrations(office).models(args.provider.as_deref());
    desk.show(call, |(list, _), screen| integrations::models(list, screen)).await
}
