//! Events: what happened in an office, in order, chained.
//!
//! Written in the transaction of the act that they record (`infra::act`), never here:
//! this folder only reads. `seq` rises by one, and each event's tag covers the one
//! before, so a missing, altered or reordered line shows.
//!
//! Acts: none. Reads: history, stream, activity of an agent; `chain` says whether it holds.
//! Elsewhere: who waits for what is in `infra::wakeups`; the chain for people is in `audit`, telling others in `webhooks`.

pub mod chain;
pub mod live;
pub mod routes;
pub mod service;
mod store;
mod stream;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
