//! Budgets: what an agent, or a task with everything below it, may spend on models.
//!
//! A call draws on every budget above it: of its agent and whoever hired that, of its task, the tasks above it and those
//! whose sessions made them. So nobody gets more by hiring somebody or by splitting the work. Who hired whom and what is
//! below what never changes, also not when somebody leaves: so a call that is over gives back to the same budgets that it
//! held from, and a budget that is set meanwhile begins with what its calls cost and hold.

use std::collections::BTreeMap;

use mi_core::credits::{BALANCE_MAX, Ceiling, Micro};
use mi_core::ids::{AgentId, OfficeId, TaskId};
use mi_core::tasks::status::{BlockedKind, Status};
use mi_core::wire::usage::BudgetCard;

use super::rules::{self, Funds, Purse};
use super::store::purses as store;
use super::suspend;
use crate::infra::act::Act;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;
use crate::tasks::flow;

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Agent(AgentId),
    Task(TaskId),
}

/// What is asked for; `None` leaves a part as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    pub total: Option<Ceiling>,
    pub per_day: Option<Ceiling>,
}

impl Wish {
    pub const fn is_any(&self) -> bool {
        self.total.is_some() || self.per_day.is_some()
    }
}

pub fn card(tx: &mut dyn Tx, office: OfficeId, owner: Owner) -> Result<Option<BudgetCard>, Fault> {
    let purse = store::get(tx, office, owner)?;
    Ok(purse.map(|Purse { total, per_day, spent, held, .. }| BudgetCard { total, per_day, spent, held }))
}

/// Every budget that a call draws on.
pub fn of_call(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    task: Option<TaskId>,
) -> Result<Vec<(Owner, Purse)>, Fault> {
    if !store::any(tx, office)? {
        return Ok(Vec::new());
    }
    Ok(store::of_call(tx, office, agent, task)?)
}

/// An agent's budget. If that is enough now, it goes on, and so do those below it.
pub fn set_of_agent(act: &mut Act<'_>, agent: AgentId, wish: Wish) -> Result<(), Fault> {
    if !wish.is_any() {
        return Ok(());
    }
    set(act, Owner::Agent(agent), wish)?;
    suspend::resume_those_who_fit(act)
}

/// A task's budget; what was blocked for want of it is offered again.
pub fn set_of_task(act: &mut Act<'_>, task: TaskId, total: Option<Ceiling>) -> Result<(), Fault> {
    if total.is_none() {
        return Ok(());
    }
    set(act, Owner::Task(task), Wish { total, per_day: None })?;
    for id in store::unblock(act.tx, act.office, task)? {
        go_on(act, id)?;
    }
    Ok(())
}

/// Unless it waits for something else by now.
fn go_on(act: &mut Act<'_>, task: TaskId) -> Result<(), Fault> {
    let mut blocked = flow::need(act, task)?;
    let waits = blocked.status == Status::Blocked && blocked.blocked_kind == Some(BlockedKind::Quota);
    if waits && blocked.blocked_until.is_none() { flow::unblock(act, &mut blocked, "system") } else { Ok(()) }
}

/// Offers again what waited for calls that are over: as much as fits, and also what won't fit any more, which is told so at
/// its next call.
pub fn offer_who_fits(act: &mut Act<'_>) -> Result<(), Fault> {
    let mut purses = BTreeMap::new();
    for (task, budget_of, need) in store::waiting(act.tx, act.office)? {
        let purse = match purses.remove(&budget_of) {
            Some(known) => known,
            None => store::get(act.tx, act.office, Owner::Task(budget_of))?.unwrap_or_default(),
        };
        let (funds, _) = purse.funds(need, rules::day_of(act.now));
        let expected = if funds == Funds::Enough { need } else { Micro(0) };
        purses.insert(budget_of, Purse { held: Micro(purse.held.0 + expected.0), ..purse });
        if funds != Funds::PutAside {
            store::unblock_one(act.tx, act.office, task)?;
            go_on(act, task)?;
        }
    }
    Ok(())
}

/// Offices whose budgets hold something: after a start that is a mistake.
pub fn offices_that_hold(tx: &mut dyn Tx) -> Result<Vec<OfficeId>, Fault> {
    Ok(store::offices_that_hold(tx)?)
}

/// At a start no call is under way.
pub fn forget_held(act: &mut Act<'_>) -> Result<(), Fault> {
    store::forget_held(act.tx, act.office)?;
    offer_who_fits(act)
}

fn set(act: &mut Act<'_>, owner: Owner, wish: Wish) -> Result<(), Fault> {
    let mut purse = match store::get(act.tx, act.office, owner)? {
        Some(purse) => purse,
        None => store::begin(act.tx, act.office, owner, rules::day_of(act.now))?,
    };
    if let Some(total) = wish.total {
        purse.total = ceiling(total)?;
    }
    if let Some(per_day) = wish.per_day {
        purse.per_day = ceiling(per_day)?;
    }
    match (purse.total, purse.per_day) {
        // Without limits it is none.
        (None, None) => store::remove(act.tx, act.office, owner)?,
        (Some(_), _) | (None, Some(_)) => store::save(act.tx, act.office, owner, &purse)?,
    }
    act.wake(Wake::Credits { office: act.office });
    Ok(())
}

fn ceiling(wish: Ceiling) -> Result<Option<Micro>, Fault> {
    match wish {
        Ceiling::None => Ok(None),
        Ceiling::At(most) if !(Micro(0)..=BALANCE_MAX).contains(&most) => {
            Err(fault::bad_request(format!("a budget is 0 credits or more, and at most {BALANCE_MAX}")))
        }
        Ceiling::At(most) => Ok(Some(most)),
    }
}
