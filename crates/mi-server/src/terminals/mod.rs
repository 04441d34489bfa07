//! Terminals: commands and shells that people run in an agent's pod, beside its work.
//!
//! The server runs nothing and connects to nobody: the pod's runner learns with its next question or beat that somebody
//! waits, and comes. Then two connections are joined here, and each end may say only what is its own. There is one
//! terminal at a time in a pod; it ends with either connection, with its caller's right, and with its time. What runs
//! has the pod's walls, its user and the agent's variables, and no credential: a terminal can't speak in the agent's
//! name. Who, when, how long and how it ended is recorded before and after; what was typed is not.
//!
//! Acts: `debug` (one command, its output as the answer), `shell` (interactive, for the owner), `attach` (the runner).
//! Elsewhere: frames are in `mi_core::terminal`; processes and pseudo-terminals are the runner's.

mod bridge;
mod desk;
mod faults;
mod frames;
pub mod routes;
mod service;
#[cfg(test)]
mod tests;

pub use desk::Desk;
