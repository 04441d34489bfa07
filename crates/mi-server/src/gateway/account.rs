//! A call's money: put aside before it is sent, paid when it is over. One write each.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, AgentName, ClaimToken, OfficeId, TaskId};
use mi_core::problem::Code;
use mi_core::time::{Millis, Time};
use mi_core::wire::usage::UsageKind;

use super::estimate::{Bounds, ReckonedBy, Worst, reckon};
use super::meter::{Seen, Usage};
use super::prices::{Priced, PricedBy};
use super::settling::{self, Kept};
use super::store;
use crate::credits::hold::{self, Held, Need, Patience, Settlement, WhenShort};
use crate::credits::purses;
use crate::credits::suspend;
use crate::credits::usage::{self, Used};
use crate::house::House;
use crate::infra::act::{Act, enter, fence};
use crate::infra::caller::{Caller, Need as Right};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::sweeps::Offices;
use crate::infra::wakeups::Interest;
use crate::sessions;

/// So long a call waits until others have given back what they put aside; a client waits longer for its first byte.
const WAIT_SECONDS_MAX: i64 = 60;

/// The session that calls.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    pub office: OfficeId,
    pub agent: AgentId,
    pub number: ClaimToken,
}

impl Session {
    pub fn caller(self) -> Caller {
        Caller::Session { office: self.office, agent: self.agent, session: self.number }
    }
}

/// What a session wants to call.
#[derive(Debug, Clone)]
pub struct Order {
    pub provider: &'static str,
    pub model: String,
    pub priced: Priced,
    pub bounds: Bounds,
    pub when_short: WhenShort,
}

/// A call that was let through and must be settled.
#[derive(Debug, Clone)]
pub struct Reserved {
    pub call: i64,
    session: Session,
    name: AgentName,
    task: Option<TaskId>,
    order: Order,
    worst: Worst,
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// `None`: no answer came.
    pub status: Option<u16>,
    pub seen: Seen,
    /// When the first of a good answer came.
    pub first_at: Option<Time>,
}

impl Outcome {
    /// It never left.
    pub fn nothing_sent() -> Self {
        Self { status: None, seen: Seen::default(), first_at: None }
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    Reserved,
    Settled,
    /// A model answered without telling what it used: that is estimated.
    Unmetered,
    /// The provider refused, or no answer came: it costs nothing.
    Failed,
    /// The server ended while it was under way: nobody knows what it used, and nobody pays.
    Lost,
}

impl CallState {
    pub const fn as_str(self) -> &'static str {
        match self {
            CallState::Reserved => "reserved",
            CallState::Settled => "settled",
            CallState::Unmetered => "unmetered",
            CallState::Failed => "failed",
            CallState::Lost => "lost",
        }
    }
}

/// Lets a call through when what it may cost is put aside; waits a while for calls that have put aside what it needs.
pub async fn reserve(house: &House, session: Session, order: Order) -> Result<Kept, Fault> {
    let until = house.clock.now() + Millis::seconds(WAIT_SECONDS_MAX);
    loop {
        // Before the look, so that nothing given back after it is missed.
        let mut parked = house.wakeups.park(session.office, Interest::Credits);
        let patience = if house.clock.now() < until { Patience::Left } else { Patience::Out };
        if let Some(kept) = settling::try_reserve(house, session, order.clone(), patience).await? {
            return Ok(kept);
        }
        if house.is_draining() {
            return Err(fault::draining());
        }
        // Either is a reason to look.
        let _woken = house.clock.timeout_at(until, parked.woken()).await;
    }
}

/// One look; out of patience it is refused where it would wait.
pub async fn try_reserve(
    house: &House,
    session: Session,
    order: Order,
    patience: Patience,
) -> Result<Option<Reserved>, Fault> {
    let reserve = move |act: &mut Act<'_>| {
        let member = enter(act.tx, &session.caller(), Right::Look, act.office, act.head.owner)?;
        fence(act, &member, Some(session.number))?;
        let name = member.agent().cloned().ok_or_else(|| fault::internal("a session is an agent's"))?;
        let task = store::task_of(act.tx, act.office, session.number)?;
        let worst = order.bounds.within(hold::at_hand(act, (session.agent, task))?);
        let (cost, when_short) = (worst.cost, order.when_short);
        let need = Need { agent: session.agent, name: &name, task, cost, when_short };
        match hold::hold(act, &need, patience)? {
            Held::Yes => {
                let (call, order) = (act.next_row(), order.clone());
                let reserved = Reserved { call, session, name, task, order, worst };
                store::insert(act.tx, act.office, &reserved.row(), act.now)?;
                Ok(Some(reserved))
            }
            Held::NotYet | Held::Refused => Ok(None),
        }
    };
    house.act_as_server(session.office, reserve).await
}

impl Reserved {
    /// Tokens to which an answer has to be limited, so that it costs no more than was put aside.
    pub fn limit(&self) -> Option<i64> {
        self.order.bounds.limit(&self.worst)
    }

    fn row(&self) -> store::NewCall<'_> {
        store::NewCall {
            id: self.call,
            session: self.session.number,
            agent_id: self.session.agent,
            agent: &self.name,
            task: self.task,
            provider: self.order.provider,
            model: &self.order.model,
            held: self.worst.cost,
            by: self.order.priced.by,
        }
    }

    /// What its outcome means: nothing is charged for what was refused or never answered.
    fn end(&self, outcome: &Outcome) -> store::End {
        let (state, usage, by) = match (outcome.seen.usage, outcome.status) {
            (None, Some(status)) if !(200..300).contains(&status) => {
                (CallState::Failed, Usage::default(), ReckonedBy::Provider)
            }
            // One whose caller left before the answer may have been worked on all the same.
            (None, None) if !outcome.seen.is_cut => (CallState::Failed, Usage::default(), ReckonedBy::Provider),
            (told, Some(_) | None) => {
                let reckoned = reckon(&outcome.seen, &self.worst);
                let state = if told.is_some() { CallState::Settled } else { CallState::Unmetered };
                (state, reckoned.usage, reckoned.by)
            }
        };
        let cost = self.order.priced.price.cost(usage);
        let paid = cost.min(self.worst.cost);
        let uncollected = Micro(cost.0 - paid.0);
        store::End { state, status: outcome.status, usage, cost: paid, uncollected, by }
    }
}

/// Writes down and pays what a call used; a second time changes nothing.
pub async fn settle(house: &House, reserved: Reserved, outcome: Outcome) -> Result<(), Fault> {
    let office = reserved.session.office;
    let settled = house.act_as_server(office, move |act| settle_one(act, &reserved, &outcome));
    match settled.await {
        // The office was deleted while the model spoke: nobody is left to be told.
        Err(fault) if fault.code == Code::NoSuchOffice => Ok(()),
        other => other,
    }
}

fn settle_one(act: &mut Act<'_>, reserved: &Reserved, outcome: &Outcome) -> Result<(), Fault> {
    let end = reserved.end(outcome);
    if !store::settle(act.tx, act.office, reserved.call, &end, act.now)? && !sabotage!(PaidTwice) {
        return Ok(());
    }
    let Reserved { call, session, name, task, order, worst } = reserved;
    let paid = hold::settle(
        act,
        &Settlement {
            agent: session.agent,
            task: *task,
            held: worst.cost,
            cost: end.cost,
            reason: &format!("call {call} of {name}: {}", order.model),
        },
    )?;
    if end.state == CallState::Failed {
        return Ok(());
    }
    sessions::usage::add(act, session.number, &end.usage.at(paid), outcome.first_at)?;
    usage::add(
        act,
        &Used {
            task: *task,
            provider: order.provider,
            model: &order.model,
            calls: 1,
            input: end.usage.input,
            cached: end.usage.cached,
            output: end.usage.output,
            cost: paid,
            ..Used::nothing(UsageKind::Model, name.as_str())
        },
    )
}

/// At the server's start: what an earlier one had under way is over, and what it used is not known.
pub async fn release_lost(house: &House) -> Result<(), Fault> {
    let look = |tx: &mut dyn Tx| {
        let mut offices = store::offices_with_open_calls(tx)?;
        offices.extend(purses::offices_that_hold(tx)?);
        Ok(offices)
    };
    // In an office where that fails less is available than could be; the other offices work.
    let release = |office: OfficeId| async move {
        let held = house.act_as_server(office, release_lost_of).await?;
        tracing::warn!(%office, held, "model calls of an earlier server were given up");
        Ok(())
    };
    Offices::default().all("calls of an earlier server", house.db.read(look).await?, release).await;
    Ok(())
}

fn release_lost_of(act: &mut Act<'_>) -> Result<i64, Fault> {
    let held = store::lose_open(act.tx, act.office, act.now)?;
    act.head.held.0 -= held;
    purses::forget_held(act)?;
    suspend::resume_those_who_fit(act)?;
    Ok(held)
}

impl PricedBy {
    pub(super) const fn is_default(self) -> bool {
        matches!(self, PricedBy::Default)
    }
}
