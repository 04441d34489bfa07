//! Signed requests: reading what came, judging whose it is, and letting each count once.
//!
//! A request that carries a signature is judged by it alone. The time is looked at first, then the signature, then the
//! nonce: in memory at once, so that of many copies one goes on, and in the transaction of the effect, so that a copy is
//! known after a restart too. The body of a version 2 request is the one that was signed, or nothing comes of it.
//!
//! `read` takes the headers apart, `nonces` remembers.
//! Elsewhere: what is signed, and how, is in `mi_core::signing`; who signed is judged in `agent_keys`; what arrives is
//! looked at in `infra::http::body`.

pub mod faults;
pub mod nonces;
pub mod read;
