//! Egress: a pod's only way to the world outside, a proxy behind a socket of that pod alone.
//!
//! By default it leads nowhere. An office's setting `egress` and the integrations of an agent say where it leads; the
//! socket says whose pod asks, so nobody can ask in another's name. A host is brought into one form, its name resolved
//! once and judged, and the connection goes to a judged address and nowhere else: never to the server's own machine or
//! network, unless whoever runs the server permits that. Every connection leaves an event with its bytes; many alike
//! become one.
//!
//! Acts: `record`.
//! Rooms: `routes` (the socket), `ask` (a request's target and headers), `service` (may they), `dial` (names and
//! addresses), `line` (bytes, silence, the right to stay), `tunnel` and `plain` (the two kinds of connection), `notes`
//! (what is told when), `lookups` (turns at the resolver), `desk` (what is shared by all connections).
//! Elsewhere: what an entry of the allow-list means is in `mi_core::egress`, which addresses are private in
//! `infra::outbound`, the other end of the socket in the runner's `forward`.

mod ask;
mod desk;
mod dial;
mod faults;
mod line;
mod lookups;
mod notes;
mod plain;
mod routes;
mod service;
pub mod sweep;
#[cfg(test)]
mod tests;
mod tunnel;

pub use desk::{BadPrivate, Desk};
pub use routes::{Pod, serve};
