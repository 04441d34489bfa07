//! `mi integrations requests`.

use clap::Args;

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::integrations;

#[derive(Args)]
pub struct RequestsArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Those that were granted, too
    #[arg(long)]
    all: bool,
}

pub async fn run(desk: &mut Desk, args: RequestsArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let all = client.integrations(office);
    let call = all.requests((!args.all).then_some("pending"));
    let ((requests, _), answer) = call.both().await?;
    if desk.out.format == Format::Json {
        return desk.out.json(&answer.body);
    }
    let (cards, _) = all.list().await?;
    let screen = desk.out.screen;
    desk.out.data(&integrations::requests(&requests, &cards, screen))
}
