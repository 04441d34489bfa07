//! Acts of runners.

use mi_core::ids::{AgentId, AgentName, ClaimToken};
use mi_core::limits::{RUNNER_POLL_SECONDS, RUNNER_TOKEN_SECONDS};
use mi_core::tasks::why::OfficeState;
use mi_core::time::Millis;
use mi_core::wire::agents::{AgentKind, HarnessKind};
use mi_core::wire::runner::{
    Cause, Control, ModelChoice, ModelsOf, NextAnswer, NextRequest, RunnerHello, RunnerWelcome, SessionGrant,
};

use super::{elsewhere, store};
use crate::agents::service::{self as agents, AgentRow};
use crate::chat::service as chat;
use crate::credits::suspend;
use crate::gateway::kinds::Kind;
use crate::gateway::providers::Providers;
use crate::gateway::reach::{Reach, Standing};
use crate::infra::act::{Act, Ask, nonce};
use crate::infra::caller::Caller;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::{Keys, Token};
use crate::pods::{self, Desired, Observed, PodRow, Rest};
use crate::sessions::service::{self as sessions, Errand, Seat, SessionRow, State, Terms};
use crate::tasks::calls;
use crate::tasks::cards;
use crate::tasks::claim::{self, Wanted};

/// Beats per lease: a lost one or two do no harm.
pub const BEATS_PER_LEASE: i64 = 8;
const UNREAD_LOOKED_AT_MAX: i64 = 50;
const NOTHING_TO_DO: &str = "there is nothing to do";

/// What the acts need of the house.
#[derive(Clone)]
pub struct Desk {
    pub keys: Keys,
    pub providers: Providers,
    pub draining: Draining,
    /// Somebody has a terminal in its pod, or wants one.
    pub is_visited: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draining {
    No,
    Yes,
}

/// A runner starts: in a pod with its ticket, elsewhere with its agent's own key or signature, which counts once.
pub fn hello(
    act: &mut Act<'_>,
    Ask { caller, nonce, .. }: &Ask,
    name: &str,
    wish: &RunnerHello,
    keys: &Keys,
) -> Result<RunnerWelcome, Fault> {
    if let Some(nonce) = nonce {
        nonce::spend(act.tx, nonce)?;
    }
    match caller {
        Caller::Ticket { .. } => hello_from_pod(act, caller, name, wish, keys),
        Caller::Agent { .. } => elsewhere::hello(act, caller, name, wish, keys),
        Caller::Nobody | Caller::User { .. } | Caller::Runner { .. } | Caller::Session { .. } => {
            Err(fault::unauthenticated("a runner says hello with its ticket, or with the key of its agent"))
        }
    }
}

/// A ticket becomes an epoch; what an older runner of the agent still held is lost with it.
fn hello_from_pod(
    act: &mut Act<'_>,
    caller: &Caller,
    name: &str,
    wish: &RunnerHello,
    keys: &Keys,
) -> Result<RunnerWelcome, Fault> {
    let Caller::Ticket { office, agent, epoch } = caller else {
        return Err(fault::unauthenticated("a runner in a pod says hello with its ticket"));
    };
    if *office != act.office {
        return Err(fault::no_access());
    }
    let row = agents::by_id(act.tx, act.office, *agent)?.ok_or_else(|| fault::no_such_agent(name))?;
    if row.name.as_str() != name {
        return Err(fault::unauthenticated("this ticket is for another agent"));
    }
    let before = pods::service::row(act.tx, act.office, *agent)?.map(|pod| pod.epoch);
    pods::service::take_ticket(act, *agent, *epoch, &wish.boot_id)?;
    if before != Some(*epoch) {
        sessions::pod_died(act, *agent, "a newer runner took over")?;
    }
    act.wake_agent(&row.name);
    let token = keys.issue(Token::Runner { office: *office, agent: *agent, epoch: *epoch });
    Ok(welcome(act, &row.name, *epoch, token))
}

pub(super) fn welcome(act: &Act<'_>, name: &AgentName, epoch: i64, token: String) -> RunnerWelcome {
    RunnerWelcome {
        runner: format!("{name}:{epoch}"),
        epoch,
        token,
        expires_at: act.now + Millis::seconds(RUNNER_TOKEN_SECONDS),
        server_time: act.now,
        beat_s: (act.head.settings.lease_seconds / BEATS_PER_LEASE).max(1),
        poll_s: RUNNER_POLL_SECONDS,
    }
}

/// One look: control before messages before tasks. `None` when there is nothing now.
pub fn next(
    act: &mut Act<'_>,
    agent: AgentId,
    epoch: i64,
    wish: &NextRequest,
    desk: &Desk,
) -> Result<Option<NextAnswer>, Fault> {
    let row = agents::by_id(act.tx, act.office, agent)?.ok_or_else(fault::superseded)?;
    if row.kind == AgentKind::External {
        return elsewhere::next(act, row, epoch, wish, desk);
    }
    let pod = pods::service::row(act.tx, act.office, agent)?.ok_or_else(fault::superseded)?;
    store::seen(act.tx, act.office, agent, act.now)?;
    if pod.poll == wish.poll
        && let Some(session) = pod.poll_session
        && let Some(session) = sessions::get(act.tx, act.office, ClaimToken(session))?
        && session.state == State::Live
    {
        return grant(act, &row, &session, desk).map(Some);
    }
    if let Some((control, reason)) = control(act, &row, &pod, desk.draining)? {
        return Ok(Some(order(control, reason)));
    }
    if wish.free_slots < 1 || sessions::is_busy(act.tx, act.office, agent)? {
        pods::stir(act, agent, &pod)?;
        return Ok(None);
    }
    let Some(session) = new_session(act, &row, Seat::Pod(epoch), ModelsOf::Office, desk)? else {
        if desk.is_visited {
            pods::stir(act, agent, &pod)?;
            return Ok(None);
        }
        return rest(act, &row, &pod);
    };
    pods::stir(act, agent, &pod)?;
    store::answered(act.tx, act.office, agent, wish.poll, session.number)?;
    grant(act, &row, &session, desk).map(Some)
}

/// Nothing for now; for long enough, and its runner goes.
fn rest(act: &mut Act<'_>, agent: &AgentRow, pod: &PodRow) -> Result<Option<NextAnswer>, Fault> {
    Ok(match pods::rest(act, agent.id, &agent.name, pod)? {
        Rest::Waits => None,
        Rest::Sleeps => Some(order(Control::Hibernate, NOTHING_TO_DO)),
    })
}

fn order(control: Control, reason: &str) -> NextAnswer {
    NextAnswer { control: Some(control), reason: Some(reason.to_owned()), session: None, terminals: Vec::new() }
}

fn control(
    act: &mut Act<'_>,
    agent: &AgentRow,
    pod: &PodRow,
    draining: Draining,
) -> Result<Option<(Control, &'static str)>, Fault> {
    if draining == Draining::Yes {
        return Ok(Some((Control::Drain, "the server is shutting down")));
    }
    match (pod.desired, pod.observed) {
        (Desired::Stopped | Desired::Gone, _) => return Ok(Some((Control::Drain, "the agent was stopped"))),
        (Desired::Asleep, _) => return Ok(Some((Control::Hibernate, NOTHING_TO_DO))),
        (Desired::Running, Observed::Running) => {}
        (Desired::Running, Observed::None | Observed::Starting | Observed::Exited | Observed::Failed) => {
            return Ok(Some((Control::Restart, "the pod is being replaced")));
        }
    }
    match cards::office_state(&act.head) {
        OfficeState::Suspended => return Ok(Some((Control::Suspend, "the office is suspended"))),
        OfficeState::OutOfCredits => return Ok(Some((Control::Suspend, "the office has no credits left"))),
        OfficeState::Active => {}
    }
    let suspension = suspend::of(act.tx, act.office, agent.id)?;
    Ok(suspension.map(|suspension| (Control::Suspend, suspension.lack.told())))
}

pub(super) fn new_session(
    act: &mut Act<'_>,
    agent: &AgentRow,
    seat: Seat,
    models: ModelsOf,
    desk: &Desk,
) -> Result<Option<SessionRow>, Fault> {
    let model = match agent.harness {
        HarnessKind::Command => None,
        // Without a model it would burn its attempts: it takes nothing until there is one, and `why` says so.
        HarnessKind::Native | HarnessKind::ClaudeCode | HarnessKind::OpenaiCodex | HarnessKind::GeminiCli => {
            // The machine's own need no key of the office, and without a word of ours that login chooses.
            let is_own = models == ModelsOf::Machine;
            match ready_model(act, agent, &desk.providers)? {
                Some(choice) if !is_own || names_a_model(agent) => Some(choice),
                Some(_) | None if is_own => None,
                Some(_) | None => return Ok(None),
            }
        }
    };
    let terms = Terms {
        seat,
        provider: model.as_ref().map(|choice| choice.provider.clone()),
        model: model.map(|choice| choice.model),
    };
    if agent.harness != HarnessKind::Command
        && let Some(waking) = chat::wakes_now(act.tx, act.office, &agent.name, act.now, UNREAD_LOOKED_AT_MAX)?
    {
        let session = sessions::open(act, agent, Errand::Messages(&waking), &terms)?;
        // Tasks that were counted on it may be for a sleeper now.
        calls::for_tasks(act)?;
        return Ok(Some(session));
    }
    let taken = claim::take(act, agent, &Wanted::default(), &terms)?;
    Ok(taken.map(|(_, session)| session))
}

const fn names_a_model(agent: &AgentRow) -> bool {
    agent.model_provider.is_some() || agent.model_tier.is_some()
}

/// The agent's model, if it can be called now.
fn ready_model(act: &mut Act<'_>, agent: &AgentRow, providers: &Providers) -> Result<Option<ModelChoice>, Fault> {
    let (tier, reach) = (agent.model_tier.as_deref(), Reach::load(act.tx, act.office, providers)?);
    Ok(match reach.of_agent(agent.harness, agent.model_provider.as_deref(), tier) {
        (Some(kind), Standing::Ready) => providers.model_choice(kind, tier),
        (_, Standing::Ready | Standing::Keyless | Standing::Refused | Standing::Parked(_)) => None,
    })
}

/// The model with which a session began, or would now.
fn model_of(
    act: &mut Act<'_>,
    agent: &AgentRow,
    session: &SessionRow,
    providers: &Providers,
) -> Result<Option<ModelChoice>, Fault> {
    if agent.harness == HarnessKind::Command {
        return Ok(None);
    }
    let tier = agent.model_tier.as_deref();
    let kind = match &session.provider {
        Some(provider) => Kind::parse(provider),
        None if !names_a_model(agent) => None,
        None => {
            let reach = Reach::load(act.tx, act.office, providers)?;
            reach.choose(agent.harness, agent.model_provider.as_deref(), tier)
        }
    };
    Ok(kind.and_then(|kind| providers.model_choice(kind, tier)))
}

/// What the runner needs to start; the credential is derived, so the same question gets the same one.
pub(super) fn grant(
    act: &mut Act<'_>,
    agent: &AgentRow,
    session: &SessionRow,
    desk: &Desk,
) -> Result<NextAnswer, Fault> {
    let token = Token::Session { office: act.office, agent: agent.id, session: session.number };
    let grant = SessionGrant {
        id: session.number,
        token: session.number,
        credential: desk.keys.issue(token),
        cause: if session.task.is_some() { Cause::Task } else { Cause::Message },
        task: session.task,
        attempt: session.attempt,
        harness: agent.harness,
        command: agent.command.clone(),
        model: model_of(act, agent, session, &desk.providers)?,
        deadline_at: session.deadline_at.unwrap_or(act.now),
        lease_expires_at: session.lease_expires_at.unwrap_or(act.now),
        server_time: act.now,
        env_rev: 0,
    };
    Ok(NextAnswer { control: None, reason: None, session: Some(grant), terminals: Vec::new() })
}
