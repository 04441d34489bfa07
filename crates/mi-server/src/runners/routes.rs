//! Routes of runners: steps 1 and 2 of the runner protocol.

use mi_core::limits::CLAIM_WAIT_SECONDS_MAX;
use mi_core::problem::Code;
use mi_core::time::Millis;
use mi_core::wire::runner::{NextAnswer, NextRequest, RunnerHello, RunnerWelcome};

use super::service::{self, Desk, Draining};
use crate::house::House;
use crate::infra::act::{Answer, Ask};
use crate::infra::caller::{Access, Caller, Member};
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, post};
use crate::infra::wakeups::Interest;
use crate::pods;

pub fn operations() -> Vec<Operation> {
    vec![
        post(
            "runners.hello",
            "…/employees/{name}/runner",
            Access::Ticket,
            "A runner starts: its ticket, or its agent's own key, becomes an epoch",
        )
        .takes::<RunnerHello>()
        .gives::<RunnerWelcome>(200)
        .fails(&[Code::NoSuchAgent, Code::Superseded, Code::WrongAgentKind, Code::NotYou])
        .run(hello),
        post(
            "runners.next",
            "…/employees/{name}/runner/next",
            Access::Runner,
            "What to do next; 204 when there is nothing",
        )
        .takes::<NextRequest>()
        .gives::<NextAnswer>(200)
        .fails(&[Code::NoSuchAgent, Code::Superseded, Code::Draining])
        .run(next),
    ]
}

async fn hello(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: RunnerHello = call.body()?;
    let (name, ask, keys) = (call.param("name")?.to_owned(), call.ask(), house.keys.clone());
    let welcome =
        house.act_as_server(call.office()?, move |act| service::hello(act, &ask, &name, &wish, &keys)).await?;
    Ok(Answer::ok(&welcome)?.into())
}

async fn next(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: NextRequest = call.body()?;
    let office = call.office()?;
    let Caller::Runner { agent, epoch, .. } = call.caller else { return Err(fault::superseded()) };
    let name = house
        .look(&call, |_, member| match member {
            Member::Agent { name, .. } => Ok(name.clone()),
            Member::Person(_) => Err(fault::superseded()),
        })
        .await?;
    if name.as_str() != call.param("name")? {
        return Err(fault::not_you(&mi_core::ids::excerpt(call.param("name")?)));
    }
    let until = house.clock.now() + Millis::seconds(wish.wait.clamp(0, CLAIM_WAIT_SECONDS_MAX));
    loop {
        let mut parked = house.wakeups.park(office, Interest::Work(name.clone()));
        let terminals = house.terminals.offers(agent, house.clock.now());
        if !terminals.is_empty() {
            let answer = NextAnswer { control: None, reason: None, session: None, terminals };
            return Ok(Answer::ok(&answer)?.into());
        }
        let draining = if house.is_draining() { Draining::Yes } else { Draining::No };
        let is_visited = house.terminals.is_occupied(agent);
        let desk = Desk { keys: house.keys.clone(), providers: house.providers.clone(), draining, is_visited };
        let ask = Ask { idempotency: None, ..call.ask() };
        let wish = wish.clone();
        let answer = house
            .act_in(office, ask, move |act, _| match service::next(act, agent, epoch, &wish, &desk)? {
                Some(answer) => Answer::ok(&answer),
                None => Ok(Answer::nothing()),
            })
            .await?;
        if answer.status != 204 {
            parked.used();
            return Ok(answer.into());
        }
        if house.clock.now() >= until {
            return Ok(answer.into());
        }
        let rest = house.db.read(move |tx| pods::sleeps_at(tx, office, agent)).await?;
        let look_at = rest.map_or(until, |at| until.min(at));
        // Whom no wake-up reaches looks again with its next question, at the latest in `CLAIM_WAIT_SECONDS_MAX`.
        if house.clock.timeout_at(look_at, parked.woken()).await.is_none() && look_at == until {
            return Ok(answer.into());
        }
    }
}
