//! Which messages wake whom, and how often.
//!
//! A message to an agent alone wakes it, and so does one in a group that mentions it; what stands too far in a chain of
//! wake-ups among agents doesn't, until an operator does something. When those of a session that failed wake the next one
//! is in `tries`.

use mi_core::chain;
use mi_core::ids::{AgentName, OfficeId};
use mi_core::time::Time;
use serde_json::{Value, json};

use super::groups::service as groups;
use super::service::{NewMessage, Unread, Waking};
use super::store;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent, look};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;

pub(super) const SYSTEM: &str = "system";

/// What wakes an agent now, if anything does. A session that is woken will have read up to there; of more than `most`
/// the rest wakes the next one.
pub fn wakes(tx: &mut dyn Tx, office: OfficeId, agent: &AgentName, most: i64) -> Result<Option<Waking>, Fault> {
    let unread = store::unread_links(tx, office, agent.as_str(), most)?;
    let mention = groups::newest_mention(tx, office, agent.as_str())?;
    if unread.is_empty() && mention.is_none() {
        return Ok(None);
    }
    let limit = look(tx, office)?.settings.wake_chain_max;
    let mut waking: Vec<Unread> = unread.iter().filter(|one| chain::may_wake(one.chain, limit)).cloned().collect();
    let there_may_be_more = i64::try_from(unread.len()).unwrap_or(i64::MAX) >= most;
    if waking.is_empty() && there_may_be_more {
        waking.extend(store::first_that_wakes(tx, office, agent.as_str(), limit)?);
    }
    if !there_may_be_more || waking.is_empty() {
        waking.extend(mention.clone());
    }
    let newest_shown = if there_may_be_more { None } else { mention.map(|one| one.id) };
    let up_to = unread.last().map(|one| one.id).max(newest_shown);
    Ok(up_to.and_then(|up_to| gathered(up_to, &waking)))
}

/// One session for all of them. With an operator's among them it begins a chain anew.
fn gathered(up_to: i64, waking: &[Unread]) -> Option<Waking> {
    let newest = waking.iter().max_by_key(|one| one.id)?;
    let since = waking.iter().map(|one| one.at).min().unwrap_or(newest.at);
    let is_asked_by_an_operator = waking.iter().any(|one| one.chain == chain::OPERATOR);
    let longest = waking.iter().map(|one| one.chain).max().unwrap_or(chain::OPERATOR);
    let chain = if is_asked_by_an_operator { chain::OPERATOR } else { longest };
    Some(Waking { up_to, by: newest.from.clone(), chain, since })
}

pub(super) fn may_wake(act: &Act<'_>, link: i64) -> bool {
    chain::may_wake(link, act.head.settings.wake_chain_max)
}

/// What a sender is told of its message.
pub(super) fn metadata(act: &Act<'_>, message: &NewMessage) -> Value {
    if may_wake(act, message.chain) {
        return json!({});
    }
    json!({"wakes": false, "why": chain::stopped(message.chain)})
}

/// The message stays in the inbox, and an operator is told.
pub(super) fn say_stopped(act: &mut Act<'_>, to: &AgentName, from: &str, link: i64) -> Result<(), Fault> {
    let why = chain::stopped(link);
    act.event(NewEvent {
        category: Category::Message,
        kind: "chat.chain_stopped",
        actor: SYSTEM,
        agent: Some(to),
        task: None,
        summary: format!("{to} is not woken by {from}: {why}; write to {to}, and it goes on"),
        data: json!({"from": from, "to": to, "chain": link, "limit": act.head.settings.wake_chain_max}),
    })?;
    Ok(())
}

/// An operator did something for this agent: what was too far in a chain wakes it again.
pub fn release_stopped(act: &mut Act<'_>, agent: &AgentName) -> Result<(), Fault> {
    let limit = act.head.settings.wake_chain_max;
    Ok(store::release_stopped(act.tx, act.office, agent.as_str(), limit)?)
}

/// When the newest message to an agent came, alone or in a group, and its link.
pub fn newest_link(act: &mut Act<'_>, agent: &AgentName) -> Result<Option<(Time, i64)>, Fault> {
    let direct = store::newest_link(act.tx, act.office, agent.as_str())?;
    Ok(direct.max(groups::newest_link(act, agent.as_str())?))
}
