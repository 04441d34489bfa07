//! Acts of invites: making codes, taking them back.

use mi_core::identity::Role;
use mi_core::ids::OfficeId;
use mi_core::limits::{INVITE_SECONDS_DEFAULT, INVITE_SECONDS_MAX, INVITE_SECONDS_MIN, INVITES_LIVE_PER_OFFICE_MAX};
use mi_core::time::{Millis, Time};
use mi_core::wire::invites::{CreateInvite, Invite, InviteKind, InviteState, NewInvite};
use serde_json::{Value, json};

use super::faults;
use super::store::{self, InviteRow};
use crate::house::View;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::Member;
use crate::infra::db::{DbError, Tx};
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;

const FOR_WHOM_CHARS_MAX: usize = 100;
/// Invites and applications are listed for so long after their end.
const KEPT: Millis = Millis::days(90);

/// A code on its way into the store.
pub struct NewCode {
    pub code: String,
    pub hash: String,
    /// The address of its page.
    pub claim: String,
}

/// People are invited by the owner alone: they may do much more than an agent.
fn may_invite(member: &Member, kind: InviteKind) -> Result<(), Fault> {
    match (kind, member) {
        (InviteKind::Human, Member::Person(person)) if person.role != Role::Owner => Err(fault::owner_only()),
        (InviteKind::Agent | InviteKind::Human, Member::Person(_)) => Ok(()),
        (_, Member::Agent { .. }) => Err(fault::operator_only()),
    }
}

pub fn create(act: &mut Act<'_>, member: &Member, wish: &CreateInvite, code: &NewCode) -> Result<Answer, Fault> {
    let kind = wish.kind.unwrap_or(InviteKind::Agent);
    may_invite(member, kind)?;
    store::forget(act.tx, act.office, act.now + Millis(-KEPT.0))?;
    if store::count_live(act.tx, act.office, act.now)? >= INVITES_LIVE_PER_OFFICE_MAX {
        return Err(faults::too_many_invites(INVITES_LIVE_PER_OFFICE_MAX));
    }
    let row = InviteRow {
        id: act.next_row(),
        kind,
        role: role(kind, wish.role)?,
        for_whom: for_whom(wish.for_whom.as_deref())?,
        created_by: member.name().to_owned(),
        created_at: act.now,
        expires_at: act.now + validity(wish.expires_in_seconds)?,
        used_at: None,
        used_by: None,
        revoked_at: None,
    };
    store::clear_code(act.tx, &code.hash, act.now)?;
    store::insert(act.tx, act.office, &code.hash, &row).map_err(another_one)?;
    let whom = if kind == InviteKind::Agent { "an agent" } else { "a person" };
    let summary = format!("{} invited {whom}", member.name());
    record(act, member.name(), "invites.create", summary, json!({"invite": row.id, "kind": kind, "role": row.role}))?;
    let shown = NewInvite {
        id: row.id,
        code: Some(code.code.clone()),
        office_id: act.office,
        claim: Some(code.claim.clone()),
        kind,
        role: row.role,
        expires_at: row.expires_at,
    };
    Ok(Answer::created(&shown)?.showing_once(&["code", "claim"]))
}

/// A new code that somebody else's live invite has already, one time in many millions.
fn another_one(error: DbError) -> Fault {
    match error {
        DbError::Conflict(_) => fault::busy("the making of codes"),
        other => other.into(),
    }
}

fn role(kind: InviteKind, asked: Option<Role>) -> Result<Option<Role>, Fault> {
    match (kind, asked) {
        (InviteKind::Agent, None) => Ok(None),
        (InviteKind::Human, None) => Ok(Some(Role::Viewer)),
        (InviteKind::Human, Some(role @ (Role::Operator | Role::Viewer))) => Ok(Some(role)),
        (InviteKind::Human, Some(Role::Owner)) | (InviteKind::Agent, Some(_)) => Err(faults::bad_role()),
    }
}

fn for_whom(text: Option<&str>) -> Result<Option<String>, Fault> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > FOR_WHOM_CHARS_MAX {
        return Err(fault::too_long("`for`", FOR_WHOM_CHARS_MAX, "characters"));
    }
    Ok(Some(text.to_owned()))
}

fn validity(seconds: Option<i64>) -> Result<Millis, Fault> {
    let seconds = seconds.unwrap_or(INVITE_SECONDS_DEFAULT);
    if (INVITE_SECONDS_MIN..=INVITE_SECONDS_MAX).contains(&seconds) {
        return Ok(Millis::seconds(seconds));
    }
    Err(faults::bad_validity())
}

pub fn record(act: &mut Act<'_>, actor: &str, kind: &'static str, summary: String, data: Value) -> Result<(), Fault> {
    act.event(NewEvent { category: Category::Office, kind, actor, agent: None, task: None, summary, data })?;
    Ok(())
}

pub fn list(view: &mut View<'_>, page: Page) -> Result<Answer, Fault> {
    let now = view.now;
    let rows = store::list(view.tx, view.office, page.limit, page.offset)?;
    let cards: Vec<Invite> = rows.into_iter().map(|row| card(row, now)).collect();
    Answer::list(&cards, store::count(view.tx, view.office)?)
}

fn state(row: &InviteRow, now: Time) -> InviteState {
    if row.used_at.is_some() {
        InviteState::Used
    } else if row.revoked_at.is_some() {
        InviteState::Revoked
    } else if row.expires_at <= now {
        InviteState::Expired
    } else {
        InviteState::Live
    }
}

fn card(row: InviteRow, now: Time) -> Invite {
    Invite {
        state: state(&row, now),
        id: row.id,
        kind: row.kind,
        role: row.role,
        for_whom: row.for_whom,
        created_by: row.created_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        used_by: row.used_by,
        used_at: row.used_at,
    }
}

/// By code or by number; a code of digits alone is taken for a code.
fn find(act: &mut Act<'_>, named: &str, hash: &str) -> Result<InviteRow, Fault> {
    let by_code = store::by_code(act.tx, act.office, hash)?;
    let row = match (by_code, named.parse()) {
        (Some(row), _) => Some(row),
        (None, Ok(id)) => store::by_number(act.tx, act.office, id)?,
        (None, Err(_)) => None,
    };
    row.ok_or_else(faults::no_such_invite)
}

/// What is over already stays as it is.
pub fn revoke(act: &mut Act<'_>, member: &Member, named: &str, hash: &str) -> Result<Answer, Fault> {
    let row = find(act, named, hash)?;
    may_invite(member, row.kind)?;
    if state(&row, act.now) == InviteState::Live {
        store::revoke(act.tx, act.office, row.id, act.now)?;
        let summary = format!("{} took invite {} back", member.name(), row.id);
        record(act, member.name(), "invites.revoke", summary, json!({"invite": row.id}))?;
    }
    Ok(Answer::done())
}

/// With the office: whoever still has a live code is told that the office is gone.
pub fn orphan(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<(), Fault> {
    Ok(store::orphan(tx, office, now)?)
}
