//! Acts of identity.

use std::borrow::Cow;

use mi_core::identity::{Role, UserName};
use mi_core::ids::UserId;
use mi_core::problem::{Code, Problem};
use mi_core::time::Time;
use mi_core::wire::offices::WhoAmI;
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::faults;
use super::keys::{Issue, issue};
use super::store::{self, people};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent, enter};
use crate::infra::caller::{Caller, Member, Need, Proof};
use crate::infra::db::{Db, Tx};
use crate::infra::fault::{self, Fault};
use crate::infra::keys::Keys;

/// The first person's name, which nobody else may take.
const OWNER: &str = "owner";
/// Colleagues of one office.
const MEMBERS_PER_OFFICE_MAX: i64 = 500;

/// On the first start: makes the owner and a key, which is returned only now.
pub async fn bootstrap(db: &Db, keys: &Keys, now: Time) -> Result<Option<Zeroizing<String>>, Fault> {
    let keys = keys.clone();
    db.write(move |tx| {
        if people::any_user(tx)?.is_some() {
            return Ok(None);
        }
        let user = UserId(Uuid::new_v4());
        people::insert_user(tx, user, OWNER, now)?;
        first_key(tx, &keys, user, "first start", now).map(Some)
    })
    .await
}

/// Another key for the owner: for a server whose first key was lost.
pub async fn new_owner_key(db: &Db, keys: &Keys, name: &'static str, now: Time) -> Result<Zeroizing<String>, Fault> {
    let keys = keys.clone();
    db.write(move |tx| {
        let user = people::any_user(tx)?.ok_or_else(|| fault::internal("no owner yet"))?;
        first_key(tx, &keys, user, name, now)
    })
    .await
}

fn first_key(tx: &mut dyn Tx, keys: &Keys, user: UserId, name: &str, now: Time) -> Result<Zeroizing<String>, Fault> {
    let made = issue(tx, keys, &Issue { user, name, expires_at: None, offices: None }, now)?;
    made.key.map(Zeroizing::new).ok_or_else(|| fault::internal("a new key came without itself"))
}

/// Whoever started the server first.
pub fn first_person(tx: &mut dyn Tx) -> Result<Option<UserId>, Fault> {
    Ok(people::any_user(tx)?)
}

pub fn name_of(tx: &mut dyn Tx, user: UserId) -> Result<String, Fault> {
    people::user_name(tx, user)?.ok_or_else(|| fault::internal(format!("no person {user}")))
}

/// A new person, under a name that nobody else has on this server.
pub fn add_user(tx: &mut dyn Tx, name: &str, now: Time) -> Result<UserId, Fault> {
    let name: UserName = name.parse().map_err(|_| faults::bad_user_name(name))?;
    if name.is_reserved() {
        return Err(faults::reserved_user_name(&name));
    }
    if people::user_named(tx, name.as_str())?.is_some() {
        return Err(faults::user_exists(&name));
    }
    let user = UserId(Uuid::new_v4());
    people::insert_user(tx, user, name.as_str(), now)?;
    Ok(user)
}

/// Gives a person a role in the act's office. `added_by` is who brought them in, as others see it.
pub fn add_member(act: &mut Act<'_>, user: UserId, role: Role, added_by: &str) -> Result<(), Fault> {
    if role == Role::Owner {
        return Err(faults::one_owner());
    }
    if user == act.head.owner || people::member(act.tx, act.office, user)?.is_some() {
        return Err(faults::member_exists());
    }
    if people::count_members(act.tx, act.office, MEMBERS_PER_OFFICE_MAX)? >= MEMBERS_PER_OFFICE_MAX {
        return Err(faults::too_many_members(MEMBERS_PER_OFFICE_MAX));
    }
    let name = people::user_name(act.tx, user)?.ok_or_else(|| faults::no_such_member(&user.to_string()))?;
    people::insert_member(act.tx, act.office, user, role, added_by, act.now)?;
    let (summary, data) = (format!("{name} works here now, as {role}"), json!({"userId": user, "name": name}));
    let (category, kind) = (Category::Office, "members.add");
    act.event(NewEvent { category, kind, actor: added_by, agent: None, task: None, summary, data })?;
    Ok(())
}

pub fn whoami(tx: &mut dyn Tx, caller: &Caller) -> Result<WhoAmI, Fault> {
    match caller {
        Caller::Nobody | Caller::Ticket { .. } => Err(fault::unauthenticated("this needs a key")),
        Caller::User { id, key, .. } => {
            let name = people::user_name(tx, *id)?.unwrap_or_default();
            Ok(WhoAmI {
                kind: "user".to_owned(),
                id: id.to_string(),
                name,
                office_id: None,
                key_id: Some(key.as_str().to_owned()),
            })
        }
        Caller::Runner { office, .. } | Caller::Session { office, .. } | Caller::Agent { office, .. } => {
            let head = crate::infra::act::look(tx, *office)?;
            let Member::Agent { id, name, session, proof } = enter(tx, caller, Need::Look, *office, head.owner)? else {
                return Err(fault::internal("a token of an agent made an operator"));
            };
            let kind = match (proof, session) {
                (Proof::Token, Some(_)) => "session",
                (Proof::Token, None) => "runner",
                (Proof::Key | Proof::SignatureV1 | Proof::SignatureV2, _) => "agent",
            };
            Ok(WhoAmI {
                kind: kind.to_owned(),
                id: id.to_string(),
                name: name.to_string(),
                office_id: Some(*office),
                key_id: None,
            })
        }
    }
}

/// Where the store's time last stood, so that a new clock doesn't run behind it.
pub async fn last_time(db: &Db) -> Result<Time, Fault> {
    db.read(|tx| Ok(store::last_time(tx)?)).await
}

pub async fn save_time(db: &Db, now: Time) -> Result<(), Fault> {
    db.write(move |tx| Ok(store::save_time(tx, now)?)).await
}

/// Whether this server can do its work, part by part.
#[derive(Debug, serde::Serialize)]
pub struct Ready {
    pub ready: bool,
    pub parts: Vec<Part>,
    /// What every refusal says, where something is bad.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, serde::Serialize)]
pub struct Part {
    pub name: Cow<'static, str>,
    pub ok: bool,
    pub detail: String,
}

pub async fn readiness(house: &crate::house::House, request_id: &str) -> Ready {
    let now = house.clock.now();
    let store = save_time(&house.db, now).await;
    let mut parts = vec![
        Part {
            name: "store".into(),
            ok: store.is_ok(),
            detail: store.err().map_or("writable".to_owned(), |f| f.sentence),
        },
        Part {
            name: "draining".into(),
            ok: !house.is_draining(),
            detail: if house.is_draining() { "shutting down" } else { "no" }.to_owned(),
        },
    ];
    parts.extend(crate::pods::readiness(house).await);
    let bad: Vec<String> =
        parts.iter().filter(|part| !part.ok).map(|part| format!("{}: {}", part.name, part.detail)).collect();
    let problem = (!bad.is_empty()).then(|| Problem {
        error: format!("the server is not ready; {}", bad.join("; ")),
        code: Code::NotReady.as_str().to_owned(),
        hint: Some("mi doctor on its machine says more".to_owned()),
        request_id: request_id.to_owned(),
        must_stop: None,
        server_time: None,
    });
    Ready { ready: problem.is_none(), parts, problem }
}
