//! Agents (= employees): who works in an office, and how each of them is doing.
//!
//! A name belongs to one agent at a time; firing frees it. What an agent is doing
//! is never stored: its phase follows from its pod, its live session, its office.
//! An agent may hire where the office allows it, and then answers for what it hired. One from elsewhere has no pod; it is
//! there as long as it is heard of.
//!
//! Acts: `hire`, `update`, `promote`, `change_skills`, `lifecycle`, `heartbeat`, `report`;
//! ways out and back: `fire`, `archive`, `restore`;
//! of agents from elsewhere `admit`, `update_self`.
//! Elsewhere: processes are in `pods`; what an agent works on is in `sessions`;
//! its environment is in `env`.

mod change;
pub mod external;
mod faults;
mod follow;
pub mod hire;
mod leave;
mod phase;
mod reports;
pub mod routes;
mod rules;
pub mod service;
mod store;
pub mod sweep;
#[cfg(test)]
mod tests;
mod traces;
