//! testkit

pub mod house;
pub mod model;
