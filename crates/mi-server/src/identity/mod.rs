//! Identity: who the people are, by which keys they are known, and who works in which office.
//!
//! A key is shown once and kept as a keyed hash. A key is never more than the one that made it, and what is revoked
//! ends at once, whatever was open with it. An office always has its owner.
//!
//! Acts: `bootstrap` (first start), `whoami`, `add_user`, `add_member`; in `keys` create, list, revoke; in `members`
//! list, set_role, remove.
//! Elsewhere: how a browser or a terminal gets in is in `login`; tokens of runners and sessions are derived in
//! `infra::keys`; what a role may do is judged in `infra::act`.

mod docs_page;
pub mod faults;
pub mod keys;
pub mod members;
pub mod memory;
pub mod routes;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
