//! Claiming: the only way in which a task gets an agent.
//!
//! One transaction picks, counts the attempt, makes the session whose number is
//! the fencing token, and writes the event. Two claimers never get one task.

use mi_core::ids::{AgentName, OfficeId, TaskId};
use mi_core::limits::CLAIMS_PER_AGENT_MAX;
use mi_core::problem::Code;
use mi_core::roles::role;
use mi_core::tasks::machine::Move;
use mi_core::tasks::status::{Kind, Status};
use mi_core::tasks::why::OfficeState;
use mi_core::wire::tasks::{ClaimGrant, Task};

use super::store::{self, TaskRow};
use super::{calls, cards, flow, reviewers};
use crate::agents::service::AgentRow;
use crate::credits::suspend;
use crate::house::View;
use crate::infra::act::{Act, Claim};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::sessions::service::{self as sessions, Errand, SessionRow, Terms};

/// Candidates looked at before giving up; only tools and kinds can rule one out.
const CANDIDATES_MAX: i64 = 100;

/// What the claimer asks for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub task: Option<TaskId>,
    pub kind: Option<Kind>,
}

/// Takes the next task for `agent`, if there is one.
pub fn take(
    act: &mut Act<'_>,
    agent: &AgentRow,
    wanted: &Wanted,
    terms: &Terms,
) -> Result<Option<(TaskRow, SessionRow)>, Fault> {
    if cards::office_state(&act.head) != OfficeState::Active || agent.live_sessions >= CLAIMS_PER_AGENT_MAX {
        return Ok(None);
    }
    if suspend::of(act.tx, act.office, agent.id)?.is_some() {
        return Ok(None);
    }
    let Some(mut task) = pick(act, agent, wanted)? else { return Ok(None) };
    let from = (task.status, task.verification);
    let to = if sabotage!(ClaimWithoutCheck) { Status::Claimed } else { flow::check(task.id, Move::Claim, from.0)? };
    task.attempts += 1;
    task.backoff_until = None;
    let session = sessions::open(act, agent, Errand::Task(&task), terms)?;
    task.claimed_by = Some(agent.name.clone());
    task.session = Some(session.number);
    task.lease_expires_at = session.lease_expires_at;
    flow::record(
        act,
        &task,
        "tasks.claim",
        agent.name.as_str(),
        format!("task {} claimed by {}", task.id, agent.name),
    )?;
    flow::settle(act, &mut task, from, to)?;
    // What was counted on this agent may be for a sleeper now.
    calls::for_tasks(act)?;
    Ok(Some((task, session)))
}

/// The answer to a claim: the task with its token.
pub fn granted(act: &mut Act<'_>, task: &TaskRow, session: &SessionRow) -> Result<Task, Fault> {
    let mut card = cards::card(act.tx, act.office, &act.head, act.now, task)?;
    let lease_expires_at = session.lease_expires_at.unwrap_or(act.now);
    card.claim = Some(ClaimGrant { token: session.number, lease_expires_at });
    Ok(card)
}

/// Whether anything is ready that this agent might take; who may take it is judged by the claim.
pub fn is_any(view: &mut View<'_>, agent: &AgentName) -> Result<bool, Fault> {
    let (office, now) = (view.office, view.now);
    Ok(store::any_ready(view.tx, office, agent, now)?)
}

fn pick(act: &mut Act<'_>, agent: &AgentRow, wanted: &Wanted) -> Result<Option<TaskRow>, Fault> {
    if let Some(id) = wanted.task {
        return pick_named(act, agent, id).map(Some);
    }
    let (office, now) = (act.office, act.now);
    // Nearly always the first candidate is the one; only then are more looked at.
    for most in [1, CANDIDATES_MAX] {
        let own = store::ready_assigned(act.tx, office, &agent.name, now, most)?;
        if let Some(task) = first_that_suits(act, agent, wanted, own)? {
            return Ok(Some(task));
        }
        let mut open = store::ready_open(act.tx, office, now, most)?;
        let none_at_all = open.is_empty();
        if most == 1 && open.iter().any(|task| !suits_taste(agent, task)) {
            continue;
        }
        // Among equally urgent ones only.
        open.sort_by_key(|task| (task.priority, !suits_taste(agent, task)));
        if let Some(task) = first_that_suits(act, agent, wanted, open)? {
            return Ok(Some(task));
        }
        if none_at_all && wanted.kind.is_none() {
            return Ok(None);
        }
    }
    Ok(None)
}

/// Whether the agent's role is for tasks of that kind; most roles, and all that are only words, are for any.
fn suits_taste(agent: &AgentRow, task: &TaskRow) -> bool {
    let role = agent.role.as_deref().and_then(role);
    role.is_none_or(|role| role.kinds.is_empty() || role.kinds.contains(&task.kind))
}

fn first_that_suits(
    act: &mut Act<'_>,
    agent: &AgentRow,
    wanted: &Wanted,
    candidates: Vec<TaskRow>,
) -> Result<Option<TaskRow>, Fault> {
    for task in candidates {
        let suits = wanted.kind.is_none_or(|kind| kind == task.kind) && has_tools(agent, &task);
        if suits && reviewers::may_take(act.tx, act.office, &task, &agent.name)? && is_free(act.tx, act.office, &task)?
        {
            return Ok(Some(task));
        }
    }
    Ok(None)
}

/// No sandbox of an earlier claim may still be at it.
pub(super) fn is_free(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow) -> Result<bool, Fault> {
    Ok(sessions::still_at(tx, office, task.id)?.is_none())
}

fn has_tools(agent: &AgentRow, task: &TaskRow) -> bool {
    task.required_tools().iter().all(|tool| agent.has_integration(tool))
}

/// The task that was asked for, or why it can't be had.
fn pick_named(act: &mut Act<'_>, agent: &AgentRow, id: TaskId) -> Result<TaskRow, Fault> {
    let task = flow::need(act, id)?;
    if sabotage!(ClaimWithoutCheck) {
        return Ok(task);
    }
    if task.status != Status::Queued {
        flow::check(id, Move::Claim, task.status)?;
    }
    let foreign = task.assigned.as_ref().is_some_and(|name| name != agent.name.as_str());
    let waits = task.offered_at().is_some_and(|at| at > act.now);
    let may_judge = reviewers::may_take(act.tx, act.office, &task, &agent.name)?;
    let could = task.readiness().is_ready() && !foreign && !waits && may_judge && has_tools(agent, &task);
    if could && is_free(act.tx, act.office, &task)? {
        return Ok(task);
    }
    let reason = if foreign {
        format!("it is assigned to {}", task.assigned.clone().unwrap_or_default())
    } else if !may_judge {
        format!("{} had a hand in the work that it judges", agent.name)
    } else {
        let card = cards::card(act.tx, act.office, &act.head, act.now, &task)?;
        card.why.map_or_else(|| "it is not ready".to_owned(), |why| why.message)
    };
    Err(Fault::new(Code::NotClaimable, format!("task {id} can't be claimed by {}: {reason}", agent.name))
        .hint(format!("mi tasks get {id} shows why it waits")))
}

/// A renewal, a log line or a session event shows that the claimer works.
pub fn started(act: &mut Act<'_>, task: &mut TaskRow) -> Result<(), Fault> {
    if task.status != Status::Claimed {
        return Ok(());
    }
    let from = (task.status, task.verification);
    let to = flow::check(task.id, Move::Start, from.0)?;
    task.started_at = Some(act.now);
    let actor = task.claimed_by.clone();
    let actor = actor.as_ref().map_or("system", |name| name.as_str());
    flow::record(act, task, "tasks.start", actor, format!("task {} running", task.id))?;
    flow::settle(act, task, from, to)
}

/// The claimer of a held task, or an operator; everybody else is told who holds it.
pub fn must_hold(act: &Act<'_>, task: &TaskRow, member: &Member) -> Result<(), Fault> {
    let holder = task.claimed_by.as_ref().filter(|_| task.status.is_held());
    // A live claim of another task moves nothing here, whoever sends it; it is no reason to stop working on that one.
    if let Claim::Live(token) = act.claim
        && task.session != Some(token)
    {
        return Err(fault::not_the_claimer(task.id, holder));
    }
    match member {
        Member::Person(_) => Ok(()),
        Member::Agent { session: None, proof, .. } if act.claim == Claim::None && proof.names_its_claim() => {
            Err(fault::claim_required())
        }
        Member::Agent { name, session, .. } => {
            let same_claim = session.is_none_or(|session| task.session == Some(session));
            if holder == Some(name) && same_claim { Ok(()) } else { Err(fault::not_the_claimer(task.id, holder)) }
        }
    }
}
