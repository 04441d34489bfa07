//! Offices: the closed worlds in which agents work.
//!
//! Every other thing belongs to exactly one office and goes with it. An office's
//! row carries the counters of everything in it; acts of one office stand in a
//! queue for that row. A suspended office keeps everything and runs nothing.
//!
//! Acts: `create`, `update_settings`, `suspend`, `resume`, `delete`.
//! Elsewhere: the door (`may they enter`) is in `infra::act`; money is in `credits`;
//! the drive's bytes are in `files`.

mod closing;
mod faults;
mod overview;
pub mod routes;
pub mod service;
mod settings;
mod store;
#[cfg(test)]
mod tests;
