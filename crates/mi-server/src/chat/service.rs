//! Acts of chat, and what sessions ask of it.

use mi_core::ids::{AgentName, OfficeId, excerpt};
use mi_core::limits::{LIST_COUNT_MAX, LIST_LIMIT_MAX, MESSAGE_BYTES_MAX};
use mi_core::time::Time;
use mi_core::wire::runner::InboxMessage;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::store::Pair;
use super::{faults, store};
use crate::agents::service as agents;
use crate::house::View;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};

/// As whom operators speak and are spoken to.
const OWNER: &str = "owner";

/// A message as clients see it; times are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Message {
    pub id: i64,
    pub from_agent: String,
    pub to_agent: String,
    pub body: String,
    /// The same as `body`.
    pub content: String,
    #[schema(value_type = Object)]
    pub metadata: Value,
    pub created_at: i64,
}

impl Message {
    pub fn new(id: i64, from_agent: String, to_agent: String, body: String, at: Time) -> Self {
        Self { id, from_agent, to_agent, content: body.clone(), body, metadata: json!({}), created_at: at.0 }
    }

    fn for_inbox(self) -> InboxMessage {
        let Message { id, from_agent, to_agent, body, created_at, .. } = self;
        InboxMessage { id, from_agent, to_agent, body, created_at }
    }
}

/// A message on its way into the store.
pub struct NewMessage {
    pub from: String,
    pub to: String,
    pub body: String,
    /// The session in which an agent wrote it.
    pub session: Option<i64>,
}

/// What a client sends, in either of the contract's forms.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Outgoing {
    pub to: Option<String>,
    /// An agent's id or name; the same as `to`.
    pub agent_id: Option<String>,
    pub from: Option<String>,
    pub content: Option<String>,
    /// The same as `content`.
    pub body: Option<String>,
}

pub fn send(act: &mut Act<'_>, member: &Member, outgoing: &Outgoing) -> Result<Answer, Fault> {
    speaks_for_itself(member, outgoing.from.as_deref())?;
    let to = receiver(act, outgoing)?;
    if to == member.name() {
        return Err(faults::to_yourself());
    }
    let session = match member {
        Member::Operator(_) => None,
        Member::Agent { session, .. } => session.map(|number| number.0),
    };
    let message = NewMessage { from: member.name().to_owned(), to, body: text(outgoing)?.to_owned(), session };
    let id = act.next_row();
    store::insert(act.tx, act.office, id, &message, act.now)?;
    record(act, id, &message)?;
    Answer::created(&Message::new(id, message.from, message.to, message.body, act.now))
}

fn speaks_for_itself(member: &Member, from: Option<&str>) -> Result<(), Fault> {
    let Some(from) = from.filter(|from| *from != member.name()) else { return Ok(()) };
    match member {
        Member::Operator(_) => Err(faults::speaks_as_owner(from)),
        Member::Agent { .. } => Err(fault::not_you(&excerpt(from))),
    }
}

fn receiver(act: &mut Act<'_>, outgoing: &Outgoing) -> Result<String, Fault> {
    let to = outgoing.to.as_deref().or(outgoing.agent_id.as_deref()).map(str::trim).unwrap_or_default();
    match to {
        "" => Err(faults::nobody_named()),
        OWNER => Ok(OWNER.to_owned()),
        name => Ok(agents::find(act.tx, act.office, name)?.name.to_string()),
    }
}

fn text(outgoing: &Outgoing) -> Result<&str, Fault> {
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
    let (from, to) = (message.from.parse::<AgentName>()?, message.to.parse::<AgentName>()?);
    let whose = if message.from == OWNER { &to } else { &from };
    act.event(NewEvent {
        category: Category::Message,
        kind: "chat.send",
        actor: from.as_str(),
        agent: Some(whose),
        task: None,
        summary: format!("{from} to {to}: {}", excerpt(&message.body)),
        data: json!({"message_id": id, "from": from, "to": to}),
    })?;
    if message.to != OWNER {
        act.wake_agent(&to);
    }
    Ok(())
}

/// The newest messages of a conversation, in their order. An agent sees only its own, and only since it was hired.
pub fn between(view: &mut View<'_>, member: &Member, (one, other): (&str, &str), most: i64) -> Result<Found, Fault> {
    let since = match member {
        Member::Operator(_) => Time(0),
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
    let messages = store::unread(act.tx, act.office, member.name(), LIST_LIMIT_MAX)?;
    if let Some(last) = messages.last() {
        store::mark_read(act.tx, act.office, member.name(), last.id, act.now)?;
    }
    let total = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    Answer::list(&messages, total)
}

/// An agent's unread messages, oldest first.
pub fn unread(tx: &mut dyn Tx, office: OfficeId, agent: &AgentName, most: i64) -> Result<Vec<InboxMessage>, Fault> {
    let messages = store::unread(tx, office, agent.as_str(), most)?;
    Ok(messages.into_iter().map(Message::for_inbox).collect())
}

/// The agent was given these.
pub fn mark_read(act: &mut Act<'_>, agent: &AgentName, up_to: i64) -> Result<(), Fault> {
    store::mark_read(act.tx, act.office, agent.as_str(), up_to, act.now)?;
    Ok(())
}

/// Nobody of this name is there to read them any more.
pub fn forget_unread(act: &mut Act<'_>, agent: &AgentName) -> Result<(), Fault> {
    mark_read(act, agent, i64::MAX)
}
