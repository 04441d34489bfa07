//! Acts of groups, and what hiring, sessions and inboxes ask of them.

use mi_core::ids::{AgentName, GroupId, OfficeId, excerpt};
use mi_core::limits::{GROUP_NAME_CHARS_MAX, GROUPS_PER_OFFICE_MAX, LIST_COUNT_MAX};
use mi_core::mentions::{Speaker, means};
use mi_core::time::Time;
use mi_core::wire::chat::{AddMember, CreateGroup, Group, GroupKind, GroupSent, RenameGroup};
use serde_json::json;
use uuid::Uuid;

use super::store;
use crate::agents::service as agents;
use crate::chat::faults;
use crate::chat::service::{Found, Message, Outgoing, Unread, speaks_for_itself, text};
use crate::chat::wakes;
use crate::house::View;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::{Member, OWNER};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::sessions::chain::link;
use crate::tasks::calls;

/// Who made what nobody made by hand.
const SYSTEM: &str = "system";
/// What stands for the office's own group where a group is named.
const OF_EVERYBODY: [&str; 2] = ["office", "group"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    pub id: GroupId,
    pub name: String,
    pub kind: GroupKind,
    pub created_by: String,
    pub created_at: Time,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    pub name: String,
    pub joined_at: Time,
    pub read_up_to: i64,
}

pub struct NewGroupMessage<'a> {
    pub id: i64,
    pub group: GroupId,
    pub from: &'a str,
    pub body: &'a str,
    pub session: Option<i64>,
    pub chain: i64,
    pub at: Time,
}

/// With the office: the group in which everybody is.
pub fn open_office_group(act: &mut Act<'_>) -> Result<(), Fault> {
    let group = GroupRow {
        id: GroupId(Uuid::new_v4()),
        name: "office".to_owned(),
        kind: GroupKind::Office,
        created_by: SYSTEM.to_owned(),
        created_at: act.now,
    };
    store::insert(act.tx, act.office, &group)?;
    join(act, group.id, OWNER)
}

/// A hired agent is in the office's group from now on.
pub fn join_office_group(act: &mut Act<'_>, agent: &AgentName) -> Result<(), Fault> {
    let group = office_group(act.tx, act.office)?;
    join(act, group.id, agent.as_str())
}

/// An agent that left is in no group any more.
pub fn leave_all(act: &mut Act<'_>, agent: &AgentName) -> Result<(), Fault> {
    Ok(store::remove_everywhere(act.tx, act.office, agent.as_str())?)
}

/// What was written before is nobody's unread mail.
fn join(act: &mut Act<'_>, group: GroupId, name: &str) -> Result<(), Fault> {
    let member = MemberRow { name: name.to_owned(), joined_at: act.now, read_up_to: act.head.row_seq };
    Ok(store::add_member(act.tx, act.office, group, &member)?)
}

/// The group of everybody in the office.
pub fn of_everybody(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<GroupId>, Fault> {
    Ok(store::of_everybody(tx, office)?.map(|group| group.id))
}

fn office_group(tx: &mut dyn Tx, office: OfficeId) -> Result<GroupRow, Fault> {
    store::of_everybody(tx, office)?.ok_or_else(|| faults::no_such_group("office"))
}

/// By id, or `office`; agents see only the groups that they are in. Gives since when the member is in it.
fn find(tx: &mut dyn Tx, office: OfficeId, member: &Member, named: &str) -> Result<(GroupRow, Time), Fault> {
    let group = match named.parse() {
        Ok(id) => store::get(tx, office, id)?,
        Err(_) if OF_EVERYBODY.contains(&named) => Some(office_group(tx, office)?),
        Err(_) => None,
    };
    let group = group.ok_or_else(|| faults::no_such_group(named))?;
    let since = match member {
        Member::Person(_) => Time(0),
        Member::Agent { name, .. } => {
            let row = store::member(tx, office, group.id, name.as_str())?;
            row.ok_or_else(|| faults::no_such_group(named))?.joined_at
        }
    };
    Ok((group, since))
}

/// Whoever made a group, and operators, say who is in it and how it is called.
fn may_change(member: &Member, group: &GroupRow) -> Result<(), Fault> {
    match member {
        Member::Person(_) => Ok(()),
        Member::Agent { name, .. } if group.created_by == name.as_str() => Ok(()),
        Member::Agent { .. } => Err(faults::not_your_group(&group.name)),
    }
}

fn card(tx: &mut dyn Tx, office: OfficeId, group: GroupRow) -> Result<Group, Fault> {
    let members = store::members(tx, office, group.id)?;
    let GroupRow { id, name, kind, created_by, created_at } = group;
    Ok(Group { id, name, kind, members, created_by, created_at: created_at.0 })
}

/// Those in which the caller is; the owner is in all of them.
pub fn list(view: &mut View<'_>, member: &Member) -> Result<Vec<Group>, Fault> {
    let rows = store::of_member(view.tx, view.office, member.seat(), GROUPS_PER_OFFICE_MAX)?;
    rows.into_iter().map(|row| card(view.tx, view.office, row)).collect()
}

pub fn create(act: &mut Act<'_>, member: &Member, wish: &CreateGroup) -> Result<Answer, Fault> {
    if store::count(act.tx, act.office)? >= GROUPS_PER_OFFICE_MAX {
        return Err(faults::too_many_groups());
    }
    let group = GroupRow {
        id: GroupId(Uuid::new_v4()),
        name: good_name(&wish.name)?,
        kind: GroupKind::Group,
        created_by: member.name().to_owned(),
        created_at: act.now,
    };
    store::insert(act.tx, act.office, &group)?;
    join(act, group.id, OWNER)?;
    join(act, group.id, member.name())?;
    for name in wish.members.iter().flatten().filter(|name| *name != OWNER) {
        let agent = agents::find(act.tx, act.office, name)?;
        join(act, group.id, agent.name.as_str())?;
    }
    record(act, member, "chat.create_group", format!("{} opened the group {}", member.name(), group.name))?;
    Answer::created(&card(act.tx, act.office, group)?)
}

fn good_name(name: &str) -> Result<String, Fault> {
    let name = name.trim();
    let legal = !name.is_empty() && name.chars().count() <= GROUP_NAME_CHARS_MAX && !name.contains(char::is_control);
    if legal { Ok(name.to_owned()) } else { Err(faults::bad_group_name()) }
}

pub fn rename(act: &mut Act<'_>, member: &Member, named: &str, wish: &RenameGroup) -> Result<Answer, Fault> {
    let (mut group, _) = find(act.tx, act.office, member, named)?;
    may_change(member, &group)?;
    let before = std::mem::replace(&mut group.name, good_name(&wish.name)?);
    store::rename(act.tx, act.office, group.id, &group.name)?;
    record(act, member, "chat.rename_group", format!("the group {before} is called {} now", group.name))?;
    Answer::ok(&card(act.tx, act.office, group)?)
}

pub fn add_member(act: &mut Act<'_>, member: &Member, named: &str, wish: &AddMember) -> Result<Answer, Fault> {
    let (group, _) = find(act.tx, act.office, member, named)?;
    may_change(member, &group)?;
    let agent = agents::find(act.tx, act.office, &wish.agent_name)?;
    join(act, group.id, agent.name.as_str())?;
    record(act, member, "chat.add_member", format!("{} is in the group {} now", agent.name, group.name))?;
    Answer::ok(&card(act.tx, act.office, group)?)
}

pub fn remove_member(act: &mut Act<'_>, member: &Member, named: &str, agent: &str) -> Result<Answer, Fault> {
    let (group, _) = find(act.tx, act.office, member, named)?;
    // Anybody may leave by itself.
    if member.agent().is_none_or(|me| me.as_str() != agent) {
        may_change(member, &group)?;
    }
    if group.kind == GroupKind::Office || agent == OWNER {
        return Err(faults::always_a_member(agent, &group.name));
    }
    if store::remove_member(act.tx, act.office, group.id, agent)? == 0 {
        return Err(faults::not_a_member(agent, &group.name));
    }
    record(act, member, "chat.remove_member", format!("{} left the group {}", excerpt(agent), group.name))?;
    Answer::ok(&card(act.tx, act.office, group)?)
}

/// Whom the message mentions wakes up; the others read it in their next session.
pub fn send(act: &mut Act<'_>, member: &Member, named: &str, outgoing: &Outgoing) -> Result<Answer, Fault> {
    let message = write(act, member, named, outgoing)?;
    Answer::created(&GroupSent { message_id: message.id })
}

/// The same; the answer is the message.
pub fn send_whole(act: &mut Act<'_>, member: &Member, named: &str, outgoing: &Outgoing) -> Result<Answer, Fault> {
    Answer::created(&write(act, member, named, outgoing)?)
}

fn write(act: &mut Act<'_>, member: &Member, named: &str, outgoing: &Outgoing) -> Result<Message, Fault> {
    speaks_for_itself(member, outgoing.from.as_deref())?;
    let (group, _) = find(act.tx, act.office, member, named)?;
    let body = text(outgoing)?;
    let session = match member {
        Member::Person(_) => None,
        Member::Agent { session, .. } => session.map(|number| number.0),
    };
    let id = act.next_row();
    let chain = link(act, member)?;
    let message = NewGroupMessage { id, group: group.id, from: member.name(), body, session, chain, at: act.now };
    store::add_message(act.tx, act.office, &message)?;
    let woken = mention(act, member, &group, &message)?;
    act.event(NewEvent {
        category: Category::Message,
        kind: "chat.send_group",
        actor: member.name(),
        agent: member.agent(),
        task: None,
        summary: format!("{} to the group {}: {}", member.name(), group.name, excerpt(body)),
        data: json!({"message_id": id, "group_id": group.id, "from": member.name(), "mentions": woken}),
    })?;
    Ok(Message::in_group(id, group.id, member.name().to_owned(), body.to_owned(), act.now))
}

fn mention(
    act: &mut Act<'_>,
    member: &Member,
    group: &GroupRow,
    message: &NewGroupMessage<'_>,
) -> Result<Vec<AgentName>, Fault> {
    let NewGroupMessage { id, body, chain, .. } = *message;
    if !body.contains('@') {
        return Ok(Vec::new());
    }
    let speaker = if member.agent().is_some() { Speaker::Agent } else { Speaker::Owner };
    let mut woken = Vec::new();
    for name in store::members(act.tx, act.office, group.id)?.into_iter().filter(|name| name != OWNER) {
        let name: AgentName = name.parse()?;
        if member.agent() == Some(&name) || !means(body, &name, speaker) {
            continue;
        }
        if !wakes::may_wake(act, chain) {
            wakes::say_stopped(act, &name, member.name(), chain)?;
            continue;
        }
        store::mention(act.tx, act.office, group.id, name.as_str(), id)?;
        act.wake_agent(&name);
        calls::for_message(act, &name)?;
        woken.push(name);
    }
    Ok(woken)
}

/// Whether a receiver of a message is a group: `office`, or the id of one.
pub fn is_group(tx: &mut dyn Tx, office: OfficeId, named: &str) -> Result<bool, Fault> {
    match named.parse() {
        Ok(id) => Ok(store::get(tx, office, id)?.is_some()),
        Err(_) => Ok(OF_EVERYBODY.contains(&named)),
    }
}

/// The newest messages of a group, in their order; for an agent those since it joined.
pub fn messages(view: &mut View<'_>, member: &Member, named: &str, most: i64) -> Result<Found, Fault> {
    let (group, since) = find(view.tx, view.office, member, named)?;
    let mut messages = store::messages(view.tx, view.office, group.id, since, most)?;
    messages.reverse();
    let total = store::count_messages(view.tx, view.office, group.id, since, LIST_COUNT_MAX + 1)?;
    Ok(Found { messages, total })
}

/// When something was written in a group last.
pub fn last_at(tx: &mut dyn Tx, office: OfficeId, group: GroupId) -> Result<Option<Time>, Fault> {
    Ok(store::last_at(tx, office, group)?)
}

/// The newest that others wrote in somebody's groups since they looked, in their order.
pub fn unread(tx: &mut dyn Tx, office: OfficeId, name: &str, most: i64) -> Result<Vec<Message>, Fault> {
    let mut messages = store::unread(tx, office, name, most)?;
    messages.reverse();
    Ok(messages)
}

/// What was written in somebody's groups after a message, in its order.
pub fn after(tx: &mut dyn Tx, office: OfficeId, name: &str, after: i64, most: i64) -> Result<Vec<Message>, Fault> {
    Ok(store::after(tx, office, name, after, most)?)
}

/// The newest unread message that mentions somebody.
pub fn newest_mention(tx: &mut dyn Tx, office: OfficeId, name: &str) -> Result<Option<Unread>, Fault> {
    Ok(store::newest_mention(tx, office, name)?)
}

/// When others last wrote in somebody's groups, and the link of that.
pub fn newest_link(act: &mut Act<'_>, name: &str) -> Result<Option<(Time, i64)>, Fault> {
    Ok(store::newest_link(act.tx, act.office, name)?)
}

/// A session that was to read a mention failed.
pub fn count_try(act: &mut Act<'_>, name: &str, up_to: i64) -> Result<(), Fault> {
    Ok(store::count_try(act.tx, act.office, name, up_to)?)
}

pub fn most_tries(act: &mut Act<'_>, name: &str, up_to: i64) -> Result<i64, Fault> {
    Ok(store::most_tries(act.tx, act.office, name, up_to)?)
}

/// Mentions that so many sessions failed to read count as read.
pub fn give_up(act: &mut Act<'_>, name: &str, up_to: i64, tries: i64) -> Result<(), Fault> {
    Ok(store::give_up(act.tx, act.office, name, up_to, tries)?)
}

pub fn mark_read(act: &mut Act<'_>, name: &str, up_to: i64) -> Result<(), Fault> {
    Ok(store::mark_read(act.tx, act.office, name, up_to)?)
}

fn record(act: &mut Act<'_>, member: &Member, kind: &'static str, summary: String) -> Result<(), Fault> {
    act.event(NewEvent {
        category: Category::Message,
        kind,
        actor: member.name(),
        agent: member.agent(),
        task: None,
        summary,
        data: json!({}),
    })?;
    Ok(())
}
