//! Sealing of values for the store: XChaCha20-Poly1305, with a key that is not in the store.
//!
//! Office, agent and key are bound in, so that a sealed value moved to another row doesn't open.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use mi_core::ids::OfficeId;
use zeroize::Zeroizing;

use super::store::Scope;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::Keys;

const NONCE_BYTES: usize = 24;
/// Which way of sealing a text was made by.
const VERSION: &str = "v1:";

/// Seals and opens the values of one office.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    office: OfficeId,
}

impl Sealer {
    pub fn new(keys: &Keys, office: OfficeId) -> Self {
        let key = keys.derive("env");
        Self { cipher: XChaCha20Poly1305::new(&(*key).into()), office }
    }

    pub fn seal(&self, scope: Scope, key: &str, value: &str) -> Result<String, Fault> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(fault::internal)?;
        let facts = self.facts(scope, key);
        let payload = Payload { msg: value.as_bytes(), aad: &facts };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(fault::internal)?;
        Ok(format!("{VERSION}{}{}", hex::encode(nonce), hex::encode(sealed)))
    }

    pub fn open(&self, scope: Scope, key: &str, sealed: &str) -> Result<Zeroizing<String>, Fault> {
        let broken = || fault::internal(format!("the sealed value of {key} doesn't open; was the key file replaced?"));
        let bytes = sealed.strip_prefix(VERSION).and_then(|text| hex::decode(text).ok()).ok_or_else(broken)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(broken)?;
        let facts = self.facts(scope, key);
        let payload = Payload { msg: sealed, aad: &facts };
        let value = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| broken())?;
        String::from_utf8(value).map(Zeroizing::new).map_err(|_| broken())
    }

    /// Fields of fixed length, then the key: no two places give the same bytes.
    fn facts(&self, scope: Scope, key: &str) -> Vec<u8> {
        let mut facts = self.office.0.as_bytes().to_vec();
        match scope {
            Scope::Office => facts.push(0),
            Scope::Agent(agent) => {
                facts.push(1);
                facts.extend_from_slice(agent.0.as_bytes());
            }
        }
        facts.extend_from_slice(key.as_bytes());
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mi_core::ids::AgentId;
    use uuid::Uuid;

    #[test]
    fn a_value_opens_in_its_own_place_only() {
        let keys = Keys::random().unwrap();
        let (office, agent) = (OfficeId(Uuid::new_v4()), AgentId(Uuid::new_v4()));
        let sealer = Sealer::new(&keys, office);
        let sealed = sealer.seal(Scope::Agent(agent), "TOKEN", "grün").unwrap();
        assert!(!sealed.contains("grün") && !sealed.contains(&hex::encode("grün")));
        assert_ne!(sealed, sealer.seal(Scope::Agent(agent), "TOKEN", "grün").unwrap());
        assert_eq!(sealer.open(Scope::Agent(agent), "TOKEN", &sealed).unwrap().as_str(), "grün");

        let elsewhere = [
            sealer.open(Scope::Office, "TOKEN", &sealed),
            sealer.open(Scope::Agent(AgentId(Uuid::new_v4())), "TOKEN", &sealed),
            sealer.open(Scope::Agent(agent), "OTHER", &sealed),
            Sealer::new(&keys, OfficeId(Uuid::new_v4())).open(Scope::Agent(agent), "TOKEN", &sealed),
            Sealer::new(&Keys::random().unwrap(), office).open(Scope::Agent(agent), "TOKEN", &sealed),
            sealer.open(Scope::Agent(agent), "TOKEN", &sealed[..sealed.len() - 2]),
            sealer.open(Scope::Agent(agent), "TOKEN", "v1:00"),
            sealer.open(Scope::Agent(agent), "TOKEN", "plain"),
        ];
        assert!(elsewhere.iter().all(Result::is_err));
    }
}
