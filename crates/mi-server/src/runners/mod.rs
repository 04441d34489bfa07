//! Runners: the processes in pods and on machines elsewhere, and how they take work.
//!
//! The server never connects to a runner and never gives it work; a runner asks.
//! A newer runner of the same agent voids the older one (its epoch is higher).
//!
//! Acts: `hello` (a ticket, or the key of an agent elsewhere, becomes an epoch), `next` (control, messages or a task).
//! Elsewhere: a granted session lives in `sessions`, starting pods in `pods`.

mod elsewhere;
mod faults;
pub mod routes;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
