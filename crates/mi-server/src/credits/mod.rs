//! Credits: what an office has to spend, and what became of it.
//!
//! Money is only appended: the balance is the sum of the ledger, and no entry is ever changed or removed. What a model
//! call may cost at most is put aside before it is sent; `available` is the balance without what is put aside. Neither
//! ever falls below zero, whatever runs at once.
//!
//! Acts: `add`, `grant`, `hold`, `settle`, `suspend`, `resume`, `set_budget`; `minutes` charges the time of pods.
//! Elsewhere: what a call costs is in `gateway`.

pub mod hold;
pub mod ledger;
pub mod minutes;
pub mod purses;
pub mod routes;
pub mod rules;
pub mod service;
mod store;
pub mod suspend;
#[cfg(test)]
mod tests;
pub mod usage;
