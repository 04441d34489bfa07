//! API keys: made, listed and revoked by the person whose they are.
//!
//! A key is shown once; the store has its keyed hash. A key for some offices makes no keys at all, and one that ends
//! makes none that ends later: no key can become more than it is.

use mi_core::ids::{OfficeId, UserId, excerpt};
use mi_core::limits::LIST_COUNT_MAX;
use mi_core::time::{Millis, Time};
use mi_core::wire::identity::{ApiKey, CreateKey};

use super::faults;
use super::memory::Used;
use super::store::keys::{self as store, KeyRow, NewKey};
use crate::agent_keys::service as agent_keys;
use crate::house::{House, Outside};
use crate::infra::act::Answer;
use crate::infra::caller::{Caller, KeyId, Proof, Scope};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;
use crate::infra::keys::{KEY_PREFIX_CHARS, Keys, new_api_key};
use crate::infra::wakeups::Wake;
use crate::offices;

/// Of one person, revoked and ended ones apart.
const KEYS_PER_USER_MAX: i64 = 100;
const KEY_NAME_CHARS_MAX: usize = 100;
const KEY_DAYS_MAX: i64 = 3_650;
const OFFICES_PER_KEY_MAX: usize = 100;
/// Fields of an answer that are shown this once.
const SHOWN_ONCE: &[&str] = &["key"];

/// What a key's hash stands for now.
pub fn caller_of(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<Caller, Fault> {
    let Some(key) = store::by_hash(tx, hash)? else { return agent_of(tx, hash) };
    must_be_good(&key, now)?;
    let scope =
        if key.is_scoped { Scope::Offices(store::offices_of_key(tx, &key.id)?.into()) } else { Scope::Everywhere };
    Ok(Caller::User { id: key.user, key: KeyId::new(&key.id), scope })
}

fn agent_of(tx: &mut dyn Tx, hash: &str) -> Result<Caller, Fault> {
    let key = store::of_agent(tx, hash)?.ok_or_else(|| fault::unauthenticated("this key is not known here"))?;
    if key.revoked_at.is_some() {
        return Err(fault::key_revoked());
    }
    Ok(Caller::Agent { office: key.office, agent: key.agent, proof: Proof::Key, key: KeyId::new(&key.id) })
}

fn must_be_good(key: &KeyRow, now: Time) -> Result<(), Fault> {
    if key.revoked_at.is_some() {
        return Err(fault::key_revoked());
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(fault::key_expired());
    }
    Ok(())
}

/// Whether the key with which somebody was let in is still one. Tokens are judged at the office's door.
pub fn must_hold(tx: &mut dyn Tx, caller: &Caller, now: Time) -> Result<(), Fault> {
    match caller {
        Caller::User { key, .. } => {
            let row = store::by_id(tx, key.as_str())?.ok_or_else(fault::key_revoked)?;
            must_be_good(&row, now)
        }
        Caller::Agent { office, key, .. } => agent_keys::must_hold(tx, *office, key),
        Caller::Nobody | Caller::Ticket { .. } | Caller::Runner { .. } | Caller::Session { .. } => Ok(()),
    }
}

/// A key to be made.
pub struct Issue<'a> {
    pub user: UserId,
    pub name: &'a str,
    pub expires_at: Option<Time>,
    /// `None` opens all of the user's.
    pub offices: Option<&'a [OfficeId]>,
}

/// Makes a key; the answer holds it, and nothing else ever will.
pub fn issue(tx: &mut dyn Tx, keys: &Keys, wish: &Issue<'_>, now: Time) -> Result<ApiKey, Fault> {
    if store::count_valid(tx, wish.user, now, KEYS_PER_USER_MAX)? >= KEYS_PER_USER_MAX {
        return Err(faults::too_many_api_keys(KEYS_PER_USER_MAX));
    }
    let key = new_api_key().map_err(fault::internal)?;
    let prefix: String = key.chars().take(KEY_PREFIX_CHARS).collect();
    let hash = keys.hash_of_key(&key);
    let row = NewKey {
        hash: &hash,
        user: wish.user,
        name: wish.name,
        prefix: &prefix,
        created_at: now,
        expires_at: wish.expires_at,
        offices: wish.offices,
    };
    let id = store::insert(tx, &row)?;
    Ok(ApiKey {
        id,
        name: wish.name.to_owned(),
        prefix,
        created_at: now,
        last_used_at: None,
        expires_at: wish.expires_at,
        revoked_at: None,
        offices: wish.offices.map(<[OfficeId]>::to_vec),
        key: Some(key.to_string()),
    })
}

/// The person behind a whole key; one for some offices isn't enough.
pub fn whole(caller: &Caller) -> Result<(UserId, &KeyId), Fault> {
    match caller {
        Caller::User { id, key, scope: Scope::Everywhere } => Ok((*id, key)),
        Caller::User { scope: Scope::Offices(_), .. } => Err(faults::scoped_key()),
        Caller::Nobody
        | Caller::Ticket { .. }
        | Caller::Runner { .. }
        | Caller::Session { .. }
        | Caller::Agent { .. } => Err(fault::operator_only()),
    }
}

pub fn create(outside: &mut Outside<'_>, keys: &Keys, caller: &Caller, wish: &CreateKey) -> Result<Answer, Fault> {
    let (user, own) = whole(caller)?;
    let own = store::by_id(outside.tx, own.as_str())?.ok_or_else(fault::key_revoked)?;
    let expires_at = end(wish, own.expires_at, outside.now)?;
    let offices = chosen(outside.tx, user, wish.offices.as_deref())?;
    let name = good_name(&wish.name)?;
    let issue_wish = Issue { user, name, expires_at, offices: offices.as_deref() };
    let made = issue(outside.tx, keys, &issue_wish, outside.now)?;
    Ok(Answer::created(&made)?.showing_once(SHOWN_ONCE))
}

fn good_name(name: &str) -> Result<&str, Fault> {
    let name = name.trim();
    let legal = !name.is_empty() && name.chars().count() <= KEY_NAME_CHARS_MAX && !name.contains(char::is_control);
    if legal { Ok(name) } else { Err(faults::bad_key_name(KEY_NAME_CHARS_MAX)) }
}

/// When a new key ends: as asked, and never after the key that makes it.
fn end(wish: &CreateKey, own: Option<Time>, now: Time) -> Result<Option<Time>, Fault> {
    let asked = match (wish.expires_at, wish.expires_in_days) {
        (Some(_), Some(_)) => return Err(faults::two_ends()),
        (Some(at), None) => Some(at),
        (None, Some(days)) if (1..=KEY_DAYS_MAX).contains(&days) => Some(now + Millis::days(days)),
        (None, Some(_)) => return Err(faults::bad_end(KEY_DAYS_MAX)),
        (None, None) => own,
    };
    if asked.is_some_and(|at| at <= now || at > now + Millis::days(KEY_DAYS_MAX)) {
        return Err(faults::bad_end(KEY_DAYS_MAX));
    }
    match (asked, own) {
        (Some(at), Some(own)) if at > own => Err(faults::outlives()),
        (asked, _) => Ok(asked),
    }
}

fn chosen(tx: &mut dyn Tx, user: UserId, named: Option<&[String]>) -> Result<Option<Vec<OfficeId>>, Fault> {
    let Some(named) = named else { return Ok(None) };
    if named.is_empty() {
        return Err(faults::no_office_chosen());
    }
    if named.len() > OFFICES_PER_KEY_MAX {
        return Err(faults::too_many_offices(OFFICES_PER_KEY_MAX));
    }
    let mut offices = Vec::new();
    for named in named {
        let office = offices::service::of_person_named(tx, user, named)?;
        offices.push(office.ok_or_else(|| faults::not_your_office(named))?);
    }
    offices.sort();
    offices.dedup();
    Ok(Some(offices))
}

/// All of the person's; a key for some offices sees itself.
pub fn list(tx: &mut dyn Tx, caller: &Caller, page: Page) -> Result<(Vec<ApiKey>, i64), Fault> {
    match caller {
        Caller::User { key, scope: Scope::Offices(_), .. } => {
            let row = store::by_id(tx, key.as_str())?.ok_or_else(fault::key_revoked)?;
            Ok((vec![card(tx, row)?], 1))
        }
        caller => {
            let (user, _) = whole(caller)?;
            let rows = store::of_user(tx, user, page)?;
            let cards = rows.into_iter().map(|row| card(tx, row)).collect::<Result<_, _>>()?;
            Ok((cards, store::count_of_user(tx, user, LIST_COUNT_MAX + 1)?))
        }
    }
}

fn card(tx: &mut dyn Tx, row: KeyRow) -> Result<ApiKey, Fault> {
    let offices = if row.is_scoped { Some(store::offices_of_key(tx, &row.id)?) } else { None };
    Ok(ApiKey {
        id: row.id,
        name: row.name,
        prefix: row.prefix,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        offices,
        key: None,
    })
}

/// From the commit on nobody is let in with it, and whoever was is let out. A key for some offices may end itself.
pub fn revoke(outside: &mut Outside<'_>, caller: &Caller, id: &str) -> Result<Answer, Fault> {
    let user = match caller {
        Caller::User { id: user, key, .. } if key.as_str() == id => *user,
        caller => whole(caller)?.0,
    };
    let found = store::by_id(outside.tx, id)?.filter(|row| row.user == user);
    let row = found.ok_or_else(|| faults::no_such_api_key(&excerpt(id)))?;
    if row.revoked_at.is_none() {
        store::revoke(outside.tx, &row.id, outside.now)?;
        outside.wake(Wake::Rights);
    }
    let revoked_at = row.revoked_at.or(Some(outside.now));
    Answer::ok(&card(outside.tx, KeyRow { revoked_at, ..row })?)
}

/// Writes down when keys were used; a sweep does it, so that no request waits for it.
pub async fn note_uses(house: &House) -> Result<(), Fault> {
    let used = house.known_keys.take_used();
    if used.is_empty() {
        return Ok(());
    }
    let write = move |tx: &mut dyn Tx| {
        for (used, at) in &used {
            match used {
                Used::Person(key) => store::note_use(tx, key.as_str(), *at)?,
                Used::Agent(office, key) => agent_keys::note_use(tx, *office, key, *at)?,
            }
        }
        Ok(())
    };
    house.db.write(write).await
}
