//! Identity: who the people are and by which keys they are known.
//!
//! A key is shown once and kept as a keyed hash.
//!
//! Acts: `bootstrap` (first start), `whoami`.
//! Elsewhere: tokens of runners and sessions are derived in `infra::keys`.

mod docs_page;
pub mod routes;
pub mod service;
mod store;
