//! `mi usage [--calls]`.

use clap::Args;

use crate::args::{ColonyPlace, PagingArgs};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::credits;

#[derive(Args)]
pub struct UsageArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Each model call instead of the sum
    #[arg(long)]
    calls: bool,
    #[command(flatten)]
    paging: PagingArgs,
}

pub async fn run(desk: &mut Desk, args: UsageArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let usage = client.usage(office);
    if args.calls {
        desk.show(usage.llm((&args.paging).into()), |(calls, _), screen| credits::calls(calls, screen)).await
    } else {
        desk.show(usage.llm_summary(), credits::summary_of_usage).await
    }
}
