//! Conversations: who talks with whom, and what was said, by one id for two and for groups.

use std::collections::BTreeMap;

use mi_core::ids::excerpt;
use mi_core::time::Time;
use mi_core::wire::chat::{Conversation, ConversationKind, GroupKind};

use super::groups::service as groups;
use super::service::{self, Found, Outgoing};
use super::{faults, store};
use crate::agents::service as agents;
use crate::house::View;
use crate::infra::act::{Act, Answer};
use crate::infra::caller::{COLLEAGUE, Member};
use crate::infra::fault::{self, Fault};

/// Pairs shown; the ones that talked last.
const PAIRS_SHOWN_MAX: i64 = 500;

/// The groups first, then pairs, the last to talk first. An agent sees those that it has a part in.
pub fn list(view: &mut View<'_>, member: &Member) -> Result<Vec<Conversation>, Fault> {
    let mut all = Vec::new();
    for group in groups::list(view, member)? {
        let last_message_at = groups::last_at(view.tx, view.office, group.id)?.map(|at| at.0);
        let name = match group.kind {
            GroupKind::Office => "everybody".to_owned(),
            GroupKind::Group => group.name,
        };
        let (id, members) = (group.id.to_string(), group.members);
        all.push(Conversation { id, kind: ConversationKind::Group, name, members, last_message_at });
    }
    all.extend(pairs(view, member)?);
    Ok(all)
}

fn pairs(view: &mut View<'_>, member: &Member) -> Result<Vec<Conversation>, Fault> {
    let (who, since) = match member {
        Member::Person(_) => ("", Time(0)),
        Member::Agent { id, name, .. } => {
            let me = agents::by_id(view.tx, view.office, *id)?.ok_or_else(|| fault::no_such_agent(name))?;
            (name.as_str(), me.created_at)
        }
    };
    let mut last: BTreeMap<(String, String), Time> = BTreeMap::new();
    for (from, to, at) in store::pairs(view.tx, view.office, who, since, PAIRS_SHOWN_MAX)? {
        let pair = if from < to { (from, to) } else { (to, from) };
        let known = last.entry(pair).or_insert(at);
        *known = (*known).max(at);
    }
    let mut pairs: Vec<_> = last.into_iter().collect();
    pairs.sort_by(|(one, at), (other, later)| later.cmp(at).then_with(|| one.cmp(other)));
    let conversation = |((one, other), at): ((String, String), Time)| Conversation {
        id: format!("{one}:{other}"),
        kind: ConversationKind::Direct,
        name: format!("{one} and {other}"),
        members: vec![one, other],
        last_message_at: Some(at.0),
    };
    Ok(pairs.into_iter().map(conversation).collect())
}

pub fn messages(view: &mut View<'_>, member: &Member, id: &str, most: i64) -> Result<Found, Fault> {
    match pair(id) {
        Some(pair) => service::between(view, member, pair, most),
        None => groups::messages(view, member, id, most),
    }
}

/// `ada:owner`, `ada:user:vera`, `user:vera:zoe`: the two whose conversation it is.
fn pair(id: &str) -> Option<(&str, &str)> {
    let first = if id.starts_with(COLLEAGUE) { COLLEAGUE.len() } else { 0 };
    let colon = first + id.get(first..)?.find(':')?;
    Some((id.get(..colon)?, id.get(colon + 1..)?))
}

/// As the caller, to the other one or to the group. A colleague who writes where the owner talks with an agent writes to
/// that agent, in their own name.
pub fn send(act: &mut Act<'_>, member: &Member, id: &str, outgoing: &Outgoing) -> Result<Answer, Fault> {
    let Some((one, other)) = pair(id) else { return groups::send(act, member, id, outgoing) };
    let mine = [one, other].contains(&member.name());
    let me = if mine { member.name() } else { member.seat() };
    let to = match (one == me, other == me) {
        (true, _) => other,
        (_, true) => one,
        (false, false) => return Err(faults::not_your_conversation(&excerpt(id))),
    };
    service::send(act, member, &Outgoing { to: Some(to.to_owned()), agent_id: None, ..outgoing.clone() })
}
