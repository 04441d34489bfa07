//! Backups: an agent's workspace as it was in one moment, kept beside the drive.
//!
//! A backup is one file, a tar compressed with zstd, with its manifest of digests as the last entry; the server alone can
//! read it, it appears whole or not at all, and its row tells its digest. Who leaves (fired, archived, ended) leaves one
//! behind first: if that can't be made, nobody goes, unless without was asked for.
//!
//! Acts: `create`, `delete`, `restore`; `pack_before_leaving` and `act_and_keep` for acts by which an agent goes;
//! `to_its_end` for all of them, since a caller that goes away must take no archive along.
//! `pack` and `unpack` are the ways off and onto the disk, `look` shows a workspace as it is now, `leavings` and `strays` remove
//! what nobody needs any more.
//! Elsewhere: who goes and comes back is decided in `agents`.

mod desk;
pub mod faults;
mod leavings;
mod look;
mod manifest;
mod pack;
pub mod routes;
pub mod service;
mod store;
mod strays;
#[cfg(test)]
mod tests;
mod unpack;

pub use desk::Desk;
pub use leavings::{sweep, tidy_up};
pub use pack::{Facts, Packed};
pub use strays::collect;
