//! Keys of agents: how one that comes by itself is known, and with what the server signs for one that it hosts.
//!
//! In an office a public key belongs to one agent, and an agent has one that is live; what is revoked stays so. The
//! private key of a hosted agent is sealed and never leaves the server, that of an external one never comes here. API keys
//! of agents are shown once and kept as a keyed hash.
//!
//! Acts: `add` (an agent that joins), `give_pair` (one that is hired), `rotate`, `revoke_all` (one that goes).
//! `judge` says who signed a request.
//! Elsewhere: what is signed is in `mi_core::signing`, what travels with a request in `infra::signed`.

mod faults;
pub mod judge;
pub mod routes;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
