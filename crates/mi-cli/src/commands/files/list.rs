//! `mi files list`, `tq files`.

use clap::Args;
use mi_client::{Client, Paging};
use mi_core::ids::OfficeId;

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
    list(desk, &client, office, args.prefix.as_deref(), (&args.paging).into()).await
}

pub async fn list(
    desk: &mut Desk,
    client: &Client,
    office: OfficeId,
    prefix: Option<&str>,
    paging: Paging,
) -> Result<(), Fault> {
    let call = client.files(office).list(prefix, paging);
    desk.show(call, |(list, total), screen| views::listed(files::list(list, screen), list.len(), *total)).await
}
