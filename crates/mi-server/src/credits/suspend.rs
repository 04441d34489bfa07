//! Suspended: an agent whose next call can't be paid for. Its workspace stays, its claim goes back uncounted, and it goes on
//! when there is enough.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::time::Time;
use serde_json::json;

use super::purses::{self, Owner};
use super::rules::{self, Funds};
use super::store::suspended as store;
use crate::agents::service as agents;
use crate::house::House;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::sweeps::Offices;
use crate::infra::wakeups::Wake;
use crate::sessions;
use crate::tasks::calls;

/// Offices looked at in one round of the sweep; the next one goes on behind them.
const OFFICES_PER_ROUND_MAX: i64 = 500;

/// What there was not enough of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    Credits,
    Budget,
    BudgetOfDay,
}

/// Since when, why, and how much the call that was refused may have cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspension {
    pub at: Time,
    pub lack: Lack,
    pub need: Micro,
}

impl Lack {
    pub const fn as_str(self) -> &'static str {
        match self {
            Lack::Credits => "credits",
            Lack::Budget => "budget",
            Lack::BudgetOfDay => "budget_of_day",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Lack::Credits, Lack::Budget, Lack::BudgetOfDay].into_iter().find(|lack| lack.as_str() == text)
    }

    /// What is told of an agent that lacks it.
    pub const fn told(self) -> &'static str {
        match self {
            Lack::Credits => "its next model call may cost more than the office has; mi credits add tops it up",
            Lack::Budget => "its budget is used up; mi agents update --budget raises it",
            Lack::BudgetOfDay => "its budget of the day is used up; it goes on tomorrow (UTC)",
        }
    }
}

/// Why this agent doesn't work, if money is the reason.
pub fn of(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<Suspension>, Fault> {
    Ok(store::of(tx, office, agent)?)
}

/// Stops what the agent is at without judging it; others may take its work.
pub fn suspend(act: &mut Act<'_>, agent: AgentId, name: &AgentName, lack: Lack, need: Micro) -> Result<(), Fault> {
    store::set(act.tx, act.office, agent, &Suspension { at: act.now, lack, need })?;
    sessions::service::stop_all(act, agent, lack.told())?;
    calls::for_tasks(act)?;
    act.wake_agent(name);
    act.wake(Wake::Pods);
    let summary = format!("{name} is suspended: {}", lack.told());
    let data = json!({"lacks": lack.as_str(), "needed": need, "available": act.head.available()});
    record(act, name, "agents.suspend", summary, data)
}

/// Whoever's next call would fit now goes on.
pub fn resume_those_who_fit(act: &mut Act<'_>) -> Result<(), Fault> {
    let mut resumed = 0;
    for (agent, suspension) in store::all(act.tx, act.office)? {
        if fits(act, agent, &suspension)? {
            resume(act, agent)?;
            resumed += 1;
        }
    }
    if resumed > 0 {
        act.wake(Wake::Pods);
        calls::for_everything(act)?;
    }
    Ok(())
}

fn fits(act: &mut Act<'_>, agent: AgentId, suspension: &Suspension) -> Result<bool, Fault> {
    match suspension.lack {
        Lack::Credits => {
            let funds = rules::funds(act.head.balance, act.head.held, suspension.need);
            Ok(act.head.balance > Micro(0) && funds == Funds::Enough)
        }
        Lack::Budget | Lack::BudgetOfDay => {
            let today = rules::day_of(act.now);
            let own = purses::of_call(act.tx, act.office, agent, None)?;
            let has = |(_, purse): &(Owner, rules::Purse)| purse.funds(suspension.need, today).0 == Funds::Enough;
            Ok(own.iter().all(has))
        }
    }
}

fn resume(act: &mut Act<'_>, agent: AgentId) -> Result<(), Fault> {
    store::clear(act.tx, act.office, agent)?;
    let Some(row) = agents::by_id(act.tx, act.office, agent)? else { return Ok(()) };
    act.wake_agent(&row.name);
    record(act, &row.name, "agents.resume", format!("{} goes on: its next call can be paid for", row.name), json!({}))
}

fn record(
    act: &mut Act<'_>,
    name: &AgentName,
    kind: &'static str,
    summary: String,
    data: serde_json::Value,
) -> Result<(), Fault> {
    act.event(NewEvent {
        category: Category::Lifecycle,
        kind,
        actor: "system",
        agent: Some(name),
        task: None,
        summary,
        data,
    })?;
    Ok(())
}

/// A new day: whoever waits for its budget of the day goes on.
pub async fn begin_day(house: &House, offices: &Offices<OfficeId>) -> Result<(), Fault> {
    let (since, after) = (rules::day_start(rules::day_of(house.clock.now())), offices.after());
    let look = move |tx: &mut dyn Tx| Ok(store::of_earlier_days(tx, since, after, OFFICES_PER_ROUND_MAX)?);
    let waiting = house.db.read(look).await?;
    let begin = |office| house.act_as_server(office, resume_those_who_fit);
    offices.each("budgets of the day", waiting, OFFICES_PER_ROUND_MAX, begin).await
}
