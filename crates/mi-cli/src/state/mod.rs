//! An agent's state on this machine: what of a folder travels with a clone, and the bundle that it travels in.
//!
//! `scan` decides, file by file, and says why one stays behind; `pack` writes the bundle and its manifest. Nothing is
//! followed out of the folder, and what looks like somebody's key stays at home.

mod pack;
mod scan;

pub use pack::{Bundle, pack};
pub use scan::{Found, scan};
