//! Looking a code up: the same work and the same answer for every code that opens nothing.

use mi_core::codes::normal_code;
use mi_core::identity::Role;
use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::wire::invites::InviteKind;

use super::throttle::{Mood, Source};
use super::{faults, store};
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Via};

/// What a live code opens.
#[derive(Debug, Clone)]
pub struct Found {
    pub office: OfficeId,
    pub id: i64,
    pub kind: InviteKind,
    pub role: Option<Role>,
    pub for_whom: Option<String>,
}

/// Who tries a code, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Trier {
    pub source: Source,
    pub mood: Mood,
}

/// A live code for this kind of newcomer. What can't be one is looked up all the same, so that it takes as long.
pub async fn look_up(house: &House, call: &Call, typed: &str, kind: InviteKind) -> Result<(Found, Trier), Fault> {
    if let Via::Pod(_) = call.via() {
        return Err(faults::from_a_pod());
    }
    let source = Source::of(call.peer());
    let may_try = || house.joins.may_try(source, house.clock.now()).map_err(faults::too_many_tries);
    may_try()?;
    let _turn = house.joins.turn().await;
    may_try()?;
    let (hash, now) = (hash(house, typed), house.clock.now());
    let read = move |tx: &mut dyn Tx| Ok((store::live(tx, &hash, now)?, store::is_orphaned(tx, &hash, now)?));
    match house.db.read(read).await? {
        (Some(found), _) if found.kind == kind => Ok((found, Trier { source, mood: house.joins.mood(now) })),
        (Some(found), _) => Err(faults::wrong_invite_type(found.kind)),
        (None, true) => Err(faults::no_office()),
        (None, false) => {
            house.joins.was_wrong(source, now);
            Err(faults::invalid_code())
        }
    }
}

/// What the store would hold of a code; of a text that is none, too.
pub fn hash(house: &House, typed: &str) -> String {
    match normal_code(typed) {
        Some(code) => house.keys.hash_of_code(&code),
        None => house.keys.hash_of_code(""),
    }
}

/// It may have been used up since it was looked up.
pub fn still_good(act: &mut Act<'_>, found: &Found) -> Result<(), Fault> {
    if store::is_live(act.tx, act.office, found.id, act.now)? { Ok(()) } else { Err(faults::invalid_code()) }
}

/// The code is used up in this transaction, or somebody else was first.
pub fn consume(act: &mut Act<'_>, found: &Found, used_by: &str) -> Result<(), Fault> {
    if store::consume(act.tx, act.office, found.id, act.now, used_by)? {
        return Ok(());
    }
    Err(faults::invalid_code())
}

/// Who came too late with a code is counted as anybody who was wrong: the answers are the same, so must be their price.
pub fn counted<T>(house: &House, trier: Trier, result: Result<T, Fault>) -> Result<T, Fault> {
    if let Err(fault) = &result
        && fault.code == Code::InvalidCode
    {
        house.joins.was_wrong(trier.source, house.clock.now());
    }
    result
}
