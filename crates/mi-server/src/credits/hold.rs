//! What a model call may cost is put aside before it is sent, and what it did cost is paid afterwards.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, AgentName, TaskId};
use mi_core::problem::Code;
use mi_core::tasks::machine::Move;
use mi_core::tasks::status::BlockedKind;
use mi_core::wire::usage::LedgerKind;

use super::purses::{self, Owner};
use super::rules::{self, Funds, Limit, Purse};
use super::store::purses as store;
use super::suspend::{self, Lack};
use super::{ledger, rules::funds};
use crate::agents::service as agents;
use crate::infra::act::Act;
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;
use crate::sessions;
use crate::tasks::flow;

/// A call that wants to be sent.
pub struct Need<'a> {
    pub agent: AgentId,
    pub name: &'a AgentName,
    pub task: Option<TaskId>,
    /// The most that it may cost.
    pub cost: Micro,
    pub when_short: WhenShort,
}

/// What follows for an agent that can't pay a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenShort {
    /// It is suspended, or its task blocked, until it can.
    Suspend,
    /// Nothing: another model than its own was tried in place of it.
    Tell,
}

/// Whether a call may still wait for others to be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    Left,
    Out,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Put aside, in every budget that it draws on as well.
    Yes,
    /// Others have put aside what it needs; it may come back.
    NotYet,
    /// The caller is refused, and what follows from that is written.
    Refused,
}

/// Puts aside what a call may cost, or refuses it: for want of credits or by an agent's budget the agent is suspended, by a
/// task's budget the task is blocked. Where calls under way hold what it needs, it goes on when they are over.
pub fn hold(act: &mut Act<'_>, need: &Need<'_>, patience: Patience) -> Result<Held, Fault> {
    let today = rules::day_of(act.now);
    let budgets = purses::of_call(act.tx, act.office, need.agent, need.task)?;
    if sabotage!(HeldUnchecked) {
        return put_aside(act, need, budgets);
    }
    let mut verdict = Funds::Enough;
    for (owner, purse) in &budgets {
        let (funds, limit) = purse.funds(need.cost, today);
        match (funds, patience) {
            (Funds::Enough, _) => {}
            (Funds::PutAside, Patience::Left) => verdict = Funds::PutAside,
            (Funds::PutAside, Patience::Out) | (Funds::Short, _) => {
                return by_budget(act, need, (*owner, purse), (funds, limit));
            }
        }
    }
    let in_all =
        if act.head.balance > Micro(0) { funds(act.head.balance, act.head.held, need.cost) } else { Funds::Short };
    match (in_all, verdict, patience) {
        (Funds::Enough, Funds::Enough, _) => put_aside(act, need, budgets),
        (Funds::Short, _, _) | (Funds::PutAside, _, Patience::Out) => by_balance(act, need),
        (Funds::Enough | Funds::PutAside, _, _) => Ok(Held::NotYet),
    }
}

/// The most that one call may cost without waiting: what is left of the balance and of every budget that it draws on, without
/// what calls under way have put aside.
pub fn at_hand(act: &mut Act<'_>, (agent, task): (AgentId, Option<TaskId>)) -> Result<Micro, Fault> {
    if sabotage!(HeldUnchecked) {
        return Ok(Micro(i64::MAX));
    }
    let (today, budgets) = (rules::day_of(act.now), purses::of_call(act.tx, act.office, agent, task)?);
    let parts = budgets.iter().flat_map(|(_, purse)| {
        [Limit::Total, Limit::PerDay].into_iter().filter_map(|limit| Some((purse.left(limit, today)?, purse.held)))
    });
    let left = std::iter::once((act.head.balance, act.head.held)).chain(parts);
    Ok(left.map(|(owned, held)| Micro((owned.0 - held.0).max(0))).min().unwrap_or_default())
}

fn put_aside(act: &mut Act<'_>, need: &Need<'_>, budgets: Vec<(Owner, Purse)>) -> Result<Held, Fault> {
    act.head.held.0 += need.cost.0;
    for (owner, purse) in budgets {
        let held = Micro(purse.held.0 + need.cost.0);
        store::save(act.tx, act.office, owner, &Purse { held, ..purse })?;
    }
    Ok(Held::Yes)
}

fn by_balance(act: &mut Act<'_>, need: &Need<'_>) -> Result<Held, Fault> {
    let fault = out_of_credits(need.cost, (act.head.available(), act.head.held));
    if need.when_short == WhenShort::Tell {
        return Err(fault);
    }
    suspend::suspend(act, need.agent, need.name, Lack::Credits, need.cost)?;
    act.keep_and_refuse(fault);
    Ok(Held::Refused)
}

fn by_budget(
    act: &mut Act<'_>,
    need: &Need<'_>,
    (owner, purse): (Owner, &Purse),
    (funds, limit): (Funds, Limit),
) -> Result<Held, Fault> {
    let left = purse.left(limit, rules::day_of(act.now)).unwrap_or_default();
    let left = Micro((left.0 - purse.held.0).max(0));
    let fault = budget_exhausted(act, need, owner, (limit, left))?;
    if need.when_short == WhenShort::Tell {
        return Err(fault);
    }
    match (owner, need.task) {
        (Owner::Task(of), Some(task)) => {
            let waits_for = (funds == Funds::PutAside).then_some(need.cost);
            block(act, task, (of, waits_for), &fault.sentence)?;
        }
        (Owner::Task(_), None) | (Owner::Agent(_), _) => {
            let lack = match limit {
                Limit::Total => Lack::Budget,
                Limit::PerDay => Lack::BudgetOfDay,
            };
            suspend::suspend(act, need.agent, need.name, lack, need.cost)?;
        }
    }
    act.keep_and_refuse(fault);
    Ok(Held::Refused)
}

/// The attempt doesn't count, and the task waits: until calls under way give back so much of the budget, or until somebody
/// raises it.
fn block(act: &mut Act<'_>, id: TaskId, waits: (TaskId, Option<Micro>), why: &str) -> Result<(), Fault> {
    let mut task = flow::need(act, id)?;
    let from = (task.status, task.verification);
    let to = flow::check(id, Move::Block, from.0)?;
    let (how, why) = match waits {
        (_, None) => ("its budget is used up", why.to_owned()),
        (_, Some(_)) => ("others hold its budget", format!("{why}; others hold the rest, and it goes on after them")),
    };
    task.attempts -= 1;
    task.blocked_kind = Some(BlockedKind::Quota);
    task.blocked_reason = Some(why.clone());
    task.blocked_until = None;
    if let Some(session) = task.session {
        sessions::service::settle(act, session, how)?;
    }
    flow::record(act, &task, "tasks.block", "system", format!("task {id} blocked: {why}"))?;
    flow::settle(act, &mut task, from, to)?;
    Ok(store::block(act.tx, act.office, id, waits)?)
}

/// A call that is over.
pub struct Settlement<'a> {
    pub agent: AgentId,
    pub task: Option<TaskId>,
    /// What was put aside.
    pub held: Micro,
    /// What it did cost.
    pub cost: Micro,
    pub reason: &'a str,
}

/// Gives back what was put aside and pays what the call cost, never more than that; gives what was paid.
pub fn settle(act: &mut Act<'_>, over: &Settlement<'_>) -> Result<Micro, Fault> {
    let paid = over.cost.min(over.held);
    act.head.held.0 -= over.held.0;
    ledger::pay(act, LedgerKind::Model, paid, over.reason)?;
    let today = rules::day_of(act.now);
    for (owner, purse) in purses::of_call(act.tx, act.office, over.agent, over.task)? {
        let held = Micro(purse.held.0 - over.held.0);
        let purse = Purse { held, ..purse.after(paid, today) };
        store::save(act.tx, act.office, owner, &purse)?;
    }
    if let Some(task) = over.task.filter(|_| paid > Micro(0)) {
        store::add_to_line(act.tx, act.office, task, paid)?;
    }
    act.wake(Wake::Credits { office: act.office });
    suspend::resume_those_who_fit(act)?;
    purses::offer_who_fits(act)?;
    Ok(paid)
}

fn out_of_credits(need: Micro, (available, held): (Micro, Micro)) -> Fault {
    let sentence = match (available > Micro(0), held > Micro(0)) {
        (false, false) => format!("the office has no credits left, and the call may cost {need}"),
        (_, false) => format!("the call may cost {need} credits and the office has {available} available"),
        (_, true) => format!(
            "the call may cost {need} credits and the office has {available} available, besides {held} put aside for \
             calls under way and pods"
        ),
    };
    Fault::new(Code::OutOfCredits, sentence)
        .hint("mi credits add --amount 100 tops it up; a smaller max_tokens makes the call cheaper")
}

fn budget_exhausted(
    act: &mut Act<'_>,
    need: &Need<'_>,
    owner: Owner,
    (limit, left): (Limit, Micro),
) -> Result<Fault, Fault> {
    let cost = need.cost;
    let part = match limit {
        Limit::Total => "budget",
        Limit::PerDay => "budget of the day",
    };
    let (whose, hint) = match owner {
        Owner::Agent(id) if id == need.agent => {
            (need.name.to_string(), format!("mi agents update {} --budget raises it", need.name))
        }
        Owner::Agent(id) => {
            let hirer =
                agents::by_id(act.tx, act.office, id)?.ok_or_else(|| fault::internal("a budget is somebody's"))?;
            // Its name may be another's by now.
            let key = if hirer.fired_at.is_some() { id.to_string() } else { hirer.name.to_string() };
            (
                format!("{}, which {} draws on too,", hirer.name, need.name),
                format!("mi agents update {key} --budget raises it"),
            )
        }
        Owner::Task(id) => (format!("task {id}"), format!("mi tasks update {id} --budget raises it")),
    };
    let sentence = format!("the {part} of {whose} has {left} credits left and the call may cost {cost}");
    Ok(Fault::new(Code::BudgetExhausted, sentence).hint(hint))
}
