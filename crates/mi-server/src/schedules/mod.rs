//! Schedules: tasks that are created again and again.
//!
//! A due moment has at most one run, whatever crashes: the task and the step to the next
//! moment are one transaction. Agents may look at schedules; only operators make or change
//! them, since whoever could schedule for ever would need no leave for anything.
//!
//! Acts: `create`, `update`, `delete`, `run`; reads: `list`, `get`, `next`; `fire` is the sweep's.
//! Elsewhere: when something is due is decided in mi-core's `schedules`; the task is made by `tasks::service`.

mod faults;
mod fire;
pub mod routes;
mod service;
mod store;
pub mod sweep;
#[cfg(test)]
mod tests;
