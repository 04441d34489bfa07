//! Tasks: the office's shared queue of work.
//!
//! One agent holds a task at a time, and no task is done without a result.
//! Nothing hands work to an agent directly; the queue is the only way in.
//!
//! Acts: `create`, `claim`, `update`, `renew`, `log`, `comment`, `add_artifact`,
//! `verify`, `retry`, `cancel`, and `accept` and `drop` of late results. `flow` carries a
//! move to parents and dependents, `reviewers` asks for judgements, `proof` puts together
//! what an attempt has to show, `cards` makes the shapes that clients see, `times` minds
//! when tasks begin and should end, `calls` says which sleeping agent is woken for them.
//! Elsewhere: the claim itself is a row in `sessions`; artifact bytes are in `files`.

pub mod calls;
pub mod cards;
mod chain;
pub mod claim;
pub mod flow;
pub mod late;
pub mod needs;
pub mod notes;
pub mod proof;
pub mod review;
pub mod reviewers;
pub mod routes;
pub mod service;
pub mod store;
mod stream;
pub mod sweep;
#[cfg(test)]
mod tests;
pub mod times;
pub mod update;
pub mod workers;
