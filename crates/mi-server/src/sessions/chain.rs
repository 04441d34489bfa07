//! What stands behind whatever somebody makes now: how far its chain of wake-ups is, and for which task they are at work.

use mi_core::chain;
use mi_core::ids::{AgentId, AgentName, ClaimToken, TaskId};

use super::row::SessionRow;
use super::store;
use crate::chat::service as chat;
use crate::infra::act::{Act, Claim};
use crate::infra::caller::Member;
use crate::infra::fault::Fault;

/// The link of what this member makes: one further than what it was woken by. A session's own credential says which
/// session that is. An agent elsewhere may name whichever claim it likes, or none, so its request isn't asked: what woke
/// it is the last thing that it got.
pub fn link(act: &mut Act<'_>, member: &Member) -> Result<i64, Fault> {
    let Member::Agent { id, name, session, .. } = member else { return Ok(chain::OPERATOR) };
    Ok(chain::after(match row(act, *session)? {
        Some(session) => session.origin.chain,
        None => last_got(act, *id, name)?,
    }))
}

/// Of its newest claim and the newest message to it, whichever came later.
fn last_got(act: &mut Act<'_>, id: AgentId, name: &AgentName) -> Result<i64, Fault> {
    let claim = store::newest_link(act.tx, act.office, id)?;
    let message = chat::newest_link(act, name)?;
    Ok(claim.max(message).map_or(chain::OPERATOR, |(_, link)| link))
}

/// The task in whose session this is made: by the session's credential, by the claim that came along, or, of an agent that
/// names neither, by what it is at.
pub fn task(act: &mut Act<'_>, member: &Member) -> Result<Option<TaskId>, Fault> {
    let (agent, own) = match member {
        Member::Agent { id, session, .. } => (Some(*id), *session),
        Member::Person(_) => (None, None),
    };
    let claimed = match act.claim {
        Claim::Live(number) => Some(number),
        Claim::None | Claim::Stale(_) => None,
    };
    match (row(act, own.or(claimed))?, agent) {
        (Some(session), _) => Ok(session.task),
        (None, Some(agent)) => Ok(store::current(act.tx, act.office, agent)?.and_then(|(_, task)| task)),
        (None, None) => Ok(None),
    }
}

fn row(act: &mut Act<'_>, session: Option<ClaimToken>) -> Result<Option<SessionRow>, Fault> {
    session.map_or(Ok(None), |number| Ok(store::get(act.tx, act.office, number)?))
}
