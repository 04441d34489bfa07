//! `mi agents activity NAME`.

use clap::Args;
use mi_client::ActivityFilter;

use crate::args::PagingArgs;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views::{self, agents};

#[derive(Args)]
pub struct ActivityArgs {
    #[command(flatten)]
    target: Target,
    /// task, message, standup, session, xmtp, lifecycle, chat or terminal
    #[arg(long)]
    category: Option<String>,
    /// Only later than this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    #[command(flatten)]
    paging: PagingArgs,
}

pub async fn run(desk: &mut Desk, args: ActivityArgs) -> Result<(), Fault> {
    let found = args.target.read()?;
    let filter = ActivityFilter { category: args.category, since: args.since, paging: (&args.paging).into() };
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.agents(office).activity(&found.thing, &filter), |(list, total), screen| {
        views::listed(agents::activity(list, screen), list.len(), *total)
    })
    .await
}
