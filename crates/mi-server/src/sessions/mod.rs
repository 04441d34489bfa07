//! Sessions: a claim, an attempt and a run of a harness are one row.
//!
//! Its number, from the office's counter, is the fencing token: only while the row
//! is live does a write that carries the number happen. A session of a hosted
//! agent goes live → settled (its task has its outcome, the runner winds down) →
//! ended; a claim of an agent elsewhere has no runner and ends at once.
//!
//! Acts: `open`, `settle`, `withdraw`, `renew`, `end`, and what befalls an agent's
//! sessions together. `context` is what a session gets to read.
//! Elsewhere: what becomes of the task is in `tasks::flow`.

pub mod context;
pub mod routes;
pub mod said;
pub mod service;
mod store;
pub mod sweep;
#[cfg(test)]
mod tests;
