//! How far a chain of wake-ups is, for what an agent makes now.

use mi_core::chain;

use super::store;
use crate::chat::service as chat;
use crate::infra::act::{Act, Claim};
use crate::infra::caller::Member;
use crate::infra::fault::Fault;

/// The link of what this member makes: one further than what its session was begun for. An agent elsewhere that is in no
/// session answers the last message that it got.
pub fn link(act: &mut Act<'_>, member: &Member) -> Result<i64, Fault> {
    let Member::Agent { name, session, .. } = member else { return Ok(chain::OPERATOR) };
    let claimed = match act.claim {
        Claim::Live(number) => Some(number),
        Claim::None | Claim::Stale(_) => None,
    };
    let session = match session.or(claimed) {
        Some(number) => store::get(act.tx, act.office, number)?,
        None => None,
    };
    Ok(chain::after(match session {
        Some(session) => session.origin.chain,
        None => chat::last_link(act, name)?,
    }))
}
