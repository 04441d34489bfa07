//! Key pairs on secp256k1, and the Ethereum address of each.

use std::fmt;
use std::str::FromStr;

use k256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use k256::ecdsa::{self, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use sha3::Keccak256;
use zeroize::Zeroizing;

use super::signature::Signature;

pub const PRIVATE_KEY_BYTES: usize = 32;
const COMPRESSED_HEX_CHARS: usize = 66;
const UNCOMPRESSED_HEX_CHARS: usize = 130;
/// An address is the end of its key's hash.
const ADDRESS_BYTES: usize = 20;

/// Text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    #[error("a public key is a point on secp256k1 in hex: `04` and 128 digits, or `02` or `03` and 64")]
    Public,
    #[error("a private key is 64 hex digits, and not every such number is one")]
    Private,
}

/// A point on the curve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The Ethereum address: `0x` and 40 lower-case hex digits.
    pub fn address(&self) -> String {
        let hash = Keccak256::digest(&self.uncompressed()[1..]);
        format!("0x{}", hex::encode(&hash[hash.len() - ADDRESS_BYTES..]))
    }

    /// Whether its owner signed this message.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        let digest = Sha256::digest(message);
        signature.lowered().any(|one| self.0.verify_prehash(&digest, &one).is_ok())
    }

    fn uncompressed(&self) -> Box<[u8]> {
        self.0.to_sec1_point(false).to_bytes()
    }
}

impl FromStr for PublicKey {
    type Err = BadKey;

    /// Uncompressed or compressed; the identity and hybrid forms are no keys.
    fn from_str(text: &str) -> Result<Self, BadKey> {
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
        let well_formed = match text.len() {
            UNCOMPRESSED_HEX_CHARS => starts(&["04"]),
            COMPRESSED_HEX_CHARS => starts(&["02", "03"]),
            _ => false,
        };
        let bytes = hex::decode(text).ok().filter(|_| well_formed).ok_or(BadKey::Public)?;
        VerifyingKey::from_sec1_bytes(&bytes).map(Self).map_err(|_| BadKey::Public)
    }
}

impl fmt::Display for PublicKey {
    /// Uncompressed, lower case: one key has one text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.uncompressed()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A number that only its owner knows; gone from memory with its last holder.
#[derive(Clone)]
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// From random bytes; fewer than one in 2^127 of them are no key.
    pub fn from_bytes(bytes: &[u8; PRIVATE_KEY_BYTES]) -> Result<Self, BadKey> {
        SigningKey::from_slice(bytes).map(Self).map_err(|_| BadKey::Private)
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// 64 hex digits, for the vault or a file that nobody else reads.
    pub fn to_hex(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(self.0.to_bytes());
        Zeroizing::new(hex::encode(bytes.as_slice()))
    }

    /// 64 bytes of r and s in hex, `s` in the lower half. The same message has the same signature (RFC 6979).
    pub fn sign(&self, message: &[u8]) -> Result<String, BadKey> {
        let signed: ecdsa::Signature = self.0.sign_prehash(&Sha256::digest(message)).map_err(|_| BadKey::Private)?;
        Ok(hex::encode(signed.normalize_s().to_bytes()))
    }
}

impl FromStr for PrivateKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let mut bytes = Zeroizing::new([0; PRIVATE_KEY_BYTES]);
        hex::decode_to_slice(text, bytes.as_mut_slice()).map_err(|_| BadKey::Private)?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(hidden)")
    }
}
