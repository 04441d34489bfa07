//! Who signed a request, if anybody did.

use mi_core::ids::OfficeId;
use mi_core::signing::keys::PublicKey;

use super::service::{self, Candidate, Who};
use crate::house::House;
use crate::infra::act::nonce;
use crate::infra::caller::{Caller, KeyId, Proof};
use crate::infra::fault::{self, Fault};
use crate::infra::signed::faults;
use crate::infra::signed::nonces::Nonce;
use crate::infra::signed::read::{Signed, Version};

/// A request as it came, as far as it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Came<'a> {
    pub method: &'a str,
    /// Path with query.
    pub target: &'a str,
    /// The office in the path.
    pub office: Option<OfficeId>,
}

/// Whoever signed, and what the request may spend once.
pub struct Signatory {
    pub caller: Caller,
    pub nonce: Option<Nonce>,
}

pub async fn judge(house: &House, signed: &Signed, came: Came<'_>) -> Result<Signatory, Fault> {
    let now = house.clock.now();
    if !signed.is_timely(now) {
        return Err(faults::out_of_range(now));
    }
    let who = who(signed, came.office)?;
    let candidates = house.db.read(move |tx| service::candidates(tx, &who)).await?;
    let key = signatory(signed, came, candidates)?;
    let (office, agent) = (key.office, key.agent);
    let (proof, nonce) = match &signed.version {
        Version::One => (Proof::SignatureV1, None),
        Version::Two { nonce, .. } => {
            let nonce = Nonce { office, agent, text: nonce.clone(), ends_at: signed.ends_at() };
            refuse_what_an_earlier_server_knew(house, signed, &key, &nonce).await?;
            house.nonces.admit(&nonce, now)?;
            (Proof::SignatureV2, Some(nonce))
        }
    };
    let caller = Caller::Agent { office, agent, proof, key: KeyId::new(&key.id) };
    house.known_keys.note_use(&caller, now);
    Ok(Signatory { caller, nonce })
}

fn who(signed: &Signed, in_path: Option<OfficeId>) -> Result<Who, Fault> {
    if let Ok(id) = signed.agent.parse() {
        return Ok(Who::Id(id));
    }
    let name = signed.agent.parse().map_err(|_| faults::unreadable("X-Agent-Id is an agent's id or name"))?;
    Ok(Who::Named(name, in_path.or(signed.office)))
}

/// The key that made the signature. What is over is told to its owner alone.
fn signatory(signed: &Signed, came: Came<'_>, candidates: Vec<Candidate>) -> Result<Candidate, Fault> {
    let message = signed.message(came.method, came.target);
    let mut found: Option<Candidate> = None;
    for candidate in candidates {
        let key: PublicKey = candidate.public_key.parse().map_err(fault::internal)?;
        if found.as_ref().is_some_and(|found| found.office == candidate.office) {
            continue;
        }
        if key.verifies(message.as_bytes(), &signed.signature) {
            if found.is_some() {
                return Err(faults::which_office(&signed.agent));
            }
            found = Some(candidate);
        }
    }
    match found {
        None => Err(faults::not_signed_by(&signed.agent)),
        Some(key) if key.is_over => Err(fault::key_revoked()),
        Some(key) => Ok(key),
    }
}

/// Nonces of requests that changed nothing went with the server that saw them. A key that is younger than this server
/// has signed for no earlier one.
async fn refuse_what_an_earlier_server_knew(
    house: &House,
    signed: &Signed,
    key: &Candidate,
    nonce: &Nonce,
) -> Result<(), Fault> {
    let began = house.began_at;
    if signed.at.0.div_euclid(1_000) >= began.0.div_euclid(1_000) || key.created_at >= began {
        return Ok(());
    }
    let nonce = nonce.clone();
    let spent = house.db.read(move |tx| nonce::is_spent(tx, &nonce)).await?;
    if spent { Err(faults::replayed()) } else { Err(faults::from_before_the_start(house.clock.now())) }
}
