//! Passwords: argon2id, a few at a time, and never faster for a name that isn't there.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::faults;
use crate::infra::fault::{self, Fault};

pub const PASSWORD_CHARS_MIN: usize = 12;
pub const PASSWORD_CHARS_MAX: usize = 200;
/// The second of OWASP's recommended settings: 19 MiB, two rounds, one lane.
const MEMORY_KIB: u32 = 19_456;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
const PREFIX: &str = "argon2id";
/// Computed at once; the rest waits, so that a crowd costs no more memory than this.
const AT_ONCE_MAX: usize = 2;

/// The machine that computes them.
pub struct Mill {
    seats: Arc<Semaphore>,
}

impl Default for Mill {
    fn default() -> Self {
        Self { seats: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }
}

impl Mill {
    /// What is kept of a new password.
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, Fault> {
        let chars = password.chars().count();
        if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars) {
            return Err(faults::bad_password());
        }
        self.turn(move || {
            let mut salt = [0; SALT_BYTES];
            getrandom::fill(&mut salt).map_err(fault::internal)?;
            let hash = digest(&password, &salt)?;
            let (salt, hash) = (hex::encode(salt), hex::encode(hash));
            Ok(format!("{PREFIX}${MEMORY_KIB}${ROUNDS}${LANES}${salt}${hash}"))
        })
        .await
    }

    /// Whether the password is the one that was kept. Where none was kept the answer is no, after the same work.
    pub async fn verify(&self, password: Zeroizing<String>, kept: Option<String>) -> Result<bool, Fault> {
        if password.chars().count() > PASSWORD_CHARS_MAX {
            return Ok(false);
        }
        self.turn(move || {
            let parts = kept.as_deref().and_then(read);
            let (salt, hash) = parts.unwrap_or(([0; SALT_BYTES], [0; HASH_BYTES]));
            let same = bool::from(digest(&password, &salt)?.ct_eq(&hash));
            Ok(same && parts.is_some())
        })
        .await
    }

    async fn turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let seat = Arc::clone(&self.seats).acquire_owned().await.map_err(fault::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(seat);
            result
        });
        done.await.map_err(fault::internal)?
    }
}

fn digest(password: &str, salt: &[u8]) -> Result<[u8; HASH_BYTES], Fault> {
    let params = Params::new(MEMORY_KIB, ROUNDS, LANES, Some(HASH_BYTES)).map_err(fault::internal)?;
    let mut hash = [0; HASH_BYTES];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(password.as_bytes(), salt, &mut hash).map_err(fault::internal)?;
    Ok(hash)
}

/// Of our own settings only: another setting has another prefix, so that old ones can still be told apart.
fn read(kept: &str) -> Option<([u8; SALT_BYTES], [u8; HASH_BYTES])> {
    let rest = kept.strip_prefix(&format!("{PREFIX}${MEMORY_KIB}${ROUNDS}${LANES}$"))?;
    let (salt, hash) = rest.split_once('$')?;
    let mut parts = ([0; SALT_BYTES], [0; HASH_BYTES]);
    hex::decode_to_slice(salt, &mut parts.0).ok()?;
    hex::decode_to_slice(hash, &mut parts.1).ok()?;
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_one_is() {
        let mill = Mill::default();
        let kept = mill.hash(text("correct horse battery")).await.unwrap();
        assert!(kept.starts_with("argon2id$19456$2$1$") && !kept.contains("horse"), "{kept}");
        assert_ne!(kept, mill.hash(text("correct horse battery")).await.unwrap(), "salted");
        assert!(mill.verify(text("correct horse battery"), Some(kept.clone())).await.unwrap());
        for (wrong, kept) in [
            ("correct horse batterz", Some(kept.clone())),
            ("", Some(kept.clone())),
            ("correct horse battery", None),
            ("correct horse battery", Some("argon2id$1$1$1$00$00".to_owned())),
            ("correct horse battery", Some(String::new())),
        ] {
            assert!(!mill.verify(text(wrong), kept).await.unwrap(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn short_and_endless_ones_are_refused() {
        let mill = Mill::default();
        for bad in ["x".repeat(11), "ä".repeat(11), "x".repeat(201)] {
            assert!(mill.hash(text(&bad)).await.is_err(), "{}", bad.len());
        }
        assert!(!mill.verify(text(&"x".repeat(100_000)), None).await.unwrap(), "without any work");
    }
}
