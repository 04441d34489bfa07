//! The command line as its users meet it.

#![allow(clippy::unwrap_used, reason = "what surrounds a test may fail it, too")]

mod backups;
mod behaviour;
mod chat;
mod checks;
mod colony;
mod guide;
mod house;
mod integrations;
mod invites;
mod mcp;
mod people;
mod pods;
mod roles;
mod schedules;
mod tq;
