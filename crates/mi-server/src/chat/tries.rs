//! Messages whose session failed: they wake another one, after a pause that grows, and a few times only.
//!
//! The pause is the agent's, whichever messages come meanwhile: what failed was its session. Why it failed stands in the
//! agent's status until it has read messages again.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::limits::{MESSAGE_TRIES_MAX, RETRY_BACKOFF_SECONDS};
use mi_core::time::{Millis, Time};
use serde_json::json;

use super::groups::service as groups;
use super::service::Waking;
use super::store;
use super::wakes::{SYSTEM, wakes};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::wakeups::Wake;

/// What wakes an agent and doesn't have to wait.
pub fn wakes_now(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: &AgentName,
    now: Time,
    most: i64,
) -> Result<Option<Waking>, Fault> {
    let Some(waking) = wakes(tx, office, agent, most)? else { return Ok(None) };
    let waits = store::retry_at(tx, office, agent.as_str())?.is_some_and(|at| at > now);
    Ok((!waits).then_some(waking))
}

/// Why the agent could not read its messages the last time, if it couldn't.
pub fn trouble(tx: &mut dyn Tx, office: OfficeId, agent: &AgentName) -> Result<Option<String>, Fault> {
    Ok(store::reading_error(tx, office, agent.as_str())?)
}

/// The session that these woke has failed. They wake another one later, and after a few they count as read and that is
/// said.
pub fn try_failed(act: &mut Act<'_>, agent: &AgentName, up_to: i64, cause: &str) -> Result<(), Fault> {
    store::count_try(act.tx, act.office, agent.as_str(), up_to)?;
    groups::count_try(act, agent.as_str(), up_to)?;
    let direct = store::most_tries(act.tx, act.office, agent.as_str(), up_to)?;
    let tries = direct.max(groups::most_tries(act, agent.as_str(), up_to)?);
    let at = act.now + pause(tries);
    act.wake(Wake::Due);
    if tries < MESSAGE_TRIES_MAX {
        let told = format!("could not read its messages (try {tries} of {MESSAGE_TRIES_MAX}, again at {at}): {cause}");
        return Ok(store::set_reading_error(act.tx, act.office, agent.as_str(), &told, at)?);
    }
    let told = format!("could not read its messages in {tries} sessions, the last one: {cause}");
    // Those that came later have tries of their own left.
    store::set_reading_error(act.tx, act.office, agent.as_str(), &told, at)?;
    give_up(act, agent, up_to, (tries, &told))
}

/// As long as a task waits after its attempts.
fn pause(tries: i64) -> Millis {
    let step = usize::try_from(tries - 1).unwrap_or(0).min(RETRY_BACKOFF_SECONDS.len() - 1);
    Millis::seconds(RETRY_BACKOFF_SECONDS[step])
}

fn give_up(act: &mut Act<'_>, agent: &AgentName, up_to: i64, (tries, told): (i64, &str)) -> Result<(), Fault> {
    store::give_up(act.tx, act.office, agent.as_str(), up_to, MESSAGE_TRIES_MAX, act.now)?;
    groups::give_up(act, agent.as_str(), up_to, MESSAGE_TRIES_MAX)?;
    act.event(NewEvent {
        category: Category::Message,
        kind: "chat.given_up",
        actor: SYSTEM,
        agent: Some(agent),
        task: None,
        summary: format!("{agent} {told}"),
        data: json!({"up_to": up_to, "tries": tries}),
    })?;
    Ok(())
}

/// It has read messages: what was wrong before is over.
pub fn read_again(act: &mut Act<'_>, agent: &AgentName) -> Result<(), Fault> {
    Ok(store::clear_reading_error(act.tx, act.office, agent.as_str())?)
}
