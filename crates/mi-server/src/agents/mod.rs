//! Agents (= employees): who works in an office, and how each of them is doing.
//!
//! A name belongs to one agent at a time; firing frees it. What an agent is doing
//! is never stored: its phase follows from its pod, its live session, its office.
//! An agent may hire where the office allows it, and then answers for what it hired.
//!
//! Acts: `hire`, `update`, `promote`, `change_skills`, `lifecycle`, `heartbeat`, `report`, `fire`.
//! Elsewhere: processes are in `pods`; what an agent works on is in `sessions`;
//! its environment is in `env`.

mod change;
mod faults;
mod follow;
mod hire;
mod phase;
mod reports;
pub mod routes;
mod rules;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
mod traces;
