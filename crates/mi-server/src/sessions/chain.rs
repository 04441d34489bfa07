//! How far a chain of wake-ups is, for what an agent makes now.

use mi_core::chain;
use mi_core::ids::{AgentId, AgentName};

use super::store;
use crate::chat::service as chat;
use crate::infra::act::Act;
use crate::infra::caller::Member;
use crate::infra::fault::Fault;

/// The link of what this member makes: one further than what it was woken by. A session's own credential says which
/// session that is. An agent elsewhere may name whichever claim it likes, or none, so its request isn't asked: what woke
/// it is the last thing that it got.
pub fn link(act: &mut Act<'_>, member: &Member) -> Result<i64, Fault> {
    let Member::Agent { id, name, session, .. } = member else { return Ok(chain::OPERATOR) };
    let session = match session {
        Some(number) => store::get(act.tx, act.office, *number)?,
        None => None,
    };
    Ok(chain::after(match session {
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
