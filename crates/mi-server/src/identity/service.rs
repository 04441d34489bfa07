//! Acts of identity.

use mi_core::ids::UserId;
use mi_core::time::Time;
use mi_core::wire::offices::WhoAmI;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::store;
use crate::infra::act::enter;
use crate::infra::caller::{Caller, Member, Need, Proof, Scope};
use crate::infra::db::{Db, Tx};
use crate::infra::fault::{self, Fault};
use crate::infra::keys::{KEY_PREFIX_CHARS, Keys, new_api_key};

/// On the first start: makes the owner and a key, which is returned only now.
pub async fn bootstrap(db: &Db, keys: &Keys, now: Time) -> Result<Option<Zeroizing<String>>, Fault> {
    let key = new_api_key().map_err(fault::internal)?;
    let hash = keys.hash_of_key(&key);
    let prefix: String = key.chars().take(KEY_PREFIX_CHARS).collect();
    let user = UserId(Uuid::new_v4());
    let made = db
        .write(move |tx| {
            if store::any_user(tx)?.is_some() {
                return Ok(false);
            }
            store::insert_user(tx, user, "owner", now)?;
            store::insert_key(tx, &hash, user, "first start", &prefix, now)?;
            Ok(true)
        })
        .await?;
    Ok(made.then_some(key))
}

/// Another key for the owner: for a server whose first key was lost.
pub async fn new_owner_key(db: &Db, keys: &Keys, name: &'static str, now: Time) -> Result<Zeroizing<String>, Fault> {
    let key = new_api_key().map_err(fault::internal)?;
    let hash = keys.hash_of_key(&key);
    let prefix: String = key.chars().take(KEY_PREFIX_CHARS).collect();
    db.write(move |tx| {
        let user = store::any_user(tx)?.ok_or_else(|| fault::internal("no owner yet"))?;
        store::insert_key(tx, &hash, user, name, &prefix, now)?;
        Ok(())
    })
    .await?;
    Ok(key)
}

/// What a key's hash stands for now.
pub fn caller_of_key(tx: &mut dyn Tx, hash: &str, now: Time) -> Result<Caller, Fault> {
    let Some(key) = store::key(tx, hash)? else { return agent_of_key(tx, hash) };
    if key.revoked_at.is_some() {
        return Err(fault::key_revoked());
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(fault::key_expired());
    }
    let scope =
        if key.is_scoped { Scope::Offices(store::offices_of_key(tx, &key.id)?.into()) } else { Scope::Everywhere };
    Ok(Caller::User { id: key.user, scope })
}

fn agent_of_key(tx: &mut dyn Tx, hash: &str) -> Result<Caller, Fault> {
    let key = store::agent_key(tx, hash)?.ok_or_else(|| fault::unauthenticated("this key is not known here"))?;
    if key.revoked_at.is_some() {
        return Err(fault::key_revoked());
    }
    Ok(Caller::Agent { office: key.office, agent: key.agent, proof: Proof::Key })
}

pub fn whoami(tx: &mut dyn Tx, caller: &Caller) -> Result<WhoAmI, Fault> {
    match caller {
        Caller::Nobody | Caller::Ticket { .. } => Err(fault::unauthenticated("this needs a key")),
        Caller::User { id, .. } => {
            let name = store::user_name(tx, *id)?.unwrap_or_default();
            Ok(WhoAmI { kind: "user".to_owned(), id: id.to_string(), name, office_id: None })
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
            Ok(WhoAmI { kind: kind.to_owned(), id: id.to_string(), name: name.to_string(), office_id: Some(*office) })
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
}

#[derive(Debug, Clone, serde::Serialize)]
pub struct Part {
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
}

pub async fn readiness(house: &crate::house::House) -> Ready {
    let now = house.clock.now();
    let store = save_time(&house.db, now).await;
    let mut parts = vec![
        Part { name: "store", ok: store.is_ok(), detail: store.err().map_or("writable".to_owned(), |f| f.sentence) },
        Part {
            name: "draining",
            ok: !house.is_draining(),
            detail: if house.is_draining() { "shutting down" } else { "no" }.to_owned(),
        },
    ];
    parts.extend(crate::pods::readiness(house).await);
    Ready { ready: parts.iter().all(|part| part.ok), parts }
}
