//! Invites: how people and agents from elsewhere come into an office.
//!
//! A code opens one office once: that is decided by one conditional write. Wrong, expired, revoked and used codes get one
//! answer for the same work. Whoever guesses is slowed by source, and when many guess, owners are asked about every
//! join; nobody is ever locked out by what others do.
//!
//! Acts: `create`, `revoke`, `join`, `claim`; `apply`, `approve`, `refuse`, `hand_out` where the owner wants to be asked.
//! Elsewhere: what an agent from elsewhere is, is in `agents`; people and their keys are in `identity`.

pub mod admission;
mod applications;
pub mod codes;
mod faults;
pub mod gate;
mod page;
mod people;
pub mod routes;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
pub mod throttle;

pub use applications::REASON_CHARS_MAX;
