//! Webhooks: other programs are told of an office's events, by calls that they can check.
//!
//! The events themselves are the outbox: each webhook has a cursor in them, which goes on in the transaction that notes
//! the next delivery, so a crash loses nothing. A delivery is repeated until the receiver says 2xx or it is given up;
//! one webhook has one under way, in the order of the events. What is sent is the same in every attempt.
//!
//! Acts: `create`, `delete`, `enable`, `test`, `redeliver`; the sweep delivers and prunes.
//! Elsewhere: calls that leave the server are in `infra::outbound`.

mod attempt;
mod deliver;
mod desk;
mod faults;
mod patterns;
pub mod routes;
mod rules;
mod secret;
mod service;
mod store;
pub mod sweep;
#[cfg(test)]
mod tests;

pub use desk::Desk;
