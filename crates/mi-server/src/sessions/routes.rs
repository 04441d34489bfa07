//! Routes of sessions: steps 3 to 6 of the runner protocol.

use std::collections::BTreeMap;
use std::sync::Arc;

use mi_core::ids::ClaimToken;
use mi_core::limits::CLAIM_WAIT_SECONDS_MAX;
use mi_core::problem::Code;
use mi_core::time::Millis;
use mi_core::wire::runner::{BeatAnswer, BeatRequest, EndSession, Ended, EventsAnswer, SessionContext, SessionEvents};
use mi_core::wire::sessions::Transcript;
use mi_core::wire::terminals::TerminalOrder;

use super::transcript::PartQuery;
use super::{said, service};
use crate::house::House;
use crate::infra::act::{Act, Answer};
use crate::infra::caller::{Access, Caller, Member};
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, get, post};
use crate::infra::wakeups::Interest;
use crate::integrations::credentials;
use crate::integrations::service::Desk;
use crate::runners::service::{BEATS_PER_LEASE, Draining};

pub fn operations() -> Vec<Operation> {
    let gone: &[Code] = &[Code::NoSuchSession];
    vec![
        get("sessions.context", "…/sessions/{session}/context", Access::Session, "What the session is about")
            .gives::<SessionContext>(200)
            .fails(gone)
            .run(context),
        get("sessions.transcript", "…/sessions/{session}", Access::Member, "A session, and what it said, part by part")
            .query(PART)
            .gives::<Transcript>(200)
            .fails(gone)
            .run(transcript),
        get(
            "sessions.stream",
            "…/sessions/{session}/stream",
            Access::Member,
            "A session as it goes on, as server-sent events",
        )
        .fails(&[Code::NoSuchSession])
        .unlimited()
        .run(stream),
        get("sessions.env", "…/sessions/{session}/env", Access::Runner, "The environment of a live session")
            .gives::<BTreeMap<String, String>>(200)
            .fails(gone)
            .run(env),
        post(
            "sessions.beat",
            "…/sessions/{session}/beat",
            Access::Runner,
            "The runner lives; parked until it must stop",
        )
        .takes::<BeatRequest>()
        .gives::<BeatAnswer>(200)
        .fails(gone)
        .run(beat),
        post("sessions.events", "…/sessions/{session}/events", Access::Runner, "What the harness said")
            .takes::<SessionEvents>()
            .gives::<EventsAnswer>(200)
            .fails(&[Code::NoSuchSession, Code::TooLong])
            .run(events),
        post("sessions.end", "…/sessions/{session}/end", Access::Runner, "The runner is through")
            .takes::<EndSession>()
            .gives::<Ended>(200)
            .fails(gone)
            .run(end),
    ]
}

const PART: &[(&str, &str)] =
    &[("from", "the number of the first item, 0 if not said"), ("limit", "at most so many items, up to 1000")];

async fn transcript(house: House, call: Call) -> Result<Reply, Fault> {
    let number = number(&call)?;
    let part = call.query::<PartQuery>()?.read()?;
    let look = move |view: &mut crate::house::View<'_>, member: &Member| {
        Answer::ok(&super::transcript::read(view, member, number, part)?)
    };
    Ok(house.look(&call, look).await?.into())
}

async fn stream(house: House, call: Call) -> Result<Reply, Fault> {
    let number = number(&call)?;
    super::stream::open(house, call, number).await
}

fn number(call: &Call) -> Result<ClaimToken, Fault> {
    Ok(call.param("session")?.parse()?)
}

async fn context(house: House, call: Call) -> Result<Reply, Fault> {
    let number = number(&call)?;
    // Who may not enter the office doesn't make it read its drive.
    house.look(&call, |_, _| Ok(())).await?;
    crate::files::service::refresh(&house, call.office()?).await?;
    let look = move |view: &mut crate::house::View<'_>, member: &Member| {
        Answer::ok(&super::context::context(view, member, number)?)
    };
    Ok(house.look(&call, look).await?.into())
}

async fn env(house: House, call: Call) -> Result<Reply, Fault> {
    let number = number(&call)?;
    let desk = Desk { keys: house.keys.clone(), providers: house.providers.clone() };
    let answer = house
        .look(&call, move |view, member| {
            let session = service::get(view.tx, view.office, number)?.ok_or_else(|| fault::no_such_session(number))?;
            match member {
                Member::Agent { id, .. } if *id == session.agent_id => {}
                Member::Agent { .. } | Member::Person(_) => return Err(fault::no_such_session(number)),
            }
            if session.state != service::State::Live {
                return Err(fault::stale_claim(number));
            }
            // What an operator sets by name wins over what an integration brings.
            let mut variables = credentials::for_session(view.tx, view.office, session.agent_id, &desk)?;
            variables.extend(crate::env::service::for_session(view.tx, &desk.keys, view.office, session.agent_id)?);
            Answer::ok(&variables)
        })
        .await?;
    Ok(Reply::private(answer))
}

async fn beat(house: House, call: Call) -> Result<Reply, Fault> {
    let (number, wish) = (number(&call)?, call.body::<BeatRequest>()?);
    let office = call.office()?;
    // The lease may have been shortened since the runner learnt how often to beat.
    let lease_seconds = house.look(&call, |view, _| Ok(view.head.settings.lease_seconds)).await?;
    let longest = (lease_seconds / BEATS_PER_LEASE).max(1);
    let wait = Millis::seconds(wish.wait.clamp(0, CLAIM_WAIT_SECONDS_MAX).min(longest));
    let until = house.clock.now() + wait;
    let mut parked = house.wakeups.park(office, Interest::Session(number));
    let terminals = offers(&house, &call);
    let is_heard = !terminals.is_empty() || wait.0 == 0 || house.is_draining();
    let answer = renew(&house, &call, number, terminals).await?;
    if is_heard || house.clock.timeout_at(until, parked.woken()).await.is_none() {
        return Ok(answer.into());
    }
    let stop = house.look(&call, move |view, _| service::must_stop(view.tx, view.office, number)).await?;
    if stop {
        return Err(fault::stale_claim(number));
    }
    match offers(&house, &call) {
        none if none.is_empty() => Ok(answer.into()),
        terminals => Ok(renew(&house, &call, number, terminals).await?.into()),
    }
}

/// Who waits for a terminal in this runner's pod.
fn offers(house: &House, call: &Call) -> Vec<TerminalOrder> {
    match call.caller {
        Caller::Runner { agent, .. } => house.terminals.offers(agent, house.clock.now()),
        Caller::Nobody
        | Caller::User { .. }
        | Caller::Ticket { .. }
        | Caller::Session { .. }
        | Caller::Agent { .. } => Vec::new(),
    }
}

async fn renew(house: &House, call: &Call, number: ClaimToken, terminals: Vec<TerminalOrder>) -> Result<Answer, Fault> {
    house.act(call, move |act, member| Answer::ok(&service::beat(act, member, number, &terminals)?)).await
}

async fn events(house: House, call: Call) -> Result<Reply, Fault> {
    let (number, wish) = (number(&call)?, call.body::<SessionEvents>()?);
    let prices = Arc::clone(&house.settings.prices);
    let add =
        move |act: &mut Act<'_>, member: &Member| Answer::ok(&said::add_events(act, member, number, &wish, &prices)?);
    let answer = house.act(&call, add).await?;
    Ok(answer.into())
}

async fn end(house: House, call: Call) -> Result<Reply, Fault> {
    let (number, wish) = (number(&call)?, call.body::<EndSession>()?);
    let draining = if house.is_draining() { Draining::Yes } else { Draining::No };
    let end =
        move |act: &mut Act<'_>, member: &Member| Answer::ok(&service::end(act, member, number, &wish, draining)?);
    let answer = house.act(&call, end).await?;
    Ok(answer.into())
}
