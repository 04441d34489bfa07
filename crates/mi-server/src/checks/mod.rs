//! Completion checks: what a task is measured by, run by the server when `done` is reported.
//!
//! A task with checks that reaches `done` stays *pending* until all of them hold; no word of an agent closes it. Each such
//! completion opens a round. A sweep runs the round outside every transaction, commands and schemas in a clean sandbox
//! that can only read the drive, and one act writes down what was found and judges: all held, accepted; one failed, back
//! to the queue with its output. What can't be run for a reason of ours is neither; it is tried again. A round whose
//! server died is run anew.
//!
//! Acts: `attach`, `change`, `follow`, `begin`, `judge`, `delay`.
//! Elsewhere: shapes and rules are in mi-core's `checks`; accepting and rejecting is in `tasks::review`; walls are in mi-pods.

pub mod faults;
mod run;
mod runs;
pub mod service;
mod store;
pub mod sweep;
#[cfg(test)]
mod tests;

pub use run::json::main as check_json;
pub use runs::Runs;
