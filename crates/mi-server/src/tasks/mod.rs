//! Tasks: the office's shared queue of work.
//!
//! One agent holds a task at a time, and no task is done without a result.
//! Nothing hands work to an agent directly; the queue is the only way in.
//!
//! Acts: `create`, `claim`, `update`, `renew`, `log`, `comment`, `add_artifact`,
//! `verify`, `retry`, `cancel`. `flow` carries a move to parents and dependents,
//! `cards` makes the shapes that clients see.
//! Elsewhere: the claim itself is a row in `sessions`; artifact bytes are in `files`.

pub mod cards;
pub mod claim;
pub mod flow;
pub mod notes;
pub mod review;
pub mod routes;
pub mod service;
pub mod store;
pub mod sweep;
#[cfg(test)]
mod tests;
pub mod update;
pub mod workers;
