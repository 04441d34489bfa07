//! Routes of events.

use mi_core::ids::TaskId;
use mi_core::wire::events::Event;
use serde::Deserialize;

use super::{service, stream};
use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, get};

pub fn operations() -> Vec<Operation> {
    vec![
        get("events.list", "…/events", Access::Operator, "What happened, oldest first")
            .lists::<Event>()
            .query(&[
                ("since", "Only events after this `seq`"),
                ("category", "task, message, session, lifecycle, office or file"),
                ("task", "Only events about this task"),
                ("limit", "At most so many, 50 unless told, 500 at most"),
                ("offset", "Skips so many"),
            ])
            .run(list),
        get("events.stream", "…/events/stream", Access::Operator, "What happens, as server-sent events")
            .query(&[("since", "From after this `seq`, as `Last-Event-ID` does; else from now on")])
            .unlimited()
            .run(follow),
    ]
}

#[derive(Deserialize)]
struct Since {
    since: Option<String>,
    category: Option<String>,
    task: Option<String>,
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    let (query, page) = (call.query::<Since>()?, call.page()?);
    let since = seq(query.since.as_deref())?.unwrap_or(0);
    let task = query.task.map(|text| text.parse::<TaskId>()).transpose()?;
    let wanted = service::Wanted { since, category: query.category, task, page };
    let (events, total) = house.look(&call, move |view, _| service::history(view.tx, view.office, &wanted)).await?;
    Ok(Answer::list(&events, total)?.into())
}

async fn follow(house: House, call: Call) -> Result<Reply, Fault> {
    let sent = call.header("last-event-id").map(str::to_owned).filter(|text| !text.is_empty());
    let after = seq(sent.or(call.query::<Since>()?.since).as_deref())?;
    stream::open(house, call, after).await
}

fn seq(text: Option<&str>) -> Result<Option<i64>, Fault> {
    let parse = |text: &str| text.trim().parse::<i64>().ok().filter(|seq| *seq >= 0);
    text.map(|text| parse(text).ok_or_else(|| fault::bad_request("an event's number is a whole number"))).transpose()
}
