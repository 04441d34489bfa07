//! Sessions: a claim, an attempt and a run of a harness are one row.
//!
//! Its number, from the office's counter, is the fencing token: only while the row
//! is live does a write that carries the number happen. A session of a hosted
//! agent goes live → settled (its task has its outcome, the runner winds down) →
//! ended; so does one of a runner elsewhere, except that its claim is over as soon as its lease is, for no machine
//! elsewhere can be asked whether it is quiet. A claim without a runner ends at once.
//!
//! A session is begun for work or for a message and for nothing else; what for, and how many wake-ups among agents led
//! there, stands on it (`Errand`, `chain`). What it uses is added up on its agent and its tasks in the same transaction
//! (`usage`).
//!
//! Acts: `open`, `settle`, `withdraw`, `renew`, `end`, and what befalls an agent's
//! sessions together. `context` is what a session gets to read, `transcript` and `stream` what others read of it.
//! Elsewhere: what becomes of the task is in `tasks::flow`.

pub mod chain;
pub mod context;
mod ending;
mod errand;
pub mod routes;
mod row;
pub mod said;
mod secrets;
pub mod service;
mod store;
mod stream;
pub mod sweep;
#[cfg(test)]
mod tests;
mod tools;
mod transcript;
pub mod usage;
