//! testkit

pub mod model;
