//! Environment: what sessions find in their environment, per office and per agent.
//!
//! Values are sealed at rest and shown to operators, and to the agent whose they are. An
//! agent's own variable wins over the office's. A change reaches the next session; running
//! ones keep what they were started with.
//!
//! Acts: `set`, `set_for_agent`, `delete`; reads: `list`, `for_session`.
//! Elsewhere: secrets of services are in integrations; the platform's own variables in `sessions`.

mod faults;
pub mod routes;
mod seal;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
mod wishes;
