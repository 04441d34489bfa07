//! `mi usage [--by WHAT] [--since TIME]`, `mi usage --calls`.

use clap::Args;
use mi_core::time::Time;
use mi_core::wire::usage::UsageBy;

use crate::args::{ColonyPlace, PagingArgs, moment, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
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
        let models = usage.llm_summary();
        // Programs get what models cost, as ever; people the pods beside it.
        if desk.out.format == Format::Json {
            return desk.out.json(&models.answer().await?.body);
        }
        // The smaller one first: what is settled meanwhile is in the other.
        let models = models.await?;
        desk.show(usage.summary(), |all, screen| credits::summary_of_usage(&models, all, screen)).await
    }
}
