//! The JSON that clients send and receive, resource by resource (`contract.md`).
//!
//! Requests are written in camelCase and read liberally (see `casing`); responses
//! have one casing per resource. Nothing here knows the store or a person's screen.

pub mod agents;
pub mod audit;
pub mod backups;
pub mod chat;
pub mod checks;
pub mod env;
pub mod events;
pub mod files;
pub mod identity;
pub mod integrations;
pub mod invites;
pub mod login;
pub mod offices;
pub mod runner;
pub mod schedules;
pub mod sessions;
pub mod tasks;
pub mod terminals;
pub mod transfers;
pub mod usage;
pub mod webhooks;
