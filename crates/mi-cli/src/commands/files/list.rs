//! `mi files list`.

use clap::Args;

use crate::args::{ColonyPlace, PagingArgs};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::{self, files};

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Only names that begin so
    #[arg(long)]
    prefix: Option<String>,
    #[command(flatten)]
    paging: PagingArgs,
}

pub async fn run(desk: &mut Desk, args: ListArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let call = client.files(office).list(args.prefix.as_deref(), (&args.paging).into());
    desk.show(call, |(list, total), screen| views::listed(files::list(list, screen), list.len(), *total)).await
}
