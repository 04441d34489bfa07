//! Events: what happened in an office, in order, chained.
//!
//! Written in the transaction of the act that they record (`infra::act`), never here:
//! this folder only reads. `seq` rises by one, and each event's tag covers the one
//! before, so a missing, altered or reordered line shows.
//!
//! Acts: none. Reads: history, stream, activity of an agent, `chain::verify_chain`.
//! Elsewhere: who waits for what is in `infra::wakeups`.

#[cfg(any(test, feature = "testing"))]
pub mod chain;
pub mod routes;
pub mod service;
mod store;
mod stream;
#[cfg(test)]
mod tests;
