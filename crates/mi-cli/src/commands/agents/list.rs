//! `mi agents list`.

use clap::Args;

use crate::args::{ColonyPlace, PagingArgs};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::{self, agents};

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: ColonyPlace,
    #[command(flatten)]
    paging: PagingArgs,
}

pub async fn run(desk: &mut Desk, args: ListArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    desk.show(client.agents(office).list((&args.paging).into()), |(list, total), screen| {
        views::listed(agents::list(list, screen), list.len(), *total)
    })
    .await
}
