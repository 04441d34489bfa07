//! Who works in an office beside its agents: the owner, and colleagues with a role.

use mi_core::identity::Role;
use mi_core::ids::{OfficeId, UserId};
use mi_core::limits::LIST_COUNT_MAX;
use mi_core::wire::identity::OfficeMember;
use serde_json::json;

use super::store::people as store;
use super::{faults, service};
use crate::house::View;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::{COLLEAGUE, Member};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::http::call::Page;
use crate::infra::wakeups::Wake;

/// The owner first, then colleagues as they came.
pub fn list(view: &mut View<'_>, page: Page) -> Result<Answer, Fault> {
    let total = store::count_members(view.tx, view.office, LIST_COUNT_MAX)? + 1;
    let mut found = Vec::new();
    if page.offset == 0 {
        found.push(owner(view)?);
    }
    let rest = Page { limit: page.limit - found.len() as i64, offset: (page.offset - 1).max(0) };
    found.extend(store::members(view.tx, view.office, rest)?);
    Answer::list(&found, total)
}

fn owner(view: &mut View<'_>) -> Result<OfficeMember, Fault> {
    let user_id = view.head.owner;
    let name = store::user_name(view.tx, user_id)?.unwrap_or_default();
    Ok(OfficeMember { user_id, name, role: Role::Owner, created_at: view.head.created_at, added_by: None })
}

/// Somebody who is known on this server already; whoever isn't comes by an invite.
pub fn add(act: &mut Act<'_>, by: &Member, named: &str, role: Role) -> Result<Answer, Fault> {
    let user = user(act.tx, named)?.ok_or_else(|| faults::no_such_member(named))?;
    service::add_member(act, user, role, by.name())?;
    let added = member(act.tx, act.office, user)?.ok_or_else(|| faults::no_such_member(named))?;
    Answer::created(&added)
}

pub fn set_role(act: &mut Act<'_>, by: &Member, named: &str, role: Role) -> Result<Answer, Fault> {
    let colleague = colleague(act, named)?;
    if role == Role::Owner {
        return Err(faults::one_owner());
    }
    if role != colleague.role {
        store::set_role(act.tx, act.office, colleague.user_id, role)?;
        let summary = format!("{} is {role} now", colleague.name);
        record(act, by, "members.set_role", &colleague, summary)?;
        act.wake(Wake::Rights);
    }
    Answer::ok(&OfficeMember { role, ..colleague })
}

/// They are let out at once, open streams included.
pub fn remove(act: &mut Act<'_>, by: &Member, named: &str) -> Result<Answer, Fault> {
    let colleague = colleague(act, named)?;
    store::remove_member(act.tx, act.office, colleague.user_id)?;
    let summary = format!("{} doesn't work here any more", colleague.name);
    record(act, by, "members.remove", &colleague, summary)?;
    act.wake(Wake::Rights);
    Ok(Answer::done())
}

/// A colleague as others see them (`user:NAME`), if they work here.
pub fn shown<'a>(tx: &mut dyn Tx, office: OfficeId, shown: &'a str) -> Result<&'a str, Fault> {
    let name = shown.strip_prefix(COLLEAGUE).unwrap_or(shown);
    let user = store::user_named(tx, name)?.ok_or_else(|| faults::no_such_member(name))?;
    member(tx, office, user)?.map(|_| shown).ok_or_else(|| faults::no_such_member(name))
}

fn record(
    act: &mut Act<'_>,
    by: &Member,
    kind: &'static str,
    colleague: &OfficeMember,
    summary: String,
) -> Result<(), Fault> {
    let data = json!({"userId": colleague.user_id, "name": colleague.name});
    let actor = by.name();
    act.event(NewEvent { category: Category::Office, kind, actor, agent: None, task: None, summary, data })?;
    Ok(())
}

/// A colleague by name or id; the owner isn't one.
fn colleague(act: &mut Act<'_>, named: &str) -> Result<OfficeMember, Fault> {
    let owner = act.head.owner;
    let user = user(act.tx, named)?.ok_or_else(|| faults::no_such_member(named))?;
    if user == owner {
        return Err(faults::last_owner());
    }
    member(act.tx, act.office, user)?.ok_or_else(|| faults::no_such_member(named))
}

fn user(tx: &mut dyn Tx, named: &str) -> Result<Option<UserId>, Fault> {
    match named.parse() {
        Ok(id) => Ok(Some(id)),
        Err(_) => Ok(store::user_named(tx, named)?),
    }
}

fn member(tx: &mut dyn Tx, office: OfficeId, user: UserId) -> Result<Option<OfficeMember>, Fault> {
    Ok(store::member(tx, office, user)?)
}
