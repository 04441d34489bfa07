//! Audit: whether the record of an office is as it was written, and the record itself to take away.
//!
//! Three things hold an office's events: the keyed chain in the store, the end of the chain as the office's row
//! remembers it, and heads that are published to a file outside of the store. Who tampers with one is shown by the
//! others; a store that was put back to an earlier state is shown by the published heads.
//!
//! Acts: none. Reads: `verify`, `check`, `export`. Sweeps: publish heads, prune what is older than the history.
//! Elsewhere: the chain's rules and its checkpoint are in `events::chain`.

mod check;
mod export;
mod heads;
pub mod routes;
mod service;
mod store;
pub mod sweep;
#[cfg(test)]
mod tests;
