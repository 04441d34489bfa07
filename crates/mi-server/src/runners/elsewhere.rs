//! Runners of agents that live elsewhere: `mi agent run` on somebody's machine.
//!
//! Such a runner shows its agent's own key or signature instead of a ticket. No pod stands behind it, so nothing
//! starts it, stops it or confirms its end; it brings the harness and the command itself, and no office decides what a
//! foreign machine executes.

use mi_core::ids::ClaimToken;
use mi_core::tasks::why::OfficeState;
use mi_core::wire::agents::{AgentKind, HarnessKind};
use mi_core::wire::runner::{NextAnswer, NextRequest, RunnerHello, RunnerWelcome};
use serde_json::json;

use super::service::{self, Desk, Draining};
use super::store::{self, RemoteRow};
use crate::agents::service::{self as agents, AgentRow};
use crate::credits::suspend;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent, enter};
use crate::infra::caller::{Caller, Member, Need};
use crate::infra::fault::{self, Fault};
use crate::infra::keys::{Keys, Token};
use crate::sessions::service::{self as sessions, Seat, State};
use crate::tasks::cards;

/// What a runner that says nothing of harnesses brings.
const HARNESS_DEFAULT: HarnessKind = HarnessKind::Native;

/// The agent's key or signature becomes an epoch; what an older runner of the agent still held is lost with it.
pub fn hello(
    act: &mut Act<'_>,
    caller: &Caller,
    name: &str,
    wish: &RunnerHello,
    keys: &Keys,
) -> Result<RunnerWelcome, Fault> {
    let member = enter(act.tx, caller, Need::Look, act.office, act.head.owner)?;
    let row = agents::find(act.tx, act.office, name)?;
    match &member {
        Member::Agent { id, .. } if *id == row.id => {}
        Member::Agent { .. } | Member::Person(_) => return Err(fault::not_you(row.name.as_str())),
    }
    if row.kind == AgentKind::Hosted {
        return Err(super::faults::hosted_here(&row.name));
    }
    let before = store::remote(act.tx, act.office, row.id)?;
    let epoch = match &before {
        Some(known) if known.boot_id == wish.boot_id => known.epoch,
        known => take_over(act, &row, known.as_ref(), wish)?,
    };
    agents::touch(act.tx, act.office, row.id, act.now)?;
    act.wake_agent(&row.name);
    let token = keys.issue(Token::Runner { office: act.office, agent: row.id, epoch });
    Ok(service::welcome(act, &row.name, epoch, token))
}

fn take_over(
    act: &mut Act<'_>,
    agent: &AgentRow,
    before: Option<&RemoteRow>,
    wish: &RunnerHello,
) -> Result<i64, Fault> {
    sessions::runner_replaced(act, agent.id)?;
    let epoch = before.map_or(0, |known| known.epoch) + 1;
    let harness = wish.harnesses.first().copied().unwrap_or(HARNESS_DEFAULT);
    let row = RemoteRow { epoch, boot_id: wish.boot_id.clone(), harness, poll: 0, poll_session: None };
    store::save_remote(act.tx, act.office, agent.id, &row, act.now)?;
    act.event(NewEvent {
        category: Category::Lifecycle,
        kind: "runners.hello",
        actor: agent.name.as_str(),
        agent: Some(&agent.name),
        task: None,
        summary: format!("a runner of {} started elsewhere", agent.name),
        data: json!({"epoch": epoch, "harness": harness, "version": mi_core::ids::excerpt(&wish.version)}),
    })?;
    Ok(epoch)
}

/// As for a pod's runner, but nobody stops it from here: while the office rests, there is just nothing for it.
pub fn next(
    act: &mut Act<'_>,
    agent: AgentRow,
    epoch: i64,
    wish: &NextRequest,
    desk: &Desk,
) -> Result<Option<NextAnswer>, Fault> {
    let runner = store::remote(act.tx, act.office, agent.id)?.ok_or_else(fault::superseded)?;
    agents::touch(act.tx, act.office, agent.id, act.now)?;
    let agent = AgentRow { harness: runner.harness, command: None, ..agent };
    if let Some(session) = asked_before(act, &runner, wish.poll)? {
        return service::grant(act, &agent, &session, desk).map(Some);
    }
    if desk.draining == Draining::Yes {
        return Err(fault::draining());
    }
    let resting = cards::office_state(&act.head) == OfficeState::Suspended
        || suspend::of(act.tx, act.office, agent.id)?.is_some();
    if resting || wish.free_slots < 1 || sessions::is_busy_elsewhere(act.tx, act.office, agent.id)? {
        return Ok(None);
    }
    let found = service::new_session(act, &agent, Seat::Elsewhere(epoch), wish.models, desk)?;
    let Some(session) = found else { return Ok(None) };
    store::remote_answered(act.tx, act.office, agent.id, wish.poll, session.number)?;
    service::grant(act, &agent, &session, desk).map(Some)
}

fn asked_before(act: &mut Act<'_>, runner: &RemoteRow, poll: i64) -> Result<Option<sessions::SessionRow>, Fault> {
    let Some(number) = runner.poll_session.filter(|_| runner.poll == poll) else { return Ok(None) };
    let session = sessions::get(act.tx, act.office, ClaimToken(number))?;
    Ok(session.filter(|session| session.state == State::Live))
}
