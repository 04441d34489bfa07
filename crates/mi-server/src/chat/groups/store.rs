//! Rows of groups, their members and messages.

use mi_core::ids::{GroupId, OfficeId};
use mi_core::time::Time;
use mi_core::wire::chat::GroupKind;

use super::service::{GroupRow, MemberRow, NewGroupMessage};
use crate::args;
use crate::chat::service::{Message, Unread};
use crate::infra::db::{DbError, Row, Tx};

pub fn insert(tx: &mut dyn Tx, office: OfficeId, group: &GroupRow) -> Result<(), DbError> {
    let sql = "insert into chat_groups (office_id, id, name, kind, created_by, created_at) \
               values ($1, $2, $3, $4, $5, $6)";
    let kind = group.kind.as_str();
    tx.execute(sql, args![office, group.id, &group.name, kind, &group.created_by, group.created_at])?;
    Ok(())
}

pub fn get(tx: &mut dyn Tx, office: OfficeId, id: GroupId) -> Result<Option<GroupRow>, DbError> {
    let sql = "select id, name, kind, created_by, created_at from chat_groups where office_id = $1 and id = $2";
    tx.first(sql, args![office, id])?.as_ref().map(read).transpose()
}

pub fn of_everybody(tx: &mut dyn Tx, office: OfficeId) -> Result<Option<GroupRow>, DbError> {
    let sql = "select id, name, kind, created_by, created_at from chat_groups \
               where office_id = $1 and kind = 'office'";
    tx.first(sql, args![office])?.as_ref().map(read).transpose()
}

/// All in which somebody is, in the order of their making.
pub fn of_member(tx: &mut dyn Tx, office: OfficeId, name: &str, most: i64) -> Result<Vec<GroupRow>, DbError> {
    let sql = "select g.id, g.name, g.kind, g.created_by, g.created_at from chat_groups g \
               join chat_members m on m.office_id = g.office_id and m.group_id = g.id \
               where g.office_id = $1 and m.name = $2 order by g.created_at, g.id limit $3";
    tx.query(sql, args![office, name, most])?.iter().map(read).collect()
}

pub fn count(tx: &mut dyn Tx, office: OfficeId) -> Result<i64, DbError> {
    let sql = "select count(*) from chat_groups where office_id = $1";
    tx.first(sql, args![office])?.map_or(Ok(0), |row| row.get(0))
}

fn read(row: &Row) -> Result<GroupRow, DbError> {
    let mut r = row.reader();
    let (id, name): (GroupId, String) = (r.take()?, r.take()?);
    let kind: String = r.take()?;
    let kind: GroupKind = kind.parse().map_err(|_| DbError::Shape(format!("group kind {kind}")))?;
    Ok(GroupRow { id, name, kind, created_by: r.take()?, created_at: r.take()? })
}

pub fn rename(tx: &mut dyn Tx, office: OfficeId, id: GroupId, name: &str) -> Result<(), DbError> {
    tx.execute("update chat_groups set name = $3 where office_id = $1 and id = $2", args![office, id, name])?;
    Ok(())
}

pub fn add_member(tx: &mut dyn Tx, office: OfficeId, group: GroupId, member: &MemberRow) -> Result<(), DbError> {
    let sql = "insert into chat_members (office_id, group_id, name, joined_at, read_up_to) \
               values ($1, $2, $3, $4, $5) on conflict (office_id, group_id, name) do nothing";
    tx.execute(sql, args![office, group, &member.name, member.joined_at, member.read_up_to])?;
    Ok(())
}

pub fn remove_member(tx: &mut dyn Tx, office: OfficeId, group: GroupId, name: &str) -> Result<u64, DbError> {
    let sql = "delete from chat_members where office_id = $1 and group_id = $2 and name = $3";
    tx.execute(sql, args![office, group, name])
}

pub fn remove_everywhere(tx: &mut dyn Tx, office: OfficeId, name: &str) -> Result<(), DbError> {
    tx.execute("delete from chat_members where office_id = $1 and name = $2", args![office, name])?;
    Ok(())
}

/// In the order in which they joined.
pub fn members(tx: &mut dyn Tx, office: OfficeId, group: GroupId) -> Result<Vec<String>, DbError> {
    let sql = "select name from chat_members where office_id = $1 and group_id = $2 order by joined_at, name";
    tx.query(sql, args![office, group])?.iter().map(|row| row.get(0)).collect()
}

pub fn member(tx: &mut dyn Tx, office: OfficeId, group: GroupId, name: &str) -> Result<Option<MemberRow>, DbError> {
    let sql = "select name, joined_at, read_up_to from chat_members \
               where office_id = $1 and group_id = $2 and name = $3";
    let found = tx.first(sql, args![office, group, name])?;
    found.map(|row| Ok(MemberRow { name: row.get(0)?, joined_at: row.get(1)?, read_up_to: row.get(2)? })).transpose()
}

pub fn mention(tx: &mut dyn Tx, office: OfficeId, group: GroupId, name: &str, id: i64) -> Result<u64, DbError> {
    let sql = "update chat_members set mentioned_up_to = $4, mention_tries = 0 where office_id = $1 and group_id = $2 and name = $3";
    tx.execute(sql, args![office, group, name, id])
}

/// The newest message that mentions somebody who has not read it.
pub fn newest_mention(tx: &mut dyn Tx, office: OfficeId, name: &str) -> Result<Option<Unread>, DbError> {
    let sql = "select m.id, m.from_agent, m.chain, m.created_at from chat_members c \
               join group_messages m on m.office_id = c.office_id and m.id = c.mentioned_up_to \
               where c.office_id = $1 and c.name = $2 and c.mentioned_up_to > c.read_up_to order by m.id desc limit 1";
    let read = |row: &Row| {
        let mut r = row.reader();
        Ok(Unread { id: r.take()?, from: r.take()?, chain: r.take()?, at: r.take()? })
    };
    tx.first(sql, args![office, name])?.as_ref().map(read).transpose()
}

/// Of the newest message that others wrote in somebody's groups.
pub fn newest_link(tx: &mut dyn Tx, office: OfficeId, name: &str) -> Result<Option<(Time, i64)>, DbError> {
    let sql = "select m.created_at, m.chain from chat_members c \
               join group_messages m on m.office_id = c.office_id and m.id = ( \
               select n.id from group_messages n where n.office_id = c.office_id and n.group_id = c.group_id \
               and n.from_agent <> c.name order by n.id desc limit 1) \
               where c.office_id = $1 and c.name = $2 and m.created_at >= c.joined_at order by m.id desc limit 1";
    tx.first(sql, args![office, name])?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

pub fn count_try(tx: &mut dyn Tx, office: OfficeId, name: &str, up_to: i64) -> Result<(), DbError> {
    let sql = "update chat_members set mention_tries = mention_tries + 1 where office_id = $1 and name = $2 \
               and mentioned_up_to > read_up_to and mentioned_up_to <= $3";
    tx.execute(sql, args![office, name, up_to])?;
    Ok(())
}

pub fn most_tries(tx: &mut dyn Tx, office: OfficeId, name: &str, up_to: i64) -> Result<i64, DbError> {
    let sql = "select coalesce(max(mention_tries), 0) from chat_members \
               where office_id = $1 and name = $2 and mentioned_up_to > read_up_to and mentioned_up_to <= $3";
    tx.first(sql, args![office, name, up_to])?.map_or(Ok(0), |row| row.get(0))
}

/// Mentions that have woken so many sessions count as read.
pub fn give_up(tx: &mut dyn Tx, office: OfficeId, name: &str, up_to: i64, tries: i64) -> Result<(), DbError> {
    let sql = "update chat_members set read_up_to = mentioned_up_to, mention_tries = 0 \
               where office_id = $1 and name = $2 and mentioned_up_to > read_up_to and mentioned_up_to <= $3 \
               and mention_tries >= $4";
    tx.execute(sql, args![office, name, up_to, tries])?;
    Ok(())
}

pub fn add_message(tx: &mut dyn Tx, office: OfficeId, message: &NewGroupMessage<'_>) -> Result<(), DbError> {
    let sql = "insert into group_messages (office_id, id, group_id, from_agent, body, session, created_at, chain) \
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let NewGroupMessage { id, group, from, body, session, chain, at } = message;
    tx.execute(sql, args![office, *id, *group, *from, *body, *session, *at, *chain])?;
    Ok(())
}

/// The newest since a time, newest first.
pub fn messages(
    tx: &mut dyn Tx,
    office: OfficeId,
    group: GroupId,
    since: Time,
    most: i64,
) -> Result<Vec<Message>, DbError> {
    let sql = "select id, group_id, from_agent, body, created_at from group_messages \
               where office_id = $1 and group_id = $2 and created_at >= $3 order by id desc limit $4";
    tx.query(sql, args![office, group, since, most])?.iter().map(read_message).collect()
}

pub fn count_messages(
    tx: &mut dyn Tx,
    office: OfficeId,
    group: GroupId,
    since: Time,
    most: i64,
) -> Result<i64, DbError> {
    let sql = "select count(*) from (select 1 from group_messages \
               where office_id = $1 and group_id = $2 and created_at >= $3 limit $4) as found";
    tx.first(sql, args![office, group, since, most])?.map_or(Ok(0), |row| row.get(0))
}

/// When something was written there last.
pub fn last_at(tx: &mut dyn Tx, office: OfficeId, group: GroupId) -> Result<Option<Time>, DbError> {
    let sql = "select created_at from group_messages where office_id = $1 and group_id = $2 order by id desc limit 1";
    tx.first(sql, args![office, group])?.map(|row| row.get(0)).transpose()
}

/// What others wrote in somebody's groups since they looked, newest first.
pub fn unread(tx: &mut dyn Tx, office: OfficeId, name: &str, most: i64) -> Result<Vec<Message>, DbError> {
    let sql = "select m.id, m.group_id, m.from_agent, m.body, m.created_at from chat_members c \
               join group_messages m on m.office_id = c.office_id and m.group_id = c.group_id and m.id > c.read_up_to \
               where c.office_id = $1 and c.name = $2 and m.from_agent <> $2 order by m.id desc limit $3";
    tx.query(sql, args![office, name, most])?.iter().map(read_message).collect()
}

/// What was written in somebody's groups after a message, in its order, and not before they joined.
pub fn after(tx: &mut dyn Tx, office: OfficeId, name: &str, after: i64, most: i64) -> Result<Vec<Message>, DbError> {
    let sql = "select m.id, m.group_id, m.from_agent, m.body, m.created_at from chat_members c \
               join group_messages m on m.office_id = c.office_id and m.group_id = c.group_id and m.id > $3 \
               where c.office_id = $1 and c.name = $2 and m.created_at >= c.joined_at order by m.id limit $4";
    tx.query(sql, args![office, name, after, most])?.iter().map(read_message).collect()
}

pub fn mark_read(tx: &mut dyn Tx, office: OfficeId, name: &str, up_to: i64) -> Result<(), DbError> {
    let sql = "update chat_members set read_up_to = $3, mention_tries = 0 \
               where office_id = $1 and name = $2 and read_up_to < $3";
    tx.execute(sql, args![office, name, up_to])?;
    Ok(())
}

fn read_message(row: &Row) -> Result<Message, DbError> {
    let mut r = row.reader();
    let (id, group): (i64, GroupId) = (r.take()?, r.take()?);
    let (from_agent, body) = (r.take()?, r.take()?);
    Ok(Message::in_group(id, group, from_agent, body, r.take()?))
}
