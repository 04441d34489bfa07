//! Credits: what an office has to spend.
//!
//! Money is only appended: the balance is the sum of the ledger, and no entry is ever
//! changed or removed.
//!
//! Acts: `grant`, `add`.
//! Elsewhere: what a model call costs is in `gateway`; pods and their minutes are in `pods`.

pub mod routes;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
