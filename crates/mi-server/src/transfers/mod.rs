//! Transfers: an agent's clone, and the state that it waits for.
//!
//! A clone is a hosted agent whose pod doesn't start before its state has come, or somebody starts it without. A
//! bundle is unpacked beside the clone's workspace and becomes it in one step; a bundle that is refused leaves nothing.
//! Whoever asked for the clone sends its state, and nobody else.
//!
//! Acts: `clone`, `complete`. `envelope` takes a request apart while it arrives, `unpack` is the only way onto the disk.
//! Elsewhere: what may be in a bundle is in `mi_core::transfer`; a clone is hired by `agents::hire`.

pub mod archive;
mod desk;
mod envelope;
mod faults;
pub mod routes;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod unpack;

pub use desk::Desk;
pub use unpack::Staging;
