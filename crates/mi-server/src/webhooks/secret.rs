//! The secret of a webhook: made or given, sealed at rest, and what is signed with it.

use hmac::{Hmac, KeyInit, Mac};
use mi_core::ids::OfficeId;
use mi_core::time::Time;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::faults;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::Keys;
use crate::infra::vault::Vault;

const SECRET_BYTES: usize = 24;
const SECRET_CHARS_MIN: usize = 16;
const SECRET_CHARS_MAX: usize = 256;
const DELIVERY_NAME_BYTES: usize = 16;

/// The caller's own, or a new one: `whsec_` and 48 hex digits.
pub fn choose(given: Option<&str>) -> Result<Zeroizing<String>, Fault> {
    let Some(given) = given else { return make() };
    let visible = given.bytes().all(|b| b.is_ascii_graphic());
    if !visible || !(SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&given.len()) {
        return Err(faults::bad_secret(SECRET_CHARS_MIN, SECRET_CHARS_MAX));
    }
    Ok(Zeroizing::new(given.to_owned()))
}

fn make() -> Result<Zeroizing<String>, Fault> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(fault::internal)?;
    Ok(Zeroizing::new(format!("whsec_{}", hex::encode(bytes.as_slice()))))
}

pub fn seal(keys: &Keys, office: OfficeId, webhook: i64, secret: &str) -> Result<String, Fault> {
    Vault::new(keys, "webhooks", office).seal(&webhook.to_be_bytes(), secret)
}

pub fn open(keys: &Keys, office: OfficeId, webhook: i64, sealed: &str) -> Result<Zeroizing<String>, Fault> {
    Vault::new(keys, "webhooks", office).open(&webhook.to_be_bytes(), "a webhook's secret", sealed)
}

/// `X-Mi-Signature`: when it was signed, and the tag over that and the body.
pub fn signature(secret: &str, at: Time, body: &str) -> String {
    let seconds = at.0 / 1_000;
    // Invariant: HMAC takes keys of any length, so this never fails; an empty signature would match nothing.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// `X-Mi-Delivery`: the same in every attempt, and of no other delivery anywhere.
pub fn delivery_name(keys: &Keys, office: OfficeId, webhook: i64, n: i64) -> String {
    let tag = keys.mac("webhook-delivery", &[office.0.as_bytes(), &webhook.to_be_bytes(), &n.to_be_bytes()]);
    hex::encode(&tag[..DELIVERY_NAME_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `printf '1767225600.{}' | openssl dgst -sha256 -hmac 0123456789abcdef` says.
    #[test]
    fn a_signature_is_what_receivers_compute() {
        let signed = signature("0123456789abcdef", Time(1_767_225_600_999), "{}");
        assert_eq!(signed, EXPECTED);
    }

    const EXPECTED: &str = "t=1767225600,v1=99902517b3069f78750aa0520b0493482454c2d30a579c7acc839f3363ca1b88";

    #[test]
    fn secrets_are_made_or_judged() {
        assert_eq!(choose(None).unwrap().len(), "whsec_".len() + 48);
        assert!(choose(Some("0123456789abcdef")).is_ok());
        for bad in ["short", "has a space in it, sadly", "ünderstood-but-not-ascii"] {
            assert!(choose(Some(bad)).is_err(), "{bad}");
        }
        assert!(choose(Some(&"x".repeat(257))).is_err());
    }
}
