//! Runners: the processes in pods, and how they take work.
//!
//! The server never connects to a runner and never gives it work; a runner asks.
//! A newer runner of the same agent voids the older one (its epoch is higher).
//!
//! Acts: `hello` (a ticket becomes an epoch), `next` (control, messages or a task).
//! Elsewhere: a granted session lives in `sessions`, starting pods in `pods`.

pub mod routes;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
