//! `mi usage [--by WHAT] [--since TIME]`, `mi usage --calls`.

use clap::Args;
use mi_core::time::Time;
use mi_core::wire::usage::UsageBy;

use crate::args::{ColonyPlace, PagingArgs, moment, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::credits;

#[derive(Args)]
pub struct UsageArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Summed by agent, task, model or day
    #[arg(long, value_parser = one_of!(UsageBy), conflicts_with = "calls")]
    by: Option<UsageBy>,
    /// From that day on (RFC 3339), with --by
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "by")]
    since: Option<Time>,
    /// Each model call instead of the sum
    #[arg(long)]
    calls: bool,
    #[command(flatten)]
    paging: PagingArgs,
}

pub async fn run(desk: &mut Desk, args: UsageArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let usage = client.usage(office);
    if let Some(by) = args.by {
        let sums = usage.sums(by, args.since, (&args.paging).into());
        desk.show(sums, |(rows, _), screen| credits::sums(rows, screen)).await
    } else if args.calls {
        desk.show(usage.llm((&args.paging).into()), |(calls, _), screen| credits::calls(calls, screen)).await
    } else {
        desk.show(usage.llm_summary(), credits::summary_of_usage).await
    }
}
