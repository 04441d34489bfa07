//! Acts of agents' keys.

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::signing::keys::{PRIVATE_KEY_BYTES, PrivateKey, PublicKey};
use mi_core::time::Time;
use mi_core::wire::agents::{AgentKey, AgentKind, RotateCredentials, RotatedCredentials};
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{faults, store};
use crate::agents::service as agents;
use crate::house::{House, View};
use crate::infra::act::{Act, Answer};
use crate::infra::caller::{KeyId, Member};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::{KEY_PREFIX_CHARS, Keys, new_agent_key};
use crate::infra::sweeps::{Cursor, Offices};
use crate::infra::vault::Vault;
use crate::infra::wakeups::Wake;

pub use store::{Candidate, PublicRow};

/// What the vault seals private keys for.
const PURPOSE: &str = "agent-keys";
const PUBLIC: &str = "public";
const API: &str = "api";
/// Keys tried for one signature: the live one, and a few that are over, whose owners are told so.
const CANDIDATES_MAX: i64 = 8;
/// Of one agent, in a list; older ones that don't count any more aren't shown.
const KEYS_SHOWN_MAX: i64 = 100;
/// Agents given a pair between two looks for more.
const PAIRS_PER_LOOK: i64 = 100;

/// What an agent of its own is given, this once.
pub struct Added {
    pub api_key: Zeroizing<String>,
    /// With its address, if it brought one.
    pub public: Option<PublicRow>,
}

/// For an agent that joins: an API key, and the public key that it brought.
pub fn add(act: &mut Act<'_>, agent: AgentId, public_key: Option<&str>) -> Result<Added, Fault> {
    let public = public_key.map(|text| bring(act, agent, text)).transpose()?;
    Ok(Added { api_key: give_api_key(act, agent)?, public })
}

/// For a hosted agent: a pair whose private half stays in the vault.
pub fn give_pair(act: &mut Act<'_>, agent: AgentId) -> Result<PublicRow, Fault> {
    let mut bytes = Zeroizing::new([0; PRIVATE_KEY_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(fault::internal)?;
    let private = PrivateKey::from_bytes(&bytes).map_err(fault::internal)?;
    let id = new_id();
    let sealed = vault(act.keys(), act.office).seal(id.as_bytes(), &private.to_hex())?;
    keep_pair(act, agent, &id, &private.public(), Some(&sealed))
}

/// Takes the public key of a pair that its agent keeps.
fn bring(act: &mut Act<'_>, agent: AgentId, text: &str) -> Result<PublicRow, Fault> {
    let public: PublicKey = text.parse().map_err(faults::bad_public_key)?;
    if store::is_spoken_for(act.tx, act.office, agent, &public.to_string())? {
        return Err(faults::public_key_taken());
    }
    keep_pair(act, agent, &new_id(), &public, None)
}

fn keep_pair(
    act: &mut Act<'_>,
    agent: AgentId,
    id: &str,
    public: &PublicKey,
    sealed: Option<&str>,
) -> Result<PublicRow, Fault> {
    let row = PublicRow { public_key: public.to_string(), address: public.address() };
    let pair = store::NewPair { id, agent, public_key: &row.public_key, address: &row.address, sealed };
    store::insert_pair(act.tx, act.office, &pair, act.now)?;
    Ok(row)
}

fn give_api_key(act: &mut Act<'_>, agent: AgentId) -> Result<Zeroizing<String>, Fault> {
    let key = new_agent_key().map_err(fault::internal)?;
    let prefix: String = key.chars().take(KEY_PREFIX_CHARS).collect();
    let (id, hash) = (new_id(), act.keys().hash_of_key(&key));
    let new = store::NewApiKey { id: &id, agent, hash: &hash, prefix: &prefix };
    store::insert_api_key(act.tx, act.office, &new, act.now)?;
    Ok(key)
}

/// New credentials; the old ones are refused from here on. A key pair of an external agent stays unless it brings another.
pub fn rotate(act: &mut Act<'_>, member: &Member, name: &str, wish: &RotateCredentials) -> Result<Answer, Fault> {
    let agent = agents::find(act.tx, act.office, name)?;
    match member {
        Member::Agent { id, .. } if *id != agent.id => return Err(fault::not_you(agent.name.as_str())),
        Member::Agent { .. } | Member::Person(_) => {}
    }
    let api_key = match agent.kind {
        AgentKind::Hosted if wish.public_key.is_some() => return Err(faults::key_is_the_servers()),
        AgentKind::Hosted => {
            store::revoke(act.tx, act.office, agent.id, PUBLIC, act.now)?;
            give_pair(act, agent.id)?;
            None
        }
        AgentKind::External => {
            if let Some(text) = &wish.public_key {
                store::revoke(act.tx, act.office, agent.id, PUBLIC, act.now)?;
                bring(act, agent.id, text)?;
            }
            store::revoke(act.tx, act.office, agent.id, API, act.now)?;
            Some(give_api_key(act, agent.id)?)
        }
    };
    let public = of_agent(act.tx, act.office, agent.id)?;
    let (public_key, address) = public.map(|row| (row.public_key, row.address)).unzip();
    // Whoever came with the old ones is let out.
    act.wake(Wake::Rights);
    let summary = format!("{} got new credentials from {}", agent.name, member.name());
    let data = json!({"id": agent.id, "address": address, "apiKey": api_key.is_some()});
    agents::record(act, member, &agent, "agents.rotate_credentials", summary, data)?;
    answer(&agent.name, public_key, address, api_key)
}

fn answer(
    name: &AgentName,
    public_key: Option<String>,
    xmtp_address: Option<String>,
    api_key: Option<Zeroizing<String>>,
) -> Result<Answer, Fault> {
    let shows: &[&str] = if api_key.is_some() { &["apiKey"] } else { &[] };
    let api_key = api_key.map(|key| key.to_string());
    let rotated = RotatedCredentials { name: name.clone(), public_key, xmtp_address, api_key };
    Ok(Answer::ok(&rotated)?.showing_once(shows))
}

/// None of its keys is good for anything any more.
pub fn revoke_all(act: &mut Act<'_>, agent: AgentId) -> Result<(), Fault> {
    store::revoke(act.tx, act.office, agent, PUBLIC, act.now)?;
    store::revoke(act.tx, act.office, agent, API, act.now)?;
    act.wake(Wake::Rights);
    Ok(())
}

/// Whether the key with which an agent was let in is still one.
pub fn must_hold(tx: &mut dyn Tx, office: OfficeId, key: &KeyId) -> Result<(), Fault> {
    if store::holds(tx, office, key.as_str())? { Ok(()) } else { Err(fault::key_revoked()) }
}

/// Writes down when a key was used last.
pub fn note_use(tx: &mut dyn Tx, office: OfficeId, key: &KeyId, at: Time) -> Result<(), Fault> {
    Ok(store::note_use(tx, office, key.as_str(), at)?)
}

/// By which keys an agent is and was known, and when each was used.
pub fn list(view: &mut View<'_>, name: &str) -> Result<Vec<AgentKey>, Fault> {
    let agent = agents::find(view.tx, view.office, name)?;
    let rows = store::of_agent(view.tx, view.office, agent.id, KEYS_SHOWN_MAX)?;
    let card = |row: store::KeyRow| AgentKey {
        id: row.id,
        kind: row.kind,
        shown: row.prefix.or(row.address),
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    };
    Ok(rows.into_iter().map(card).collect())
}

/// The agent's public key with its address, if it has one.
pub fn of_agent(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<PublicRow>, Fault> {
    Ok(store::public(tx, office, agent)?)
}

/// Signs a message for a hosted agent; there is nothing to sign with for an external one.
#[allow(dead_code, reason = "conversations beyond this server will call it")]
pub fn sign_for(
    tx: &mut dyn Tx,
    keys: &Keys,
    office: OfficeId,
    agent: AgentId,
    message: &[u8],
) -> Result<Option<String>, Fault> {
    let Some((id, sealed)) = store::sealed(tx, office, agent)? else { return Ok(None) };
    let text = vault(keys, office).open(id.as_bytes(), "an agent's private key", &sealed)?;
    let private: PrivateKey = text.parse().map_err(fault::internal)?;
    private.sign(message).map(Some).map_err(fault::internal)
}

/// Keys that may have made a signature which says that it is of this agent.
pub fn candidates(tx: &mut dyn Tx, who: &Who) -> Result<Vec<Candidate>, Fault> {
    Ok(match who {
        Who::Id(id) => store::of_id(tx, *id, CANDIDATES_MAX)?,
        Who::Named(name, Some(office)) => store::of_name(tx, *office, name, CANDIDATES_MAX)?,
        Who::Named(name, None) => store::of_bare_name(tx, name, CANDIDATES_MAX)?,
    })
}

/// Whose a signature says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    Id(AgentId),
    /// A name, and the office in which it is meant.
    Named(AgentName, Option<OfficeId>),
}

/// Hosted agents of a store from before agents had keys get theirs. For the start, before requests come.
pub async fn give_missing_pairs(house: &House) -> Result<(), Fault> {
    let cursor = Cursor::default();
    loop {
        let after = cursor.after();
        let missing = house.db.read(move |tx| Ok(store::without_pair(tx, after, PAIRS_PER_LOOK)?)).await?;
        cursor.took(&missing, PAIRS_PER_LOOK);
        let give = |(office, agent)| house.act_as_server(office, move |act| give_pair(act, agent).map(drop));
        Offices::default().all("missing pairs", missing, give).await;
        if cursor.after().is_none() {
            return Ok(());
        }
    }
}

fn vault(keys: &Keys, office: OfficeId) -> Vault {
    Vault::new(keys, PURPOSE, office)
}

fn new_id() -> String {
    Uuid::new_v4().simple().to_string()
}
