//! Routes of credits and of what was used.

use mi_core::ids::AgentName;
use mi_core::problem::Code;
use mi_core::time::Time;
use mi_core::wire::offices::Credits;
use mi_core::wire::usage::{LedgerEntry, LedgerKind, LlmCall, LlmSummary, UsageBy, UsageRow, UsageSummary};
use serde::Deserialize;

use super::service::{self, AddCredits};
use super::usage::{self, Since};
use crate::agents;
use crate::gateway::service::{self as gateway, Whose};
use crate::house::{House, View};
use crate::infra::act::Answer;
use crate::infra::caller::{Access, Member};
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, get, post};

const CALLS: &[(&str, &str)] = &[
    ("agent", "Only this agent's"),
    ("limit", "At most so many, 50 unless told, 500 at most"),
    ("offset", "Skips so many"),
];
const HISTORY: &[(&str, &str)] =
    &[("kind", "Only these: grant, added, model or pods"), ("limit", "At most so many"), ("offset", "Skips so many")];
const SUMS: &[(&str, &str)] = &[
    ("by", "agent (unless told), task, model or day"),
    ("since", "RFC 3339: from the beginning of that day on, in UTC"),
    ("limit", "At most so many"),
    ("offset", "Skips so many"),
];
const SINCE: &[(&str, &str)] = &[("since", "RFC 3339: from the beginning of that day on, in UTC")];

pub fn operations() -> Vec<Operation> {
    let mut all = vec![
        get("credits.get", "…/credits", Access::Operator, "What the office has").gives::<Credits>(200).run(balance),
        post("credits.add", "…/credits", Access::Operator, "Adds to what the office has")
            .takes::<AddCredits>()
            .gives::<Credits>(200)
            .fails(&[Code::TooLong])
            .run(add),
        get("credits.history", "…/credits/history", Access::Operator, "The ledger, newest first")
            .lists::<LedgerEntry>()
            .query(HISTORY)
            .run(history),
    ];
    all.extend(of_usage());
    all
}

fn of_usage() -> Vec<Operation> {
    vec![
        get("usage.list", "…/usage", Access::Operator, "What was used, summed by agent, task, model or day")
            .lists::<UsageRow>()
            .query(SUMS)
            .run(sums),
        get("usage.current", "…/usage/current", Access::Operator, "What was used today, in UTC")
            .gives::<UsageSummary>(200)
            .run(current),
        get("usage.summary", "…/usage/summary", Access::Operator, "What was used in all")
            .gives::<UsageSummary>(200)
            .query(SINCE)
            .run(summary),
        get("usage.llm", "…/usage/llm", Access::Operator, "Model calls, newest first")
            .lists::<LlmCall>()
            .query(CALLS)
            .run(llm_calls),
        get("usage.llm_summary", "…/usage/llm/summary", Access::Operator, "What the office's model calls cost in all")
            .gives::<LlmSummary>(200)
            .run(llm_summary),
        get("usage.agent", "…/employees/{name}/usage", Access::Member, "What one agent's model calls cost in all")
            .gives::<LlmSummary>(200)
            .fails(&[Code::NoSuchAgent])
            .run(agent_usage),
    ]
}

async fn balance(house: House, call: Call) -> Result<Reply, Fault> {
    let credits = house.look(&call, |view, _| Ok(service::balance(view.office, &view.head))).await?;
    Ok(Answer::ok(&credits)?.into())
}

async fn add(house: House, call: Call) -> Result<Reply, Fault> {
    let asked: AddCredits = call.body()?;
    Ok(house.act(&call, move |act, member| service::add(act, member, &asked)).await?.into())
}

#[derive(Deserialize)]
struct HistoryQuery {
    kind: Option<LedgerKind>,
}

async fn history(house: House, call: Call) -> Result<Reply, Fault> {
    let (page, query) = (call.page()?, call.query::<HistoryQuery>()?);
    let look = move |view: &mut View<'_>, _: &Member| service::history(view.tx, view.office, query.kind, page);
    let (entries, total) = house.look(&call, look).await?;
    Ok(Answer::list(&entries, total)?.into())
}

#[derive(Deserialize)]
struct UsageQuery {
    by: Option<UsageBy>,
    since: Option<Time>,
}

impl UsageQuery {
    fn since(&self) -> Since {
        self.since.map_or(Since::Always, Since::DayOf)
    }
}

async fn sums(house: House, call: Call) -> Result<Reply, Fault> {
    let (page, query) = (call.page()?, call.query::<UsageQuery>()?);
    let by = query.by.unwrap_or(UsageBy::Agent);
    let look = move |view: &mut View<'_>, _: &Member| usage::rows(view.tx, view.office, by, query.since(), page);
    let (rows, total) = house.look(&call, look).await?;
    Ok(Answer::list(&rows, total)?.into())
}

async fn current(house: House, call: Call) -> Result<Reply, Fault> {
    let look = |view: &mut View<'_>, _: &Member| usage::summary(view.tx, view.office, Since::DayOf(view.now));
    Ok(Answer::ok(&house.look(&call, look).await?)?.into())
}

async fn summary(house: House, call: Call) -> Result<Reply, Fault> {
    let query: UsageQuery = call.query()?;
    let look = move |view: &mut View<'_>, _: &Member| usage::summary(view.tx, view.office, query.since());
    Ok(Answer::ok(&house.look(&call, look).await?)?.into())
}

#[derive(Deserialize)]
struct CallsQuery {
    agent: Option<AgentName>,
}

async fn llm_calls(house: House, call: Call) -> Result<Reply, Fault> {
    let (page, query) = (call.page()?, call.query::<CallsQuery>()?);
    let whose = query.agent.map_or(Whose::Everybody, Whose::Agent);
    let look = move |view: &mut View<'_>, _: &Member| gateway::calls(view.tx, view.office, &whose, page);
    let (calls, total) = house.look(&call, look).await?;
    Ok(Answer::list(&calls, total)?.into())
}

async fn llm_summary(house: House, call: Call) -> Result<Reply, Fault> {
    let summary = house.look(&call, |view, _| usage::of_models(view.tx, view.office, "")).await?;
    Ok(Answer::ok(&summary)?.into())
}

async fn agent_usage(house: House, call: Call) -> Result<Reply, Fault> {
    let name = call.param("name")?.to_owned();
    let look = move |view: &mut View<'_>, _: &Member| {
        let agent = agents::service::find(view.tx, view.office, &name)?;
        usage::of_models(view.tx, view.office, agent.name.as_str())
    };
    Ok(Answer::ok(&house.look(&call, look).await?)?.into())
}
