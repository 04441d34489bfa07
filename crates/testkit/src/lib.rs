//! testkit

pub mod history;
#[cfg(feature = "house")]
pub mod house;
pub mod model;
pub mod programs;
