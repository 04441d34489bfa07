//! Acts on sessions.

use mi_core::ids::{AgentId, AgentName, ClaimToken, OfficeId, TaskId};
use mi_core::limits;
use mi_core::time::{Millis, Time};
use mi_core::wire::runner::{BeatAnswer, EndCause, EndSession, Ended};
use mi_core::wire::sessions::Used;
use mi_core::wire::tasks::Session;
use mi_core::wire::terminals::TerminalOrder;
use serde_json::json;

pub use super::errand::Errand;
pub use super::row::{Seat, SessionRow, State, Terms};
use super::{ending, said, store};
use crate::agents::service::{self as agents, AgentRow};
use crate::chat::service as chat;
use crate::gateway::marks;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Claim, NewEvent};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;
use crate::runners::service::Draining;
use crate::tasks::store::TaskRow;
use crate::tasks::{claim, flow};

const SESSIONS_SHOWN_MAX: i64 = 100;
const SUMMARY_CHARS_MAX: usize = 500;
/// Lines of a lost session that its task's log keeps.
const TAIL_LINES: i64 = 5;
pub(super) const LAPSED: &str = "the lease lapsed";
/// In place of a harness: the claim was made from outside, by a program that we don't know.
const ELSEWHERE: &str = "external";

/// A new live session: its number is the claim token.
pub fn open(act: &mut Act<'_>, agent: &AgentRow, errand: Errand<'_>, terms: &Terms) -> Result<SessionRow, Fault> {
    let lease = act.now + Millis::seconds(act.head.settings.lease_seconds);
    let session = SessionRow {
        number: act.next_session(),
        agent_id: agent.id,
        agent: agent.name.clone(),
        task: errand.task().map(|task| task.id),
        attempt: errand.task().map(|task| task.attempts),
        state: State::Live,
        seat: terms.seat,
        origin: errand.origin(terms.seat),
        harness: if terms.seat.has_runner() { agent.harness.as_str() } else { ELSEWHERE }.to_owned(),
        provider: terms.provider.clone(),
        model: terms.model.clone(),
        lease_expires_at: Some(lease),
        deadline_at: terms.seat.has_runner().then(|| act.now + Millis::seconds(limits::SESSION_SECONDS_MAX)),
        events_next: 0,
        messages_up_to: match errand {
            Errand::Task(_) => None,
            Errand::Messages(waking) => Some(waking.up_to),
        },
        exit: None,
        summary: None,
        used: Used::default(),
        first_token_at: None,
        said_bytes: 0,
        started_at: act.now,
        ended_at: None,
    };
    store::insert(act.tx, act.office, &session)?;
    agents::count_live(act.tx, act.office, agent.id, 1)?;
    if session.origin.chain == 0 {
        // An operator's act: what was too long a chain may go on from here.
        chat::release_stopped(act, &agent.name)?;
    }
    Ok(session)
}

fn need(act: &mut Act<'_>, number: ClaimToken) -> Result<SessionRow, Fault> {
    store::get(act.tx, act.office, number)?.ok_or_else(|| fault::no_such_session(number))
}

/// The task has its outcome. A session with a runner that gave it itself may wind down; one whose task somebody else
/// moved must stop. Any other is over.
pub fn settle(act: &mut Act<'_>, number: ClaimToken, how: &str) -> Result<(), Fault> {
    if act.claim != Claim::Live(number) {
        return withdraw(act, number, how);
    }
    let session = need(act, number)?;
    let state = if session.seat.has_runner() { State::Settled } else { State::Ended };
    close(act, &session, state, how)
}

/// The claim is taken away: its token is stale from here on and its runner must stop. What it worked at is offered
/// again only when it has, since writes to the mounted drive can't be fenced.
pub fn withdraw(act: &mut Act<'_>, number: ClaimToken, how: &str) -> Result<(), Fault> {
    let session = need(act, number)?;
    let state = if session.seat.is_pod() { State::Lapsed } else { State::Ended };
    close(act, &session, state, how)
}

/// Its task goes on without it: a session that was winding down must stop now.
pub fn hurry(act: &mut Act<'_>, number: ClaimToken) -> Result<(), Fault> {
    let session = need(act, number)?;
    if session.state != State::Settled {
        return Ok(());
    }
    let state = if session.seat.is_pod() { State::Lapsed } else { State::Ended };
    close(act, &session, state, "its task goes on")
}

/// The agent whose sandbox may still be at this task, although its claim is over.
pub fn still_at(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Option<AgentName>, Fault> {
    Ok(store::still_at(tx, office, task)?)
}

fn close(act: &mut Act<'_>, session: &SessionRow, state: State, how: &str) -> Result<(), Fault> {
    if session.state == State::Ended {
        return Ok(());
    }
    if session.state == State::Live {
        agents::count_live(act.tx, act.office, session.agent_id, -1)?;
    }
    act.wake_agent(&session.agent);
    let ended_at = (state == State::Ended).then_some(act.now);
    store::set_state(act.tx, act.office, session.number, state, how, ended_at)?;
    if ended_at.is_some()
        && let Some(id) = session.task
    {
        // Nothing stands in its way any more.
        let task = flow::need(act, id)?;
        flow::offer(act, &task)?;
    }
    act.wake(Wake::Session { office: act.office, session: session.number });
    Ok(())
}

/// Extends the lease of a live claim; gives its new end.
pub fn renew(act: &mut Act<'_>, number: ClaimToken) -> Result<Time, Fault> {
    let session = need(act, number)?;
    if session.state != State::Live {
        return Err(fault::stale_claim(number));
    }
    let until = act.now + Millis::seconds(act.head.settings.lease_seconds);
    if !sabotage!(RenewalForgotten) {
        store::renew(act.tx, act.office, number, until, act.now)?;
    }
    Ok(until)
}

/// A plain heartbeat is presence, not work: it keeps the claims of an agent elsewhere, but not for ever.
pub fn hold_on(act: &mut Act<'_>, agent: AgentId) -> Result<(), Fault> {
    let until = act.now + Millis::seconds(act.head.settings.lease_seconds);
    let weak = Millis::seconds(limits::WEAK_LEASE_SECONDS_MAX);
    store::hold_on(act.tx, act.office, agent, until, weak)?;
    Ok(())
}

/// After a restart, during which agents elsewhere couldn't renew: one fresh term of the office's own.
pub fn freshen(act: &mut Act<'_>) -> Result<(), Fault> {
    let until = act.now + Millis::seconds(act.head.settings.lease_seconds);
    store::freshen_external(act.tx, act.office, until)?;
    Ok(())
}

/// Stops everything an agent does without judging it: fired, stopped, suspended. What its pod holds is offered again
/// when the pod is gone.
pub fn stop_all(act: &mut Act<'_>, agent: AgentId, reason: &str) -> Result<i64, Fault> {
    let sessions = store::of_agent(act.tx, act.office, agent)?;
    sessions.iter().try_for_each(|session| stop(act, session, reason))?;
    Ok(sessions.len() as i64)
}

fn stop(act: &mut Act<'_>, session: &SessionRow, reason: &str) -> Result<(), Fault> {
    match (session.state, session.seat) {
        (State::Live, Seat::Pod(_)) if session.task.is_some() => close(act, session, State::Lapsed, reason),
        (State::Lapsed, _) => Ok(()),
        (State::Live | State::Settled | State::Ended, _) => give_back(act, session, reason),
    }
}

/// This one can't go on for now, through no fault of its own: its work goes back, uncounted.
pub fn interrupt(act: &mut Act<'_>, number: ClaimToken, reason: &str) -> Result<(), Fault> {
    let session = need(act, number)?;
    if session.state == State::Live { stop(act, &session, reason) } else { Ok(()) }
}

/// The agent's pod ended because it was asked to: what it held goes back.
pub fn hand_back(act: &mut Act<'_>, agent: AgentId, reason: &str) -> Result<(), Fault> {
    for session in of_pod(act, agent)? {
        give_back(act, &session, reason)?;
    }
    Ok(())
}

/// What the agent's pod is at; claims that were made for the agent from elsewhere don't die with it.
fn of_pod(act: &mut Act<'_>, agent: AgentId) -> Result<Vec<SessionRow>, Fault> {
    let mut sessions = store::of_agent(act.tx, act.office, agent)?;
    sessions.retain(|session| session.seat.is_pod());
    Ok(sessions)
}

/// Uncounted, unless its lease had lapsed before: that attempt was lost already.
fn give_back(act: &mut Act<'_>, session: &SessionRow, reason: &str) -> Result<(), Fault> {
    if session.has_lapsed() {
        return lose(act, session, LAPSED);
    }
    let reason = session.exit.as_deref().unwrap_or(reason);
    let task = held_task(act, session)?;
    close(act, session, State::Ended, reason)?;
    match task {
        Some(mut task) => flow::release(act, &mut task, "system", reason),
        None => Ok(()),
    }
}

/// The pod died with its sessions: the attempts count.
pub fn pod_died(act: &mut Act<'_>, agent: AgentId, reason: &str) -> Result<(), Fault> {
    for session in of_pod(act, agent)? {
        match session.state {
            State::Live => lose(act, &session, reason)?,
            // Its claim was over before.
            State::Lapsed | State::Settled | State::Ended => give_back(act, &session, reason)?,
        }
    }
    Ok(())
}

/// A newer runner of an agent elsewhere took over: what the older one still held counts as lost.
pub fn runner_replaced(act: &mut Act<'_>, agent: AgentId) -> Result<(), Fault> {
    for session in store::of_agent(act.tx, act.office, agent)? {
        match (session.seat, session.state) {
            (Seat::Elsewhere(_), State::Live) => lose(act, &session, "a newer runner took over")?,
            (Seat::Elsewhere(_), State::Settled) => close(act, &session, State::Ended, "a newer runner took over")?,
            (Seat::Elsewhere(_), State::Lapsed | State::Ended) | (Seat::Pod(_) | Seat::Outside, _) => {}
        }
    }
    Ok(())
}

/// The server takes back what pods held: at its start (they died with it) and at its end. Nothing counts.
pub fn hand_back_all(act: &mut Act<'_>, reason: &str) -> Result<(), Fault> {
    for session in store::hosted(act.tx, act.office)? {
        give_back(act, &session, reason)?;
    }
    Ok(())
}

/// The task that this session holds now, if it does.
pub(super) fn held_task(act: &mut Act<'_>, session: &SessionRow) -> Result<Option<TaskRow>, Fault> {
    let Some(id) = session.task.filter(|_| matches!(session.state, State::Live | State::Lapsed)) else {
        return Ok(None);
    };
    let task = flow::need(act, id)?;
    let held = task.status.is_held() && task.session == Some(session.number);
    Ok(held.then_some(task))
}

/// A counted loss: the lease lapsed, the session ended without an outcome, or the pod died.
pub fn lose(act: &mut Act<'_>, session: &SessionRow, cause: &str) -> Result<(), Fault> {
    let task = held_task(act, session)?;
    close(act, session, State::Ended, cause)?;
    if let Some(up_to) = session.messages_up_to.filter(|_| session.state == State::Live || session.has_lapsed()) {
        chat::try_failed(act, &session.agent, up_to, cause)?;
    }
    let Some(mut task) = task else { return Ok(()) };
    let tail = store::said::tail(act.tx, act.office, session.number, TAIL_LINES)?;
    let told = if tail.is_empty() { cause.to_owned() } else { format!("{cause}; last lines: {}", tail.join(" | ")) };
    flow::session_over(act, &mut task, &bounded(&told))
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(SUMMARY_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A lapsed lease, looked at again inside the transaction: a renewal may have come first.
pub fn lapse(act: &mut Act<'_>, number: ClaimToken) -> Result<(), Fault> {
    let session = need(act, number)?;
    let lapsed = session.lease_expires_at.is_some_and(|until| until < act.now);
    match (session.state, session.seat) {
        _ if !lapsed => Ok(()),
        // Nobody will report the end of a runner elsewhere that fell silent after its task was done.
        (State::Settled, Seat::Elsewhere(_)) => close(act, &session, State::Ended, "its runner fell silent"),
        (State::Live, Seat::Elsewhere(_) | Seat::Outside) => lose(act, &session, LAPSED),
        (State::Live, Seat::Pod(_)) if sabotage!(OfferedBeforeGone) => lose(act, &session, LAPSED),
        (State::Live, Seat::Pod(_)) => {
            close(act, &session, State::Lapsed, LAPSED)?;
            crate::pods::service::condemn(act, session.agent_id, LAPSED)
        }
        (State::Settled, Seat::Pod(_) | Seat::Outside) | (State::Lapsed | State::Ended, _) => Ok(()),
    }
}

/// A call about a session by its runner or by the session itself.
pub(super) fn own(act: &mut Act<'_>, member: &Member, number: ClaimToken) -> Result<SessionRow, Fault> {
    let session = need(act, number)?;
    match member {
        Member::Agent { id, .. } if *id == session.agent_id => Ok(session),
        Member::Agent { .. } | Member::Person(_) => Err(fault::no_such_session(number)),
    }
}

/// The runner lives: renews the lease. An ended session tells it to stop.
pub fn beat(
    act: &mut Act<'_>,
    member: &Member,
    number: ClaimToken,
    terminals: &[TerminalOrder],
) -> Result<BeatAnswer, Fault> {
    let session = own(act, member, number)?;
    let lease_expires_at = match session.state {
        State::Live => {
            if let Some(mut task) = held_task(act, &session)? {
                claim::started(act, &mut task)?;
            }
            renew(act, number)?
        }
        State::Settled => {
            let until = act.now + Millis::seconds(act.head.settings.lease_seconds);
            if let Seat::Elsewhere(_) = session.seat {
                store::renew(act.tx, act.office, number, until, act.now)?;
            }
            until
        }
        State::Lapsed | State::Ended => return Err(fault::stale_claim(number)),
    };
    let terminals = terminals.to_vec();
    Ok(BeatAnswer { lease_expires_at, server_time: act.now, orders: Vec::new(), terminals })
}

/// Whether a parked beat has something to hear.
pub fn must_stop(tx: &mut dyn Tx, office: OfficeId, number: ClaimToken) -> Result<bool, Fault> {
    Ok(store::get(tx, office, number)?.is_none_or(|session| matches!(session.state, State::Lapsed | State::Ended)))
}

/// The runner is through. Only the task's own status decides what becomes of the task.
pub fn end(
    act: &mut Act<'_>,
    member: &Member,
    number: ClaimToken,
    wish: &EndSession,
    draining: Draining,
) -> Result<Ended, Fault> {
    let session = own(act, member, number)?;
    let wish = &ending::believed(act, &session, draining, wish)?;
    let summary = match (wish.cause, &session.exit) {
        // Its runner knows only that the claim is over; why stands here.
        (EndCause::Stale, Some(exit)) => exit.clone(),
        _ => said::summary(act, &session, &wish.summary)?,
    };
    let wish = &EndSession { summary, ..wish.clone() };
    store::set_summary(act.tx, act.office, number, &bounded(&wish.summary), wish.harness)?;
    let excuse = marks::excuse(act, (session.provider.as_deref(), session.started_at), wish.cause)?;
    // No model read what woke this one.
    let session = if excuse.is_some() { session } else { after_reading(act, session, wish)? };
    match session.state {
        State::Ended => {}
        State::Settled => close(act, &session, State::Ended, session.exit.as_deref().unwrap_or("done"))?,
        // The runner says that nothing of the session runs any more.
        State::Lapsed => give_back(act, &session, "stopped")?,
        State::Live => match excuse {
            Some(reason) => give_back(act, &session, &reason)?,
            None => end_live(act, &session, wish)?,
        },
    }
    let summary = format!("session {number} of {} ended: {}", session.agent, wish.cause);
    act.event(NewEvent {
        category: Category::Session,
        kind: "sessions.end",
        actor: session.agent.as_str(),
        agent: Some(&session.agent),
        task: session.task,
        summary,
        data: json!({"session": number.0, "exit": wish.exit, "signal": wish.signal, "cause": wish.cause}),
    })?;
    let task_status = match session.task {
        Some(id) => Some(flow::need(act, id)?.status),
        None => None,
    };
    Ok(Ended { ok: true, task_status })
}

/// What woke a session that was cut short wakes the next one, and what woke one that failed in whatever way does so a few
/// times; that is dealt with here.
fn after_reading(act: &mut Act<'_>, session: SessionRow, wish: &EndSession) -> Result<SessionRow, Fault> {
    match (session.messages_up_to, wish.cause) {
        (_, EndCause::Drain | EndCause::Stopped) => {}
        // No model has read anything.
        (None, EndCause::HarnessMissing | EndCause::HarnessTooOld | EndCause::NoModelKey) => {}
        (None, _) => chat::mark_groups_read(act, &session.agent, session.started_at)?,
        (Some(up_to), EndCause::Finished) if matches!(session.state, State::Live | State::Settled) => {
            chat::mark_read(act, &session.agent, up_to)?
        }
        (Some(up_to), cause) if session.state == State::Live => {
            let told = if wish.summary.is_empty() { cause.to_string() } else { format!("{cause}: {}", wish.summary) };
            chat::try_failed(act, &session.agent, up_to, &bounded(&told))?;
            return Ok(SessionRow { messages_up_to: None, ..session });
        }
        (Some(_), _) => {}
    }
    Ok(session)
}

fn end_live(act: &mut Act<'_>, session: &SessionRow, wish: &EndSession) -> Result<(), Fault> {
    match wish.cause {
        EndCause::Drain | EndCause::Stopped => give_back(act, session, wish.cause.as_str()),
        EndCause::Finished if session.task.is_none() => close(act, session, State::Ended, wish.cause.as_str()),
        EndCause::Finished
        | EndCause::Failed
        | EndCause::Deadline
        | EndCause::Killed
        | EndCause::HarnessMissing
        | EndCause::HarnessTooOld
        | EndCause::HarnessHung
        | EndCause::DidNothing
        | EndCause::Loop
        | EndCause::Unauthorized
        | EndCause::NoModelKey
        | EndCause::OutOfCredits
        | EndCause::RateLimited
        | EndCause::ProviderFailed
        | EndCause::StreamCut
        | EndCause::Stale => lose(act, session, &ending::loss(wish)),
    }
}

pub fn current(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
) -> Result<Option<(ClaimToken, Option<TaskId>)>, Fault> {
    Ok(store::current(tx, office, agent)?)
}

/// What an agent's pod is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    Free,
    At {
        session: ClaimToken,
        task: Option<TaskId>,
    },
    /// The claim is over and the pod is about to end: nothing that it does counts any more.
    Condemned(ClaimToken),
}

pub fn post(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Post, Fault> {
    let open = store::of_agent(tx, office, agent)?;
    if let Some(lapsed) = open.iter().find(|session| session.state == State::Lapsed) {
        return Ok(Post::Condemned(lapsed.number));
    }
    Ok(open.last().map_or(Post::Free, |session| Post::At { session: session.number, task: session.task }))
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, number: ClaimToken) -> Result<Option<SessionRow>, Fault> {
    Ok(store::get(tx, office, number)?)
}

pub fn of_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Vec<Session>, Fault> {
    Ok(store::of_task(tx, office, task, SESSIONS_SHOWN_MAX)?)
}

/// Whether an agent of this name ever held the task.
pub fn has_worked(tx: &mut dyn Tx, office: OfficeId, task: TaskId, agent: &AgentName) -> Result<bool, Fault> {
    Ok(store::has_worked(tx, office, task, agent)?)
}

/// The attempts of a task that were made so far, oldest first.
pub fn rows_of_task(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Vec<SessionRow>, Fault> {
    Ok(store::rows_of_task(tx, office, task, SESSIONS_SHOWN_MAX)?)
}

/// The last lines that a session's harness wrote, oldest first.
pub fn tail(tx: &mut dyn Tx, office: OfficeId, number: ClaimToken) -> Result<Vec<String>, Fault> {
    Ok(store::said::tail(tx, office, number, TAIL_LINES)?)
}

/// Whether anything of the agent is not over yet: a hosted agent takes one thing at a time.
pub fn is_busy(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<bool, Fault> {
    Ok(!store::of_agent(tx, office, agent)?.is_empty())
}

/// Whether the runner of an agent elsewhere is still at something; what the agent claimed by other ways doesn't count.
pub fn is_busy_elsewhere(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<bool, Fault> {
    let open = store::of_agent(tx, office, agent)?;
    Ok(open.iter().any(|session| matches!(session.seat, Seat::Elsewhere(_))))
}
