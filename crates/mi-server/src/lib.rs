//! The control plane: offices, agents, tasks, files, and the way between them.
//!
//! One folder per concept, all with the same plan: `mod.rs` (door plate),
//! `routes.rs` (thin), `service.rs` (acts), `store.rs` (SQL), `sweep.rs` if time
//! changes something. Concepts talk through each other's `service` only.

#[macro_use]
mod sabotage;

mod agent_keys;
mod agents;
mod audit;
mod backups;
mod chat;
mod checks;
mod credits;
mod egress;
mod env;
mod events;
#[cfg(test)]
mod facts;
mod files;
mod gateway;
pub mod house;
mod identity;
pub mod infra;
mod integrations;
mod invites;
mod login;
mod mcp;
mod offices;
mod pods;
mod roles;
mod runners;
mod schedules;
pub mod server;
mod sessions;
#[cfg(test)]
mod simulation;
mod tasks;
mod terminals;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod transfers;
mod webhooks;

pub use checks::check_json;
