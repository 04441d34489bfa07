//! Acts of chat, and what sessions ask of it.

use mi_core::ids::{AgentName, GroupId, OfficeId, excerpt};
use mi_core::limits::{LIST_COUNT_MAX, LIST_LIMIT_MAX, MESSAGE_BYTES_MAX};
use mi_core::time::Time;
use mi_core::wire::runner::InboxMessage;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::groups::service as groups;
use super::store::Pair;
pub use super::tries::{trouble, try_failed, wakes_now};
pub use super::wakes::{newest_link, release_stopped, wakes};
use super::{faults, store, tries, wakes};
use crate::agents::service as agents;
use crate::house::View;
use crate::identity::members;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::{COLLEAGUE, Member, OWNER};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::sessions::chain::link;
use crate::tasks::calls;

/// To whom a message in a group goes.
const GROUP: &str = "group";
/// Messages of groups that an inbox or a session shows; older ones are in the group.
const GROUP_MESSAGES_SHOWN_MAX: i64 = 50;

/// A message as clients see it; times are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Message {
    pub id: i64,
    pub from_agent: String,
    /// `group` where it was written in one.
    pub to_agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    pub body: String,
    /// The same as `body`.
    pub content: String,
    #[schema(value_type = Object)]
    pub metadata: Value,
    pub created_at: i64,
}

impl Message {
    pub fn new(id: i64, from_agent: String, to_agent: String, body: String, at: Time) -> Self {
        let content = body.clone();
        Self { id, from_agent, to_agent, group_id: None, content, body, metadata: json!({}), created_at: at.0 }
    }

    pub fn in_group(id: i64, group: GroupId, from_agent: String, body: String, at: Time) -> Self {
        Self { group_id: Some(group), ..Self::new(id, from_agent, GROUP.to_owned(), body, at) }
    }

    fn for_inbox(self) -> InboxMessage {
        let Message { id, from_agent, to_agent, group_id, body, created_at, .. } = self;
        InboxMessage { id, from_agent, to_agent, group_id, body, created_at }
    }
}

/// A message on its way into the store.
pub struct NewMessage {
    pub from: String,
    pub to: String,
    pub body: String,
    /// The session in which an agent wrote it.
    pub session: Option<i64>,
    /// How many wake-ups among agents led to it, one by the other, since an operator's act.
    pub chain: i64,
}

/// What wakes an agent: its unread messages, as far as one session reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waking {
    pub up_to: i64,
    /// Who wrote the newest of those that wake.
    pub by: String,
    pub chain: i64,
    /// When the first of them was written.
    pub since: Time,
}

/// An unread message, as far as waking goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    pub id: i64,
    pub from: String,
    pub chain: i64,
    pub at: Time,
}

/// What a client sends, in either of the contract's forms.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Outgoing {
    /// An agent, `owner`, a colleague (`user:NAME`), or a group by its id; `office` is the group of everybody.
    pub to: Option<String>,
    /// An agent's id or name; the same as `to`.
    pub agent_id: Option<String>,
    pub from: Option<String>,
    pub content: Option<String>,
    /// The same as `content`.
    pub body: Option<String>,
}

/// To an agent, to the owner, or to a group: a reply needs to know only who or what it answers.
pub fn send(act: &mut Act<'_>, member: &Member, outgoing: &Outgoing) -> Result<Answer, Fault> {
    speaks_for_itself(member, outgoing.from.as_deref())?;
    let named = outgoing.to.as_deref().or(outgoing.agent_id.as_deref()).map(str::trim).unwrap_or_default();
    if groups::is_group(act.tx, act.office, named)? {
        return groups::send_whole(act, member, named, outgoing);
    }
    let to = receiver(act, named)?;
    if to == member.name() {
        return Err(faults::to_yourself());
    }
    let session = match member {
        Member::Person(_) => None,
        Member::Agent { session, .. } => session.map(|number| number.0),
    };
    let chain = link(act, member)?;
    let message = NewMessage { from: member.name().to_owned(), to, body: text(outgoing)?.to_owned(), session, chain };
    let id = act.next_row();
    store::insert(act.tx, act.office, id, &message, act.now)?;
    record(act, id, &message)?;
    let metadata = wakes::metadata(act, &message);
    let sent = Message::new(id, message.from, message.to, message.body, act.now);
    Answer::created(&Message { metadata, ..sent })
}

pub fn speaks_for_itself(member: &Member, from: Option<&str>) -> Result<(), Fault> {
    let Some(from) = from.filter(|from| *from != member.name()) else { return Ok(()) };
    match member {
        Member::Person(_) => Err(faults::speaks_as(member.name(), from)),
        Member::Agent { .. } => Err(fault::not_you(&excerpt(from))),
    }
}

fn receiver(act: &mut Act<'_>, named: &str) -> Result<String, Fault> {
    match named {
        "" => Err(faults::nobody_named()),
        OWNER => Ok(OWNER.to_owned()),
        name if name.starts_with(COLLEAGUE) => Ok(members::shown(act.tx, act.office, name)?.to_owned()),
        name => Ok(agents::find(act.tx, act.office, name)?.name.to_string()),
    }
}

pub fn text(outgoing: &Outgoing) -> Result<&str, Fault> {
    let text = outgoing.content.as_deref().or(outgoing.body.as_deref()).unwrap_or_default();
    if text.trim().is_empty() {
        return Err(faults::empty());
    }
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(fault::too_long("the message", MESSAGE_BYTES_MAX, "bytes"));
    }
    Ok(text)
}

/// The event says who wrote to whom and how it begins; the message itself stays in the conversation.
fn record(act: &mut Act<'_>, id: i64, message: &NewMessage) -> Result<(), Fault> {
    let NewMessage { from, to, .. } = message;
    let (sender, receiver) = (agent(from), agent(to));
    act.event(NewEvent {
        category: Category::Message,
        kind: "chat.send",
        actor: from,
        agent: sender.as_ref().or(receiver.as_ref()),
        task: None,
        summary: format!("{from} to {to}: {}", excerpt(&message.body)),
        data: json!({"message_id": id, "from": from, "to": to}),
    })?;
    if let Some(receiver) = &receiver {
        if !wakes::may_wake(act, message.chain) {
            return wakes::say_stopped(act, receiver, from, message.chain);
        }
        act.wake_agent(receiver);
        calls::for_message(act, receiver)?;
    }
    Ok(())
}

/// The agent of this name; people have other ones.
fn agent(name: &str) -> Option<AgentName> {
    name.parse().ok().filter(|_| name != OWNER)
}

/// The newest messages of a conversation, in their order. An agent sees only its own, and only since it was hired.
pub fn between(view: &mut View<'_>, member: &Member, (one, other): (&str, &str), most: i64) -> Result<Found, Fault> {
    let since = match member {
        Member::Person(_) => Time(0),
        Member::Agent { name, .. } if ![one, other].contains(&name.as_str()) => {
            return Err(fault::not_you(&excerpt(one)));
        }
        Member::Agent { id, name, .. } => {
            let me = agents::by_id(view.tx, view.office, *id)?;
            me.ok_or_else(|| fault::no_such_agent(name))?.created_at
        }
    };
    let pair = Pair { one, other, since };
    let mut messages = store::between(view.tx, view.office, &pair, most)?;
    messages.reverse();
    let total = store::count_between(view.tx, view.office, &pair, LIST_COUNT_MAX + 1)?;
    Ok(Found { messages, total })
}

pub struct Found {
    pub messages: Vec<Message>,
    pub total: i64,
}

/// What the caller has not read yet, oldest first; it is read from here on.
pub fn read_inbox(act: &mut Act<'_>, member: &Member) -> Result<Answer, Fault> {
    let messages = all_unread(act.tx, act.office, (member.name(), member.seat()), LIST_LIMIT_MAX)?;
    let newest = |in_group: bool| {
        let of_that_sort = messages.iter().filter(|message| message.group_id.is_some() == in_group);
        of_that_sort.map(|message| message.id).max()
    };
    if let Some(last) = newest(false) {
        store::mark_read(act.tx, act.office, member.name(), last, act.now)?;
    }
    if let Some(last) = newest(true) {
        groups::mark_read(act, member.seat(), last)?;
    }
    if let Some(agent) = member.agent().filter(|_| !messages.is_empty()) {
        tries::read_again(act, agent)?;
    }
    let total = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    Answer::list(&messages, total)
}

/// The oldest unread ones that were written to somebody alone and the newest of its groups, in their order.
fn all_unread(tx: &mut dyn Tx, office: OfficeId, (name, seat): (&str, &str), most: i64) -> Result<Vec<Message>, Fault> {
    let mut messages = store::unread(tx, office, name, most)?;
    messages.extend(groups::unread(tx, office, seat, GROUP_MESSAGES_SHOWN_MAX)?);
    messages.sort_by_key(|message| message.id);
    Ok(messages)
}

/// An agent's unread messages, oldest first.
pub fn unread(tx: &mut dyn Tx, office: OfficeId, agent: &AgentName, most: i64) -> Result<Vec<InboxMessage>, Fault> {
    let messages = all_unread(tx, office, (agent.as_str(), agent.as_str()), most)?;
    Ok(messages.into_iter().map(Message::for_inbox).collect())
}

/// The agent was given these.
pub fn mark_read(act: &mut Act<'_>, agent: &AgentName, up_to: i64) -> Result<(), Fault> {
    store::mark_read(act.tx, act.office, agent.as_str(), up_to, act.now)?;
    groups::mark_read(act, agent.as_str(), up_to)?;
    tries::read_again(act, agent)
}

/// A session that began then has shown what was in the agent's groups; that is read now.
pub fn mark_groups_read(act: &mut Act<'_>, agent: &AgentName, began: Time) -> Result<(), Fault> {
    let messages = groups::unread(act.tx, act.office, agent.as_str(), GROUP_MESSAGES_SHOWN_MAX)?;
    let shown = messages.iter().filter(|message| message.created_at <= began.0).map(|message| message.id).max();
    match shown {
        Some(up_to) => groups::mark_read(act, agent.as_str(), up_to),
        None => Ok(()),
    }
}

/// An agent of this name is there from now on.
pub fn welcome(act: &mut Act<'_>, agent: &AgentName) -> Result<(), Fault> {
    groups::join_office_group(act, agent)
}

/// Nobody of this name is there to read them any more.
pub fn say_goodbye(act: &mut Act<'_>, agent: &AgentName) -> Result<(), Fault> {
    store::mark_read(act.tx, act.office, agent.as_str(), i64::MAX, act.now)?;
    groups::leave_all(act, agent)
}
