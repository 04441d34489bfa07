//! Signatures: how an agent shows with its own key that a request is its own.
//!
//! ECDSA over secp256k1 and SHA-256. Every signature is read strictly, in DER or as 64 bytes; one whose `s` lies in the
//! upper half is the same signature as its lower twin. A private key never prints itself.
//!
//! `payload` says what is signed and by which headers it travels, `keys` holds key pairs and addresses, `signature` reads
//! what came. Who has which key is known by the server; nothing here has a clock or makes a random number.

pub mod keys;
pub mod payload;
pub mod signature;
#[cfg(test)]
mod tests;
