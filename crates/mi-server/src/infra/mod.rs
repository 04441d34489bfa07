//! What every concept stands on: the store, HTTP, time, faults, acts.
//!
//! Nothing here knows a concept. `act` is the one way to write, `http` the one
//! way in, `caller` says who is asking.

pub mod act;
pub mod caller;
pub mod clock;
pub mod config;
pub mod db;
pub mod fault;
pub mod http;
pub mod keys;
pub mod outbound;
pub mod seats;
pub mod signed;
pub mod sweeps;
pub mod vault;
pub mod wakeups;
