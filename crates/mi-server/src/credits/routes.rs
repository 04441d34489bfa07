//! Routes of credits and of what was used.

use mi_core::problem::Code;
use mi_core::wire::offices::Credits;
use mi_core::wire::usage::{LlmCall, LlmSummary};

use super::service::{self, AddCredits, LedgerEntry};
use crate::agents;
use crate::gateway::service::{self as gateway, Whose};
use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, get, post};

const PAGE: &[(&str, &str)] = &[("limit", "At most so many, 50 unless told, 500 at most"), ("offset", "Skips so many")];

pub fn operations() -> Vec<Operation> {
    vec![
        get("credits.get", "…/credits", Access::Operator, "What the office has").gives::<Credits>(200).run(balance),
        post("credits.add", "…/credits", Access::Operator, "Adds to what the office has")
            .takes::<AddCredits>()
            .gives::<Credits>(200)
            .fails(&[Code::TooLong])
            .run(add),
        get("credits.history", "…/credits/history", Access::Operator, "The ledger, newest first")
            .lists::<LedgerEntry>()
            .query(PAGE)
            .run(history),
        get("usage.llm", "…/usage/llm", Access::Operator, "Model calls, newest first")
            .lists::<LlmCall>()
            .query(PAGE)
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

async fn history(house: House, call: Call) -> Result<Reply, Fault> {
    let page = call.page()?;
    let (entries, total) = house.look(&call, move |view, _| service::history(view.tx, view.office, page)).await?;
    Ok(Answer::list(&entries, total)?.into())
}

async fn llm_calls(house: House, call: Call) -> Result<Reply, Fault> {
    let page = call.page()?;
    let look = move |view: &mut crate::house::View<'_>, _: &crate::infra::caller::Member| {
        gateway::calls(view.tx, view.office, &Whose::Everybody, page)
    };
    let (calls, total) = house.look(&call, look).await?;
    Ok(Answer::list(&calls, total)?.into())
}

async fn llm_summary(house: House, call: Call) -> Result<Reply, Fault> {
    let summary = house.look(&call, |view, _| gateway::summary(view.tx, view.office, &Whose::Everybody)).await?;
    Ok(Answer::ok(&summary)?.into())
}

async fn agent_usage(house: House, call: Call) -> Result<Reply, Fault> {
    let name = call.param("name")?.to_owned();
    let look = move |view: &mut crate::house::View<'_>, _: &crate::infra::caller::Member| {
        let agent = agents::service::find(view.tx, view.office, &name)?;
        gateway::summary(view.tx, view.office, &Whose::Agent(agent.name))
    };
    Ok(Answer::ok(&house.look(&call, look).await?)?.into())
}
