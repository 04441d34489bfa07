//! A signature as it comes: DER, or 64 bytes of r and s, in hex.

use k256::ecdsa;

/// The longest DER signature: two integers of 33 bytes, with their heads.
const BYTES_MAX: usize = 72;
const COMPACT_BYTES: usize = 64;

/// Text that is no signature of this curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature is DER, or 64 bytes of r and s, in hex")]
pub struct BadSignature;

/// Read, and not judged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// What it may be: 64 bytes can, once in a very long time, be read both ways.
    readings: Vec<ecdsa::Signature>,
}

impl Signature {
    /// From hex of either case.
    pub fn parse(text: &str) -> Result<Self, BadSignature> {
        if text.len() > 2 * BYTES_MAX {
            return Err(BadSignature);
        }
        Self::from_bytes(&hex::decode(text).map_err(|_| BadSignature)?)
    }

    /// Strict: canonical DER without anything after it, or exactly 64 bytes; r and s from 1 to the order less one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadSignature> {
        let compact = if bytes.len() == COMPACT_BYTES { ecdsa::Signature::from_slice(bytes).ok() } else { None };
        let readings: Vec<_> = compact.into_iter().chain(ecdsa::Signature::from_der(bytes).ok()).collect();
        if readings.is_empty() { Err(BadSignature) } else { Ok(Self { readings }) }
    }

    /// With `s` in the lower half: whoever turns it over makes no second signature.
    pub(super) fn lowered(&self) -> impl Iterator<Item = ecdsa::Signature> + '_ {
        self.readings.iter().map(ecdsa::Signature::normalize_s)
    }
}
