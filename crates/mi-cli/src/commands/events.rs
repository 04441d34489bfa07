//! `mi events [-f]`: what happened in a colony, and what happens.

use clap::Args;
use mi_client::{EventFilter, Events, Paging};
use mi_core::ids::TaskId;
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::wire::events::Event;

use crate::args::{ColonyPlace, PagingArgs};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::{self, events};

/// The newest, where neither `--since` nor `--offset` says from where.
const SHOWN_DEFAULT: i64 = 50;

#[derive(Args)]
#[command(after_help = "Without --since and --offset the newest are shown, the last one at the end.")]
pub struct EventsArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Go on until interrupted
    #[arg(short, long, conflicts_with_all = ["category", "task", "limit", "offset"])]
    follow: bool,
    /// Only after the event with this number
    #[arg(long, value_name = "SEQ")]
    since: Option<i64>,
    /// task, message, session, lifecycle, office or file
    #[arg(long)]
    category: Option<String>,
    /// Only about this task
    #[arg(long, value_name = "TASK")]
    task: Option<TaskId>,
    #[command(flatten)]
    paging: PagingArgs,
}

pub async fn run(desk: &mut Desk, args: EventsArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let of_office = client.events(office);
    if args.follow {
        return follow(desk, &of_office, args.since).await;
    }
    let (since, category, task) = (args.since, args.category, args.task);
    let mut filter = EventFilter { since, category, task, paging: Paging::from(&args.paging) };
    if filter.since.is_none() && filter.paging.offset.is_none() {
        filter.paging = newest(&of_office, &filter).await?;
    }
    desk.show(of_office.filtered(&filter), |(list, total), screen| {
        views::listed(events::list(list, screen), list.len(), *total)
    })
    .await
}

/// The API gives the oldest first, so what comes before the newest is left out.
async fn newest(of_office: &Events, filter: &EventFilter) -> Result<Paging, Fault> {
    let limit = filter.paging.limit.unwrap_or(SHOWN_DEFAULT);
    let one = EventFilter { paging: Paging { limit: Some(1), offset: None }, ..filter.clone() };
    let (_, total) = of_office.filtered(&one).await?;
    let older = i64::try_from(total).unwrap_or(i64::MAX).saturating_sub(limit.clamp(1, LIST_LIMIT_MAX));
    Ok(Paging { limit: Some(limit), offset: (older > 0).then_some(older) })
}

async fn follow(desk: &mut Desk, of_office: &Events, since: Option<i64>) -> Result<(), Fault> {
    let mut stream = of_office.live(since).with_pause(desk.pace);
    loop {
        let message = stream.next().await?;
        let screen = desk.out.screen;
        match (desk.out.format, message.event.as_str()) {
            (Format::Json, _) => desk.out.json(message.data.as_bytes())?,
            (Format::People, "reset") => desk.out.warn(gap(&message.json()?))?,
            (Format::People, _) => desk.out.data(&events::line(&message.json::<Event>()?, screen))?,
        }
    }
}

/// Why something between the last event and the next is gone.
fn gap(reset: &serde_json::Value) -> &'static str {
    match reset["reason"].as_str() {
        Some("unknown") => {
            "the server never had that event (was an older store put back?); this goes on with the next one"
        }
        _ => "older events were pruned; these are the ones that are left",
    }
}
