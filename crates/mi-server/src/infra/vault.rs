//! Sealing of secrets for the store: XChaCha20-Poly1305, with a key that is not in the store.
//!
//! Purpose, office and place are bound in, so that a sealed value moved to another row doesn't open.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use mi_core::ids::OfficeId;
use zeroize::Zeroizing;

use super::fault::{self, Fault};
use super::keys::Keys;

const NONCE_BYTES: usize = 24;
/// Which way of sealing a text was made by.
const VERSION: &str = "v1:";

/// Seals and opens one office's values of one purpose.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    office: OfficeId,
}

impl Vault {
    /// Each purpose has a key of its own.
    pub fn new(keys: &Keys, purpose: &str, office: OfficeId) -> Self {
        let key = keys.derive(purpose);
        Self { cipher: XChaCha20Poly1305::new(&(*key).into()), office }
    }

    /// `place` names the row in a way that no other row of the office has.
    pub fn seal(&self, place: &[u8], value: &str) -> Result<String, Fault> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(fault::internal)?;
        let facts = self.facts(place);
        let payload = Payload { msg: value.as_bytes(), aad: &facts };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(fault::internal)?;
        Ok(format!("{VERSION}{}{}", hex::encode(nonce), hex::encode(sealed)))
    }

    /// `what` is what the log calls the value when it doesn't open.
    pub fn open(&self, place: &[u8], what: &str, sealed: &str) -> Result<Zeroizing<String>, Fault> {
        let broken = || fault::internal(format!("the sealed value of {what} doesn't open; was the key file replaced?"));
        let bytes = sealed.strip_prefix(VERSION).and_then(|text| hex::decode(text).ok()).ok_or_else(broken)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(broken)?;
        let facts = self.facts(place);
        let payload = Payload { msg: sealed, aad: &facts };
        let value = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| broken())?;
        String::from_utf8(value).map(Zeroizing::new).map_err(|_| broken())
    }

    /// The office has a fixed length, so no two places give the same bytes.
    fn facts(&self, place: &[u8]) -> Vec<u8> {
        [self.office.0.as_bytes(), place].concat()
    }
}
